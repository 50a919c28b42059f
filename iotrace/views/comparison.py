"""``iotrace compare``: one operation of each recording on one axis, the proof, and the measures.

The picture is Stevens' comparison of the five models (UNP vol. 1, figure 6.6), lying down and measured:
each recording's median operation from the moment when it began. Three panels have a scale each, so that
a copy of microseconds is seen beside a wait of seconds; within a panel all recordings share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from iotrace import wording
from iotrace.analysis.comparison import Median, Side
from iotrace.analysis.model import Act, Analysis, Basis
from iotrace.language import N_, _, pgettext
from iotrace.numbers import counted, duration, grouped, size
from iotrace.timeline import Course, Spell, course, rasterise, ticks, typical
from iotrace.views import lanes
from iotrace.views.glyphs import Pen
from iotrace.views.layout import HEAD, Column, Lines, clip, grid, head, pad, wrap
from iotrace.views.legend import Seen
from iotrace.views.matrix import phases
from iotrace.views.report import spaced

_Item = TypeVar("_Item")

_PANELS = (N_("phase 1: waiting for data"), N_("not taken yet"), N_("phase 2: copying"))
_WEIGHTS = (9, 6, 8)  # of the panels' widths

#: Cells kept free in a panel, for the length behind its longest bar.
_NUMBER = 10
_WIDE = 18  # in a panel of so many

#: Below this width columns stand closer.
_ROOMY = 100


def comparison(sides: Sequence[Side], analyses: Sequence[Analysis], ascii: bool = False) -> RenderableType:
    """Return the picture, the proof matrix and the measures of recordings, in the order given."""
    courses = []
    for side, analysis in zip(sides, analyses, strict=True):
        index = typical(analysis) if side.act is not None else None
        courses.append(None if index is None else course(analysis, index))

    def draw(width: int, pen: Pen) -> Iterable[Text]:
        yield from spaced(
            (
                _title(sides, width, pen),
                _picture(sides, courses, width, pen),
                _proof(sides, width, pen),
                _measures(sides, width, pen),
                _conclusion(sides, width, pen),
            )
        )

    return Lines(draw, ascii)


def _title(sides: Sequence[Side], width: int, pen: Pen) -> Iterable[Text]:
    words = counted(
        len(sides),
        "{n} recording side by side: the median operation of each, from its begin",
        "{n} recordings side by side: the median operation of each, from its begin",
    )
    yield clip(Text(pen(words), "title"), width, pen)
    for side in sides:
        if side.lost:
            lost = counted(
                side.lost,
                "{label}: {n} event was lost, its counts are lower bounds",
                "{label}: {n} events were lost, its counts are lower bounds",
                label=side.label,
            )
            yield from wrap(lost, width, pen, "warning")
    if len({side.probe for side in sides}) > 1:
        by = _(", ").join(
            _("{label} by {probe}").format(
                label=side.label, probe=_(wording.PROBES.get(side.probe, side.probe))
            )
            for side in sides
        )
        words = _("different probes, whose own cost differs: {by}").format(by=by)
        yield from wrap(words, width, pen, "warning")


def _picture(sides: Sequence[Side], courses: Sequence[Course | None], width: int, pen: Pen) -> Iterable[Text]:
    known = [each for each in courses if each is not None]
    if not known:
        return
    models = [_(wording.SHORT_MODELS[side.model]) for side in sides]
    names = [pen(side.label) for side in sides] + [f"  {model}" for model in models]
    margin = min(max(map(cell_len, names)), max(16, width // 5)) + 2
    seen = Seen()
    spans = [max(each.spells[panel].length_ns for each in known) for panel in range(3)]
    widths = _widths(spans, width - margin)
    yield _titles(widths, margin, width, pen)
    yield _axes(spans, widths, margin, pen)
    for side, model, each in zip(sides, models, courses, strict=True):
        above = Text().append_text(pad(Text(pen(side.label), "heading"), margin - 2, pen)).append("  ")
        words = "  " + (_("kernel") if side.label == model else model)
        under = pad(Text(pen(words), "muted"), margin - 2, pen).append("  ")  # dim to its end: the kernel's
        if each is None:
            words = side.verdict.because if side.verdict else _("no receive and no accept was seen")
            yield clip(above.append(pen(f"? {words}"), "basis.unseen"), width, pen)
            yield under
            continue
        yield above.append_text(_line(each, spans, widths, pen, seen, True))
        yield under.append_text(_line(each, spans, widths, pen, seen, False))
    yield from seen.draw(width, pen, _("upper lane: the process, lower: the kernel's buffer"))


def _widths(spans: Sequence[int], cells: int) -> list[int]:
    """Return the cells of each panel; one of no length has none. A sign stands between two panels."""
    weights = [weight if span else 0 for weight, span in zip(_WEIGHTS, spans, strict=True)]
    bars = max(0, sum(1 for weight in weights if weight) - 1)
    room = cells - bars
    widths = [room * weight // max(1, sum(weights)) for weight in weights]
    if any(widths):
        widths[0 if weights[0] else 2] += room - sum(widths)
    return widths


def _titles(widths: Sequence[int], margin: int, width: int, pen: Pen) -> Text:
    line = Text(" " * margin)
    for title, cells in _shown(_PANELS, widths):
        line.append(pen("╎") if line.cell_len > margin else "", "muted")
        line.append_text(pad(Text(pen(_(title)), "muted"), cells, pen))
    line.rstrip()
    return line


def _axes(spans: Sequence[int], widths: Sequence[int], margin: int, pen: Pen) -> Text:
    line = Text(" " * margin)
    for span, cells in _shown(spans, widths):
        line.append(pen("╎") if line.cell_len > margin else "", "muted")
        row = [" "] * cells
        bar = cells - _NUMBER if cells >= _WIDE else cells
        for tick in ticks(0, span + 1, max(2, bar // 12)):
            at = tick.at_ns * bar // span
            words = pen("╷" + tick.label)
            if at + len(words) <= cells:
                row[at : at + len(words)] = words
        line.append("".join(row), "axis")
    line.rstrip()
    return line


def _shown(items: Sequence[_Item], widths: Sequence[int]) -> list[tuple[_Item, int]]:
    return [(item, cells) for item, cells in zip(items, widths, strict=True) if cells]


def _line(
    each: Course, spans: Sequence[int], widths: Sequence[int], pen: Pen, seen: Seen, process: bool
) -> Text:
    line = Text()
    for (spell, span), cells in _shown(list(zip(each.spells, spans, strict=True)), widths):
        line.append(pen("╎") if line.cell_len else "", "muted")
        line.append_text(_panel(spell, span, cells, pen, seen, process))
    return line


def _panel(spell: Spell, span: int, cells: int, pen: Pen, seen: Seen, process: bool) -> Text:
    """Draw one spell at the panel's scale, and how long it was where there is room behind it."""
    bar = cells - _NUMBER if cells >= _WIDE else cells
    filled = min(bar, max(1, round(spell.length_ns * bar / span))) if spell.length_ns else 0
    text = Text()
    if filled:
        lane = spell.process if process else spell.kernel
        raster = rasterise(lane, spell.begin_ns, spell.end_ns, filled)
        text.append_text(lanes.strip(lane, raster, filled, pen, seen, sizes=False))
    words = pen(f" {_about(duration(spell.length_ns), spell.length_basis)}") if spell.length_ns else ""
    if process and cell_len(words) + 1 <= cells - filled:
        text.append(words, "muted")
    return text.append(" " * (cells - text.cell_len))


