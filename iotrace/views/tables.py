"""The tables of the report: calls with their durations, and descriptors as what they are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from rich.text import Text

from iotrace import wording
from iotrace.analysis.model import Analysis, Descriptor, Model
from iotrace.language import _, pgettext
from iotrace.numbers import counted, duration, grouped, size
from iotrace.views.glyphs import Pen
from iotrace.views.layout import Column, grid


def _call_columns() -> tuple[Column, ...]:
    return (
        Column(pgettext("column", "call")),
        Column(pgettext("column", "count"), right=True),
        Column(pgettext("column", "errors"), drop=2, shrink=10),
        Column(pgettext("column", "bytes"), right=True, drop=3),
        Column(pgettext("column", "total"), right=True),
        Column(pgettext("column", "wait"), right=True),
        Column(pgettext("column", "wake"), right=True, drop=6),
        Column(pgettext("column", "copy"), right=True, drop=1),
        Column("p50", right=True),
        Column("p90", right=True, drop=5),
        Column("p99", right=True, drop=4),
        Column(pgettext("column", "max"), right=True),
    )


def _descriptor_columns(several: bool) -> tuple[Column, ...]:
    return (
        Column("pid", right=True) if several else Column(),
        Column("fd", right=True),
        Column(pgettext("column: a descriptor", "what"), shrink=38),
        Column(pgettext("column: of a descriptor", "flags"), drop=2),
        Column(_("watched by"), drop=1, shrink=12),
        Column(pgettext("column", "model"), drop=3),
        Column(pgettext("column: how many operations", "ops"), right=True),
        Column(pgettext("column", "bytes"), right=True),
    )


#: With more descriptors than this only the busiest are looked at.
_MANY = 2_000


def calls(analysis: Analysis, width: int, pen: Pen) -> Iterable[Text]:
    """Yield one row per call name; columns that do not fit go, the durations' extremes stay."""
    rows = []
    for call in analysis.calls:
        errors = ", ".join(f"{name} {grouped(count)}" for name, count in call.errors.items())
        times = (call.total_ns, call.wait_ns, call.wake_ns, call.copy_ns)
        tails = (call.p50_ns, call.p90_ns, call.p99_ns, call.max_ns)
        rows.append(
            [
                Text(pen(call.name)),
                Text(pen(grouped(call.count))),
                Text(pen(errors), "muted"),
                Text(pen(size(call.bytes)) if call.bytes else ""),
                *(Text(pen(duration(ns)) if ns else "") for ns in times),
                *(Text(pen(duration(ns)), "muted") for ns in tails),
            ]
        )
    yield from grid(_call_columns(), rows, width, pen)


def descriptors(analysis: Analysis, width: int, pen: Pen, most: int = 40) -> Iterable[Text]:
    """Yield one row per descriptor that took part in I/O, at most ``most``, then how many more there are."""
    kept = [each for each in _candidates(analysis, most) if _matters(each)]
    several = len({each.tgid for each in kept}) > 1
    rows = [
        [
            Text(str(each.tgid) if several else "", "muted"),
            Text(str(each.fd)),
            Text(pen(_name(each))),
            Text(pen(_flags(each)), "muted"),
            Text(pen(_(", ").join(map(wording.watcher, each.watched_by))), "muted"),
            Text(pen(wording.model(each.model)) if each.model != Model.UNKNOWN else ""),
            Text(pen(grouped(each.operations)) if each.operations else ""),
            Text(pen(size(each.bytes)) if each.bytes else ""),
        ]
        for each in kept[:most]
    ]
    yield from grid(_descriptor_columns(several), rows, width, pen)
    more = (len(kept) if len(analysis.descriptors) <= _MANY else len(analysis.descriptors)) - most
    if more > 0:
        words = counted(
            more, "… {n} more descriptor (--json has all)", "… {n} more descriptors (--json has all)"
        )
        yield Text(pen(words), "muted")


def _candidates(analysis: Analysis, most: int) -> Iterable[Descriptor]:
    """Return all descriptors, or of very many those with most operations: each is made when looked at."""
    if len(analysis.descriptors) <= _MANY:
        return analysis.descriptors
    life = analysis.operations["life"]
    count = np.bincount(life[life >= 0], minlength=len(analysis.descriptors))
    return [
        analysis.descriptors[int(index)] for index in np.sort(np.argsort(-count, kind="stable")[: 2 * most])
    ]


def _matters(each: Descriptor) -> bool:
    return bool(
        each.operations or each.watched_by or each.kind in ("listen", "tcp", "udp", "unix", "io_uring")
    )


def _name(each: Descriptor) -> str:
    if each.kind in ("unknown", "file") or each.name.startswith(each.kind):
        return each.name or each.kind
    return f"{each.kind} {each.name}".strip()


def _flags(each: Descriptor) -> str:
    if each.nonblocking is None and each.asynchronous is None:
        return "?"
    names = [(_("nonblocking"), each.nonblocking), (_("async"), each.asynchronous)]
    return _(", ").join(name for name, on in names if on) or _("blocking")
