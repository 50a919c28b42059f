"""One operation under the glass: a bar on a piecewise axis, then each piece with its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.text import Text

from iotrace import wording
from iotrace.analysis.model import Act, Analysis, Basis
from iotrace.language import _
from iotrace.numbers import counted, duration, factor, size
from iotrace.timeline import Magnified, Step, What
from iotrace.views.glyphs import Pen, style_of
from iotrace.views.layout import Column, clip, grid

BREAK = "╎"  # where the axis changes its scale

#: Where the wait is longer than so many times the rest, the axis is broken after it.
_BREAK = 2
_COLUMNS = (
    Column(),
    Column(right=True),
    Column(shrink=24),
    Column(shrink=12, gap=3),
    Column(drop=1),
)


def draw(analysis: Analysis, found: Magnified, lane_cell_ns: float, width: int, pen: Pen) -> Iterable[Text]:
    """Yield a title with the magnification, the bar, and a line per piece."""
    cells = width - 2
    coarse = [step for step in found.steps if step.begin_ns < found.fine_ns]
    fine = [step for step in found.steps if step.begin_ns >= found.fine_ns]
    if not fine or not coarse or _length(coarse) <= _BREAK * _length(fine):
        coarse, fine = [], list(found.steps)
    coarse_cells = min(30, cells // 3) if coarse else 0
    fine_cells = cells - coarse_cells - (1 if coarse else 0)
    scale = lane_cell_ns * fine_cells / max(1, _length(fine))
    yield from _title(analysis, found, scale if _length(fine) else 0, bool(coarse), width, pen)
    bar = Text("  ")
    if coarse:
        bar.append_text(_bar(coarse, coarse_cells, pen))
        bar.append(pen(BREAK), "muted")
    yield bar.append_text(_bar(fine, fine_cells, pen))
    yield from grid(_COLUMNS, [*(_row(step, pen) for step in found.steps), _last(found, pen)], width, pen, 2)


def _length(steps: Sequence[Step]) -> int:
    return steps[-1].end_ns - steps[0].begin_ns if steps else 0


def _title(
    analysis: Analysis, found: Magnified, scale: float, broken: bool, width: int, pen: Pen
) -> Iterable[Text]:
    what = _("{act} on fd {fd}").format(act=_(wording.ACTS[found.act]), fd=found.fd)
    text = Text.assemble((pen(what), "heading"))
    if 0 <= found.life < len(analysis.descriptors):
        text.append(pen(f" {wording.descriptor(analysis.descriptors[found.life])}"))
    parts = [size(found.bytes)] if found.act != Act.ACCEPT else []
    if found.of > 1 and found.typical:
        parts.append(
            counted(found.of, "the median of {n} that waited", "the median of {n} that waited")
            if found.waited
            else counted(found.of, "the median of {n}", "the median of {n}")
        )
    if scale >= 1.5:
        words = _("right of {sign} magnified {factor}") if broken else _("magnified {factor}")
        parts.append(words.format(sign=BREAK, factor=factor(scale)))
    for part in parts:
        if text.cell_len + cell_len(pen.dot) + cell_len(pen(part)) > width:
            yield text
            text = Text("  ").append(pen(part), "muted")
        else:
            text.append(pen.dot + pen(part), "muted")
    yield clip(text, width, pen)


def _bar(steps: Sequence[Step], cells: int, pen: Pen) -> Text:
    """Draw pieces to scale; none is without a cell, and the longest gives it."""
    total = max(1, _length(steps))
    widths = [max(1, (step.end_ns - step.begin_ns) * cells // total) for step in steps]
    while sum(widths) != cells:
        most = widths.index(max(widths))
        widths[most] += 1 if sum(widths) < cells else -1
        if widths[most] < 1:
            return Text("".join(pen.glyph(step.what) for step in steps)[:cells])
    bar = Text()
    for step, room in zip(steps, widths, strict=True):
        bar.append_text(_piece(step, room, pen))
    return bar


def _piece(step: Step, room: int, pen: Pen) -> Text:
    bounded = step.length_basis != Basis.MEASURED
    glyph, style = pen.glyph(step.what, bounded), _style(step.what, bounded)
    words = pen(duration(step.end_ns - step.begin_ns))
    if room < len(words) + 6:
        return Text(glyph * room, style)
    left = (room - len(words) - 2) // 2
    ink = f"{style_of(step.what)}.ink" if step.what != What.COPY else "phase.copy.ink"
    return (
        Text()
        .append(glyph * left, style)
        .append(f" {words} ", ink)
        .append(glyph * (room - left - len(words) - 2), style)
    )


def _row(step: Step, pen: Pen) -> list[Text]:
    bounded = step.length_basis != Basis.MEASURED
    length = duration(step.end_ns - step.begin_ns)
    mark = {Basis.MEASURED: "", Basis.BOUNDED: "≈ ", Basis.UNSEEN: "? "}[step.length_basis]
    return [
        Text(pen.glyph(step.what, bounded) * 2, f"{style_of(step.what)}.swatch"),
        Text(pen(mark + length)),
        Text(pen(step.text)),
        Text(pen(step.evidence), "muted"),
        _basis(step.basis, pen),
    ]


def _last(found: Magnified, pen: Pen) -> list[Text]:
    total = found.end_ns - found.steps[0].begin_ns
    words = _("in all") if found.act == Act.ACCEPT else _("in all: the data are there")
    return [
        Text("  "),
        Text(pen(duration(total))),
        Text(pen(words)),
        Text(pen(found.end), "muted"),
        _basis(found.end_basis, pen),
    ]


def _basis(basis: Basis, pen: Pen) -> Text:
    return Text(pen(_(wording.BASES[basis])), ("basis.unseen", "basis.bounded", "muted")[basis])


def _style(what: What, bounded: bool) -> str:
    return "phase.copy.bounded" if what == What.COPY and bounded else style_of(what)