def _proof(sides: Sequence[Side], width: int, pen: Pen) -> Iterable[Text]:
    columns = (
        Column(shrink=18),
        Column(_("phase 1: waiting for data"), gap=3),
        Column(drop=2),
        Column(_("phase 2: copying"), gap=3),
        Column(_("POSIX calls it"), drop=1, gap=3),
    )
    rows = []
    for side in sides:
        label = Text(pen(side.label), "heading")
        if side.row is None:
            rows.append([label, Text(pen(_("? unseen")), "basis.unseen"), Text(), Text(), Text()])
            continue
        first, others, second = phases(side.row, pen)
        remark = second.plain.find(" " + _("(a kernel thread copies)"))
        if width < _ROOMY and remark > 0:
            second = second[:remark]
        words = {True: _("synchronous"), False: _("asynchronous"), None: ""}[side.synchronous]
        style = "share.free" if side.synchronous is False else "none"
        rows.append([label, first, others, second, Text(words, style)])
    yield from grid(columns, rows, width, pen)


def _measures(sides: Sequence[Side], width: int, pen: Pen) -> Iterable[Text]:
    gap = 2 if width >= _ROOMY else 1
    columns = (
        Column(shrink=18),
        *(Column(heading, right=True, drop=drop, gap=gap) for heading, drop in _headings()),
    )
    compared = [side for side in sides if side.act is not None]
    rows = [_measured(side, pen) for side in sides]
    if len(sides) == 2 == len(compared):
        rows.append(_change(compared[0], compared[1], pen))
    yield from grid(columns, rows, width, pen)
    act = {_(wording.ACTS[side.act]) for side in compared if side.act is not None}
    words = _(
        "per {act}; woken: slept in a call until its input came; CPU: inside calls, own code is unseen;"
        " medians of phases; response: from data ready until the answer was sent"
    )
    what = act.pop() if len(act) == 1 else _("operation")
    yield from wrap(words.format(act=what), width, pen, "muted")


