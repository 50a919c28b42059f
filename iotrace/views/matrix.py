"""The proof matrix: where the process was during each phase, summed over all operations."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from iotrace import wording
from iotrace.analysis.matrix import said
from iotrace.analysis.model import Act, Analysis, Basis, MatrixRow, Model, Phase
from iotrace.language import _
from iotrace.numbers import duration, grouped, share, size
from iotrace.views.glyphs import Pen
from iotrace.views.layout import Column, grid

#: Shares below this are left to the JSON report.
_WORTH = 0.0005


def draw(analysis: Analysis, width: int, pen: Pen) -> Iterable[Text]:
    """Yield the matrix as a table, and one line about its marks where a number is not measured."""
    rows = [row for row in analysis.matrix if row.operations]
    if not rows:
        return
    several = len({(row.act, row.model) for row in rows}) > len({row.act for row in rows})
    columns = (
        Column(),
        Column(drop=0 if several else 3, shrink=13),
        Column(_("phase 1: waiting for data"), gap=3),
        Column(drop=2),
        Column(drop=4, right=True),
        Column(_("phase 2: copying to the process"), gap=3),
        Column(drop=1),
    )
    cells = [_cells(row, pen, several) for row in rows]
    yield from grid(columns, cells, width, pen)
    bases = {phase.basis for row in rows for phase in _phases(row)}
    if Basis.BOUNDED in bases:
        words = _("≈ bounded: the true value lies in a known interval, this is its best bound")
        yield Text(pen(words), "basis.bounded")
    if Basis.UNSEEN in bases:
        yield Text(pen(_("? this probe cannot see it")), "basis.unseen")


def phases(row: MatrixRow, pen: Pen) -> tuple[Text, Text, Text]:
    """Return phase 1's largest share, its other shares, and phase 2, in words."""
    first, others = _phase1(row.phase1, pen)
    return first, others, _phase2(row, pen)


def _phases(row: MatrixRow) -> tuple[Phase, ...]:
    return (row.phase1,) if row.act == Act.ACCEPT else (row.phase1, row.phase2)


def _cells(row: MatrixRow, pen: Pen, several: bool) -> list[Text]:
    name = Text(pen(f"{_(wording.ACTS[row.act])} ×{grouped(row.operations)}"), "heading")
    model = Text(pen(wording.model(row.model)), "muted") if several else Text()
    first, others = _phase1(row.phase1, pen)
    total = Text(pen(_about(row.phase1, f"{duration(row.phase1.total_ns)}")), "muted")
    if row.phase1.basis == Basis.UNSEEN:
        total = Text()
    return [name, model, first, others, total, _phase2(row, pen), _moved(row, pen)]


def _phase1(phase: Phase, pen: Pen) -> tuple[Text, Text]:
    if phase.basis == Basis.UNSEEN:
        return Text(pen(_("? unseen")), "basis.unseen"), Text()
    if not phase.total_ns:
        return Text(pen(_("data were there at once")), "muted"), Text()
    blocked = _("blocked in {call}").format(call=said(phase.blocked_in)) if phase.blocked_in else _("blocked")
    shares = [
        (phase.blocked, blocked, "share.blocked"),
        (phase.polling, _("polling"), "share.polling"),
        (phase.free, _("free"), "share.free"),
        (phase.queued, _("queued"), "muted"),
    ]
    shares.sort(key=lambda item: -item[0])
    value, words, style = shares[0]
    main = Text(pen(f"{words} ")).append(pen(_about(phase, share(value))), style)
    rest = _(", ").join(f"{each[1]} {share(each[0])}" for each in shares[1:] if each[0] >= _WORTH)
    return main, Text(pen(rest), "muted")


def _phase2(row: MatrixRow, pen: Pen) -> Text:
    phase = row.phase2
    if row.act == Act.ACCEPT:
        return Text(pen(_("nothing to copy")), "muted")
    if phase.basis == Basis.UNSEEN:
        return Text(pen(_("? unseen")), "basis.unseen")
    if not phase.total_ns:
        return Text(pen(_("nothing copied")), "muted")
    if phase.blocked >= 0.5:
        where = _("in {call}").format(call=said(phase.blocked_in)) if phase.blocked_in else _("in the call")
        return Text(pen(f"{where} ")).append(pen(_about(phase, share(phase.blocked))), "share.copy")
    text = Text(pen(_("free") + " ")).append(pen(_about(phase, share(phase.free))), "share.free")
    who = " " + _("(a kernel thread copies)") if row.model == Model.ASYNCHRONOUS else ""
    return text.append(pen(who), "muted")


def _moved(row: MatrixRow, pen: Pen) -> Text:
    if row.act == Act.ACCEPT:
        return Text()
    text = size(row.bytes)
    if row.phase2.basis != Basis.UNSEEN and row.phase2.total_ns:
        mark = "≤ " if row.phase2.basis == Basis.BOUNDED else ""
        text = _("{size} in {time}").format(size=text, time=f"{mark}{duration(row.phase2.total_ns)}")
    return Text(pen(text), "muted")


def _about(phase: Phase, number: str) -> str:
    return f"≈ {number}" if phase.basis == Basis.BOUNDED else number
