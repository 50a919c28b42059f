"""Stevens' comparison of the models (UNP vol. 1, figure 6.6), measured: one operation of each recording.

Time flows down. The wide bar is the process, the thin one beside it the kernel. The phases are aligned: each
begins at one height for all, and has a scale of its own, which all recordings share. A column is named by
its model where each has another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from iotrace import wording
from iotrace.analysis.comparison import Side, compare
from iotrace.analysis.matrix import spoken
from iotrace.analysis.model import Analysis, Model
from iotrace.figures.meanings import OF_WHAT, WORDS, basis_words, stroke_of, timed
from iotrace.figures.metrics import fit, width
from iotrace.figures.page import (
    BODY,
    LINE,
    NothingToDraw,
    Page,
    Request,
    centred,
    compose,
    legend,
    legend_rows,
    legible,
    page,
)  # fmt: skip
from iotrace.figures.scene import Anchor, Group, Item, Line, Rect, Scene, Stroke, Text, walk
from iotrace.language import N_, _, ngettext
from iotrace.numbers import factor, grouped
from iotrace.theme import Meaning
from iotrace.timeline import BLOCKED, Course, Raster, Spell, What, course, rasterise, typical

_NAMES = (N_("waiting"), N_("unread"), N_("copying"))
_TITLES = (
    N_("phase 1: waiting for data"),
    N_("data ready, not taken yet"),
    N_("phase 2: copying"),
)
_KERNEL = (Meaning.EMPTY, Meaning.READY, Meaning.COPY)
_SHARES = (0.5, 0.2, 0.3)  # of the height

#: What is too short to say in a bar what it is.
_SMALL = (Meaning.POLL, Meaning.WAKE, Meaning.CALL, Meaning.NAP, Meaning.OTHER, Meaning.LOST)

#: A bar has room for marks of what is short in it; they would hide a lower one.
_MARKED = 8.0

_MARGIN = 108.0  # for the phases' names
_THIN, _GAP, _WIDEST = 14.0, 5.0, 150.0


class _Panel(NamedTuple):
    """One phase: its place, and the longest time in it."""

    top: float
    height: float
    span_ns: int


@dataclass(frozen=True)
class _Column:
    """One recording: ``x`` is where its bars begin, ``bar`` the process's width, ``room`` its text's."""

    side: Side
    spells: Course
    analysis: Analysis
    x: float
    bar: float
    room: float

    @property
    def middle(self) -> float:
        """The middle of both bars."""
        return self.x + (self.bar + _GAP + _THIN) / 2


def comparison(request: Request) -> Scene:
    """Draw the median operation of each recording.

    Raises :class:`NothingToDraw` where fewer than two have one.
    """
    sides = compare(request.recordings)
    paper = page(request.aspect)
    shown = []
    for side, (_label, analysis) in zip(sides, request.recordings, strict=True):
        index = typical(analysis) if side.act is not None else None
        if index is not None:
            shown.append((side, course(analysis, index), analysis))
    if len(shown) < 2:
        raise NothingToDraw(
            _("fewer than two recordings have an operation that was seen: `iotrace compare` says why")
        )
    pitch = (paper.width - _MARGIN) / len(shown)
    bar = min(_WIDEST, pitch - _GAP - _THIN - 18)
    left = paper.left + _MARGIN + (pitch - bar - _GAP - _THIN) / 2
    columns = [
        _Column(side, spells, analysis, left + number * pitch, bar, pitch - 6)
        for number, (side, spells, analysis) in enumerate(shown)
    ]
    items = _Drawing(columns, paper).items()
    missing = [side.label for side in sides if all(side is not each.side for each in columns)]
    operations = sum(each.side.operations for each in columns)
    subtitle = ngettext(
        "the median operation of each, of {n} operation; beside each process: the kernel",
        "the median operation of each, of {n} operations; beside each process: the kernel",
        operations,
    ).format(n=grouped(operations))
    if missing:
        unseen = _("nothing was seen of {names}").format(names=_(", ").join(missing))
        subtitle = f"{unseen} · {subtitle}"
    return compose(
        "comparison",
        paper,
        _title(columns),
        subtitle,
        items,
        [each.analysis for each in columns],
        _described(columns),
    )


def _title(columns: Sequence[_Column]) -> str:
    judged = [each.side for each in columns if each.side.synchronous is not None]
    free = {side.model for side in judged if not side.synchronous}
    others = {side.model for side in judged if side.synchronous}
    if len(judged) == len(columns) and len(free) == 1 and others and not free & others:
        return _("Only {model} I/O is free while the data are copied").format(model=_plain(free.pop()))
    return _("When is the process blocked?")


def _described(columns: Sequence[_Column]) -> str:
    lines = []
    for each in columns:
        parts = [
            f"{_(name)} {timed(spell.length_ns, spell.length_basis)}"
            for name, spell in zip(_TITLES, each.spells.spells, strict=True)
        ]
        word = _synchronous(each.side.synchronous)
        model = _(wording.MODELS[each.side.model])
        lines.append(f"{each.side.label} ({model}): {'; '.join(parts)}: {word}")
    return "\n".join(lines)


class _Drawing:
    """Lays columns and panels out."""

    def __init__(self, columns: Sequence[_Column], paper: Page) -> None:
        self.columns = columns
        self.paper = paper
        models = [each.side.model for each in columns]
        self.by_model = len(set(models)) == len(models) and Model.UNKNOWN not in models
        labels = [legible(each.side.label) for each in columns]
        plain = all(_same(label, _plain(model)) for label, model in zip(labels, models, strict=True))
        fits = all(width(label, BODY) <= columns[0].room for label in labels)
        self.second_line = not self.by_model or (fits and not plain)

    def items(self) -> list[Item]:
        """Return everything between the heading and the small print."""
        rows = 2 if self.second_line else 1
        top = self.paper.top + 20 + (rows - 1) * (LINE - 2)
        used = legend_rows([(meaning, _(WORDS[meaning])) for meaning in self._meanings()], self.paper.width)
        bottom = self.paper.bottom - used * LINE - LINE - 6
        panels = self._panels(top + 12, bottom)
        found: list[Item] = [*self._heads()]
        for number, panel in enumerate(panels):
            if panel.span_ns:
                found += self._panel(number, panel, panels[0])
        found += self._proof(bottom + LINE - 4)
        bars = [item for item in walk(found) if isinstance(item, Rect) and (item.plain or item.height >= 2)]
        shown = [
            (meaning, _(WORDS[meaning])) for meaning in _SMALL if any(b.meaning is meaning for b in bars)
        ]
        under = legend(shown, self.paper.left, bottom + 2 * LINE + 2, self.paper.width)
        return found + under

    def _meanings(self) -> list[Meaning]:
        """Return what the fills may mean, to know how much room their legend takes at most."""
        found: set[Meaning] = set()
        for each in self.columns:
            for spell in each.spells.spells:
                found |= {OF_WHAT[run.what] for run in _raster(spell, 100, each.analysis).runs if run.what}
                found |= {OF_WHAT[mark.what] for mark in _raster(spell, 100, each.analysis).marks}
        return [meaning for meaning in _SMALL if meaning in found]

    def _panels(self, top: float, bottom: float) -> list[_Panel]:
        spans = [max(each.spells.spells[number].length_ns for each in self.columns) for number in range(3)]
        shares = [share if span else 0.0 for share, span in zip(_SHARES, spans, strict=True)]
        strips = sum(1 for share in shares if share) * (LINE + 4)
        room = bottom - top - strips
        panels = []
        for share, span in zip(shares, spans, strict=True):
            height = room * share / max(sum(shares), 1e-9)
            panels.append(_Panel(top, height, span))
            top += height + (LINE + 4 if share else 0)
        return panels

    def _heads(self) -> list[Item]:
        found: list[Item] = []
        for number, each in enumerate(self.columns, 1):
            names = legible(each.side.label), _plain(each.side.model)
            first, second = names[::-1] if self.by_model else names
            words = fit(first, each.room, BODY, True)
            heads: list[Item] = [
                Text(each.middle, self.paper.top + 16, words, BODY, anchor=Anchor.MIDDLE, bold=True)
            ]
            if self.second_line and not _same(*names):
                words = fit(second, each.room, BODY)
                heads.append(
                    Text(each.middle, self.paper.top + 38, words, BODY, Meaning.MUTED, Anchor.MIDDLE)
                )
            found.append(Group(tuple(heads), each.side.label, "", number))
        return found

    def _panel(self, number: int, panel: _Panel, first: _Panel) -> list[Item]:
        y = panel.top
        found: list[Item] = [
            Line(((self.paper.left, y), (self.paper.right, y)), Meaning.RULE, 1.2, Stroke.DASHED),
            Text(self.paper.left, y + 20, _(_NAMES[number]), BODY, bold=True),
        ]
        if number and first.span_ns and panel.height >= 40:
            times = (panel.height / panel.span_ns) / (first.height / first.span_ns)
            if times >= 1.5:
                found.append(Text(self.paper.left, y + 20 + LINE - 2, factor(times), BODY, Meaning.MUTED))
        for step, each in enumerate(self.columns, 1):
            spell = each.spells.spells[number]
            words = timed(spell.length_ns, spell.length_basis)
            bars = [*self._bars(each, spell, panel), *self._kernel(each, spell, panel, number)]
            value = Text(each.middle, y + panel.height + 19, fit(words, each.room, BODY, True), BODY,
                         anchor=Anchor.MIDDLE, bold=True)  # fmt: skip
            told = f"{each.side.label}: {_(_TITLES[number])}, {words}"
            at = spell.begin_ns - each.analysis.begin_ns
            found.append(Group((*bars, value), told, basis_words(spell.length_basis), step, at))
        return found

    def _kernel(self, each: _Column, spell: Spell, panel: _Panel, number: int) -> list[Item]:
        height = panel.height * spell.length_ns / panel.span_ns
        if height < 0.5:
            return []
        edge = stroke_of(spell.length_basis)
        return [Rect(each.x + each.bar + _GAP, panel.top, _THIN, height, _KERNEL[number], stroke=edge)]

    def _bars(self, each: _Column, spell: Spell, panel: _Panel) -> list[Item]:
        height = panel.height * spell.length_ns / panel.span_ns
        if height < 0.5:
            return []
        cells = max(1, round(height))
        raster = _raster(spell, cells, each.analysis)
        high = height / cells
        found: list[Item] = []
        for run in raster.runs:
            if run.what is What.ABSENT:
                continue
            meaning = OF_WHAT[run.what]
            y, tall = panel.top + run.first * high, (run.last - run.first + 1) * high
            edge = Stroke.DASHED if run.bounded else Stroke.SOLID
            found.append(Rect(each.x, y, each.bar, tall, meaning, tall >= 3, stroke=edge))
        for mark in raster.marks if height >= _MARKED else ():
            if mark.what is What.POLLING and raster.what[mark.cell] != What.POLLING:
                y = min(panel.top + mark.cell * high, panel.top + height - 2)
                found.append(Rect(each.x, y, each.bar, 2, Meaning.POLL, plain=True, weight=0.5))
        return found + _inside(each, spell, raster, panel.top, height)

    def _proof(self, y: float) -> list[Item]:
        found: list[Item] = [Text(self.paper.left, y, "POSIX", BODY, bold=True)]
        for step, each in enumerate(self.columns, 1):
            known = each.side.synchronous
            meaning = {True: Meaning.TEXT, False: Meaning.FREE, None: Meaning.MUTED}[known]
            words = fit(_synchronous(known), each.room, BODY, True)
            text = Text(each.middle, y, words, BODY, meaning, Anchor.MIDDLE, True)
            because = each.side.verdict.because if each.side.verdict else ""
            found.append(Group((text,), f"{each.side.label}: {words}", legible(because), step))
        return found


def _raster(spell: Spell, cells: int, analysis: Analysis) -> Raster:
    return rasterise(
        spell.process, spell.begin_ns, max(spell.end_ns, spell.begin_ns + 1), cells, tuple(analysis.gaps)
    )


def _inside(each: _Column, spell: Spell, raster: Raster, top: float, height: float) -> list[Item]:
    """Say in the bar what fills most of it, in one or two lines, where they fit."""
    counts = {run.what: 0 for run in raster.runs}
    for run in raster.runs:
        counts[run.what] += run.last - run.first + 1
    most = max(counts, key=counts.__getitem__)
    code = next((run.code for run in raster.runs if run.what is most), -1)
    tries = int(each.analysis.operations[each.spells.index]["tries"]) if spell is each.spells.spells[0] else 0
    if most in BLOCKED:
        lines = [_("blocked in"), spoken(code)] if code >= 0 else [_("blocked")]
    elif most in (What.OWN, What.NAP):
        lines = [_("free")]
        if tries:
            lines += [ngettext("{n} try", "{n} tries", tries).format(n=grouped(tries))]
    elif most is What.COPY:
        ring = int(each.analysis.operations[each.spells.index]["model"]) == Model.ASYNCHRONOUS
        lines = [_("own thread") if ring else _("in the call")]
    else:
        return []
    plates = len(lines) * LINE
    if height < plates + 4 or any(width(line, BODY, True) > each.bar - 8 for line in lines):
        lines = [lines[-1] if most in BLOCKED else lines[0]]
        plates = LINE
        if height < plates + 4 or width(lines[0], BODY, True) > each.bar - 8:
            return []
    y = top + (height - plates) / 2 + 17
    found: list[Item] = []
    for number, line in enumerate(lines):
        found += centred(each.x + each.bar / 2, y + number * LINE, line, each.bar, OF_WHAT[most])
    return found


def _same(one: str, other: str) -> bool:
    """Return whether two names differ by their hyphens alone."""
    return one.replace("_", "").replace("-", "") == other.replace("_", "").replace("-", "")


def _plain(model: Model) -> str:
    return _(wording.SHORT_MODELS[model])


def _synchronous(known: bool | None) -> str:
    if known is None:
        return _("unseen")
    return _("synchronous") if known else _("asynchronous")