def _headings() -> tuple[tuple[str, int], ...]:
    """Return the columns of the table, and which go first where there is no room."""
    return (
        (pgettext("column: how many operations", "ops"), 1),
        (pgettext("column", "bytes"), 4),
        (pgettext("column", "calls"), 0),
        ("EAGAIN", 0),
        (pgettext("column", "signals"), 2),
        (pgettext("column", "woken"), 0),
        (pgettext("column", "sleeps"), 0),
        ("CPU", 0),
        (pgettext("column", "phase 1"), 0),
        (pgettext("column", "phase 2"), 0),
        (pgettext("column", "response"), 0),
    )


def _measured(side: Side, pen: Pen) -> list[Text]:
    label = Text(pen(side.label), "heading")
    if side.act is None:
        return [label, *(Text(pen("?"), "basis.unseen") for _ in range(11))]
    per = side.operations
    at_least = "≥ " if side.sleeps_basis is Basis.BOUNDED else ""
    return [
        label,
        Text(pen(grouped(per))),
        Text(pen(size(side.bytes // per)) if side.bytes else ""),
        Text(pen(_each(side.calls, per))),
        Text(pen(_each(side.eagain, per))),
        Text(pen(_each(side.signals, per))),
        Text(pen(_each(side.woken, per))),
        Text(pen(at_least + _each(side.sleeps, per))),
        Text(pen(_about(duration(side.cpu_ns // per), side.cpu_basis))),
        _time(side.phase1, pen, _("at once")),
        _time(side.phase2, pen, _("none") if side.act is Act.ACCEPT else "?"),
        _time(side.response, pen, _("none")),
    ]


def _change(first: Side, second: Side, pen: Pen) -> list[Text]:
    """Return the second recording's measures as multiples of the first one's."""

    def ratio(before: float | None, after: float | None) -> Text:
        if not before or after is None:
            return Text()
        return Text(pen(_times(after / before)), "share.copy")

    per = first.operations, second.operations
    pairs = [
        (side.calls / n, side.eagain / n, side.signals / n, side.woken / n, side.sleeps / n, side.cpu_ns / n)
        for side, n in zip((first, second), per, strict=True)
    ]
    return [
        Text(pgettext("row: the second recording against the first", "change"), "muted"),
        Text(),
        Text(),
        *(ratio(*pair) for pair in zip(*pairs, strict=True)),
        ratio(first.phase1.ns, second.phase1.ns),
        ratio(first.phase2.ns, second.phase2.ns),
        ratio(first.response.ns, second.response.ns),
    ]


def _conclusion(sides: Sequence[Side], width: int, pen: Pen) -> Iterable[Text]:
    """Say what the phases prove, in the words of the definition; nothing where too little was seen."""
    judged = [side for side in sides if side.synchronous is not None]
    if len(judged) < 2 or len({side.model for side in judged}) < 2:
        return
    free = [side.label for side in judged if not side.synchronous]
    inside = len(judged) - len(free)
    if not free and inside == 2:
        words = _(
            "both are inside a call while the data are copied: however they wait, both are synchronous."
        )
    elif not free:
        words = _(
            "all {n} are inside a call while the data are copied: however they wait, all {n} are synchronous."
        ).format(n=inside)
    elif not inside:
        words = _("none is inside a call while the data are copied: all are asynchronous.")
    else:
        words = counted(
            len(free),
            "{inside} of {all} are inside a call while the data are copied: however they wait, they are"
            " synchronous. Only {free} is not.",
            "{inside} of {all} are inside a call while the data are copied: however they wait, they are"
            " synchronous. Only {free} are not.",
            inside=inside,
            all=len(judged),
            free=_(" and ").join(free),
        )
    yield from wrap(words, width, pen, "none", head(_("PROOF"), "lesson"), HEAD)


def _each(count: int, operations: int) -> str:
    """Write a count per operation: whole where it is, else with one digit."""
    value = count / operations
    return grouped(round(value)) if value >= 99.95 or value == int(value) else f"{value:.1f}"


def _time(median: Median, pen: Pen, without: str) -> Text:
    if median.ns is None:
        return Text(pen(without), "muted")
    return Text(pen(_about(duration(median.ns), median.basis)))


def _about(words: str, basis: Basis) -> str:
    return {Basis.MEASURED: "", Basis.BOUNDED: "≈ ", Basis.UNSEEN: "? "}[basis] + words


def _times(value: float) -> str:
    return f"×{value:.2g}" if value < 100 else f"×{grouped(round(value))}"
