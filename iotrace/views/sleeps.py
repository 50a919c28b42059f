"""Where threads slept, idle told apart from stalled: one line a thread and call, with a histogram."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

from rich.text import Text

from iotrace import wording
from iotrace.analysis.blocked import Sleep, State, sleeps
from iotrace.analysis.model import Analysis, Basis, Descriptor
from iotrace.analysis.stalls import Stalls
from iotrace.language import N_, _, pgettext
from iotrace.numbers import counted, duration, grouped
from iotrace.views.glyphs import Pen
from iotrace.views.layout import HEAD, Column, grid, head, wrap
from probes.table import CALLS

_STATES = {State.IDLE: N_("idle"), State.STALLED: N_("stalled"), State.BLOCKED: N_("blocked")}
_STYLES = {State.IDLE: "muted", State.STALLED: "warning", State.BLOCKED: "share.blocked"}
_FEW, _MANY = 6, 1000
_MOST_STALLS = 3


def draw(
    analysis: Analysis,
    width: int,
    pen: Pen,
    threads: Collection[int] = (),
    fds: Collection[int] = (),
    whole: bool = False,
) -> Iterable[Text]:
    """Yield the table of sleeps: its longest lines, or with ``whole`` all, descriptor by descriptor."""
    found = sleeps(analysis, threads, fds, by_descriptor=whole)
    if not found:
        return
    kept = found[: _MANY if whole else _FEW]
    columns, rows = _table(analysis, kept, pen)
    yield from grid(columns, rows, width, pen)
    if len(found) > len(kept):
        rest = sum(each.total_ns for each in found[len(kept) :])
        words = _("… {n} more, {time} in all").format(n=grouped(len(found) - len(kept)), time=duration(rest))
        yield Text(pen(words if whole else f"{words}: iotrace report --blocked"), "muted")


def _table(analysis: Analysis, kept: Sequence[Sleep], pen: Pen) -> tuple[list[Column], list[list[Text]]]:
    first = min(min(each.histogram) for each in kept)
    last = max(max(each.histogram) for each in kept)
    axis = f"{duration(1 << first)} … {duration(2 << last)}"
    columns = [
        Column(_("asleep")),
        Column(pgettext("column", "thread"), right=True),
        Column(pgettext("column: asleep in this call", "in")),
        Column(pgettext("column: asleep on this descriptor", "on"), shrink=12),
        Column(pgettext("column", "count"), right=True),
        Column(pgettext("column", "total"), right=True),
        Column("p50", right=True),
        Column("p90", right=True, drop=4),
        Column("p99", right=True, drop=3),
        Column(pgettext("column", "max"), right=True),
        Column(axis, drop=5),
    ]
    rows = []
    for each in kept:
        bound = "≤ " if each.basis is Basis.BOUNDED else ""
        tails = (each.p50_ns, each.p90_ns, each.p99_ns, each.max_ns)
        rows.append(
            [
                Text(pen(_(_STATES[each.state])), _STYLES[each.state]),
                Text(str(each.tid)),
                Text(pen(each.name)),
                Text(pen(_what(analysis, each)), "muted"),
                Text(pen(grouped(each.count))),
                Text(pen(bound + duration(each.total_ns))),
                *(Text(pen(duration(ns)), "muted") for ns in tails),
                Text(histogram(each.histogram, first, last, pen), _STYLES[each.state]),
            ]
        )
    return columns, rows


def histogram(counts: dict[int, int], first: int, last: int, pen: Pen) -> str:
    """Draw counts by power of two, one sign each from 2**first to 2**last; what occurred is never empty."""
    most = max(counts.values())
    blocks = pen.blocks
    signs = []
    for bucket in range(first, last + 1):
        count = counts.get(bucket, 0)
        level = math.ceil(count / most * (len(blocks) - 1))
        signs.append(blocks[level])
    return "".join(signs)


def _what(analysis: Analysis, each: Sleep) -> str:
    if each.life >= 0:
        return _named(analysis.descriptors[each.life])
    return counted(each.descriptors, "{n} descriptor", "{n} descriptors") if each.descriptors else ""


def stalled(analysis: Analysis, width: int, pen: Pen, most: int = _MOST_STALLS) -> Iterable[Text]:
    """Yield the longest stalls, those first for which something waited: the call, when, and what."""
    stalls = analysis.stalls
    if stalls is None or not len(stalls):
        return
    order = sorted(
        range(len(stalls)), key=lambda place: (not stalls.waited[place], -int(stalls.asleep_ns[place]))
    )
    for place in order[:most]:
        words = stall(analysis, stalls, place)
        yield from wrap(words, width, pen, "none", head(_("STALL"), "warning"), HEAD)
    if len(order) > most:
        total = int(stalls.asleep_ns.sum())
        words = counted(len(order) - most, "… {n} more stall", "… {n} more stalls")
        words = _("{more}; {time} in all").format(more=words, time=duration(total))
        yield Text(" " * HEAD + pen(words), "muted")


def stall(analysis: Analysis, stalls: Stalls, place: int) -> str:
    """Tell one stall in a sentence."""
    events = analysis.events
    row = int(stalls.row[place])
    at = duration(int(events["enter_ns"][row]) - analysis.begin_ns)
    name = CALLS[int(events["code"][row])].name
    life = int(analysis.lives[row])
    slept = duration(int(stalls.asleep_ns[place]))
    words = (
        _("the loop of thread {tid} slept in {call} on {descriptor} for {time}, at {begin}")
        if life >= 0
        else _("the loop of thread {tid} slept in {call} for {time}, at {begin}")
    ).format(
        tid=int(events["tid"][row]),
        call=name,
        descriptor=_named(analysis.descriptors[life]) if life >= 0 else "",
        time=_("at most {time}").format(time=slept) if stalls.bounded[place] else slept,
        begin=at,
    )
    waited = int(stalls.waited[place])
    if not waited:
        return _("{what}; nothing is known to have waited for it").format(what=words)
    victims = [analysis.descriptors[index] for index in stalls.victims(place)]
    names = _(", ").join(map(_named, victims[:4]))
    if len(victims) > 4:
        names = _("{names} and {n} more").format(names=names, n=len(victims) - 4)
    return _("{what}: {waited} ({those}), up to {time}").format(
        what=words,
        waited=counted(waited, "{n} operation waited for it", "{n} operations waited for it"),
        those=names or _("as the next wait tells, which returned at once"),
        time=duration(int(stalls.late_ns[place])),
    )


def _named(what: Descriptor) -> str:
    return f"fd {what.fd} {wording.descriptor(what)}"
