"""Slides to be filled: a figure, words, a table, or code; every one with small print and speaker notes."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any

from pptx import Presentation
from pptx.enum.text import PP_ALIGN
from pptx.oxml.ns import qn
from pptx.util import Pt

from iotrace.analysis.model import Analysis
from iotrace.exporters.pptx import shapes
from iotrace.exporters.pptx.shapes import ASCENT, bare, emu, write
from iotrace.figures.metrics import fit, width
from iotrace.figures.page import BODY, MARGIN, SMALL, TITLE, legible
from iotrace.figures.provenance import small_print
from iotrace.figures.scene import WIDTH, Scene
from iotrace.language import _
from iotrace.theme import Meaning, Theme

_MONOSPACE = "Courier New"

#: The size of code: as small as the last row can read.
_CODE = 18.0

#: A sign of it, and a line of code, in its size; lines of prose are further apart.
_CODE_SIGN, _CODE_LINE, _PROSE_LINE = 0.601, 1.15, 1.3

#: The layout of python-pptx's own template that has a title and nothing else.
_TITLE_ONLY = 5

#: A sign of private use: a blank at which no line ends, but while lines are made.
_TIED = "\ue000"

_SIZES = (36.0, 32.0, 28.0, 24.0, 22.0, 20.0)

#: A table without lines of its own (ECMA-376, the style that is there without a file of styles).
_BARE_TABLE = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"

_TOP = 98.0
_ROOM = WIDTH - 2 * MARGIN
_CODE_COLUMNS = int(_ROOM / (_CODE_SIGN * _CODE))


def code_rows_of(line: str) -> list[str]:
    """Return the rows of a slide that a line of code takes: it goes on in the next one, further in."""
    stripped = line.lstrip()
    indent = len(line) - len(stripped)
    if len(line) <= _CODE_COLUMNS:
        return [line]
    rows = textwrap.wrap(
        stripped.replace("  # ", "  #" + _TIED),  # no row ends on the sign of a remark
        _CODE_COLUMNS,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 8),
        break_on_hyphens=False,
    )
    return [row.replace(_TIED, " ") for row in rows]


def kept_together(words: str) -> str:
    """Return words in which no number is parted from its %, at the end of a line."""
    return words.replace(" %", "\u202f%")


class Slides:
    """A presentation in the making. ``height`` in points; ``analyses`` are named in the small print."""

    def __init__(self, title: str, height: float, theme: Theme, analyses: Sequence[Analysis] = ()) -> None:
        self._theme = theme
        self._height = height
        self._facts = [legible(line) for line in small_print(analyses)] if analyses else []
        self._presentation: Any = Presentation()
        self._presentation.slide_width, self._presentation.slide_height = emu(WIDTH), emu(height)
        about = self._presentation.core_properties
        about.title, about.author, about.subject = (
            legible(title)[:255],
            "iotrace",
            " · ".join(self._facts)[:255],
        )

    @property
    def bottom(self) -> float:
        """Where a slide's content must end."""
        return self._height - 46.0

    def content(self) -> bytes:
        """Return the file."""
        buffer = io.BytesIO()
        self._presentation.save(buffer)
        return buffer.getvalue()

    def figure(self, scene: Scene) -> None:
        """Add a slide that is a figure; its description becomes the notes."""
        slide = self._blank()
        shapes.draw(slide, scene, self._theme)
        self._note(slide, scene.description)

    def words(self, title: str, told: Sequence[str], notes: str = "", size: float = 36.0) -> None:
        """Add a slide of paragraphs, in ``size`` or as small as it takes, 18 at the least; then shortened."""
        slide = self._headed(title, notes)
        size = next((each for each in _SIZES if each <= size and self._fits(told, each)), BODY)
        box = self._box(slide, _TOP, self.bottom - _TOP)
        lines = int((self.bottom - _TOP) / (size * _PROSE_LINE))
        for index, words in enumerate(told):
            paragraph = box.paragraphs[0] if not index else box.add_paragraph()
            paragraph.line_spacing = 1.1
            paragraph.space_after = Pt(size * 0.5)
            paragraph.alignment = PP_ALIGN.LEFT
            shown = fit(legible(words), _ROOM * max(1, lines - 1), size)
            write(paragraph, shown, size, self._theme[Meaning.TEXT].word)

    def table(
        self, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], notes: str = "",
        numbers: Sequence[int] = (), size: float = BODY, under: str = "",
    ) -> None:  # fmt: skip
        """Add a slide with a native table; what has no room is counted under it."""
        slide = self._headed(title, notes)
        wide = _columns(heads, rows, size)
        lines = [_height(row, wide, size) for row in rows]
        room, kept = self.bottom - _TOP - _height(heads, wide, size, head=True) - size * 3, 0
        while kept < len(rows) and sum(lines[: kept + 1]) <= room:
            kept += 1
        shape = slide.shapes.add_table(
            kept + 1, len(heads), emu(MARGIN), emu(_TOP), emu(sum(wide)), emu(size * 1.6 * (kept + 1))
        )
        table = shape.table
        properties = table._tbl.tblPr
        properties.set("bandRow", "0")
        properties.find(qn("a:tableStyleId")).text = _BARE_TABLE
        for at, points in enumerate(wide):
            table.columns[at].width = emu(points)
        for index, row in enumerate([heads, *rows[:kept]]):
            table.rows[index].height = emu(_height(row, wide, size, head=not index))
            for at, words in enumerate(row):
                self._cell(table.cell(index, at), words, size, not index, at in numbers)
        more = len(rows) - kept
        below = " · ".join(filter(None, (_("… and {n} more").format(n=more) if more else "", under)))
        if below:
            box = self._box(slide, self.bottom - size * 1.4, size * 1.4)
            write(box.paragraphs[0], fit(legible(below), _ROOM, size), size, self._theme[Meaning.MUTED].word)

    @property
    def code_rows(self) -> int:
        """How many rows of code a slide has room for."""
        return int((self.bottom - _TOP) / (_CODE_LINE * _CODE))

    def code(self, title: str, lines: Sequence[str], notes: str = "") -> None:
        """Add a slide of code; lines that are too long go on in the next row (:func:`code_rows_of`)."""
        slide = self._headed(title, notes)
        box = self._box(slide, _TOP, self.bottom - _TOP)
        first = True
        for line in lines:
            remarked = False
            for row in code_rows_of(line):
                paragraph = box.paragraphs[0] if first else box.add_paragraph()
                first = False
                paragraph.line_spacing = Pt(_CODE * _CODE_LINE)
                remarked |= row.lstrip().startswith("#")
                code, sign, remark = ("", "", row) if remarked else row.partition("  # ")
                write(paragraph, code, _CODE, self._theme[Meaning.TEXT].word, font=_MONOSPACE)
                if remark:
                    write(paragraph, sign + remark, _CODE, self._theme[Meaning.COPY].word, font=_MONOSPACE)
                    remarked = True

    def _fits(self, told: Sequence[str], size: float) -> bool:
        lines = sum(_lines(legible(words), _ROOM, size) for words in told)
        return lines * size * _PROSE_LINE + len(told) * size * 0.5 <= self.bottom - _TOP

    def _cell(self, cell: Any, words: str, size: float, head: bool, right: bool) -> None:
        swatch = self._theme[Meaning.PANEL if head else Meaning.PAPER]
        cell.fill.solid()
        cell.fill.fore_color.rgb = shapes.rgb(swatch.fill)
        cell.margin_left = cell.margin_right = emu(6)
        cell.margin_top = cell.margin_bottom = emu(3)
        paragraph = cell.text_frame.paragraphs[0]
        paragraph.alignment = PP_ALIGN.RIGHT if right else PP_ALIGN.LEFT
        meaning = Meaning.MUTED if head else Meaning.TEXT
        write(paragraph, kept_together(words), size, self._theme[meaning].word, head)

    def _blank(self) -> Any:
        slide = self._presentation.slides.add_slide(self._presentation.slide_layouts[_TITLE_ONLY])
        shapes.ground(slide, self._theme)
        return slide

    def _headed(self, title: str, notes: str) -> Any:
        slide = self._blank()
        shapes.title(slide, fit(legible(title), _ROOM, TITLE, True), self._theme)
        for line, up in zip(self._facts, (26.0, 11.0), strict=False):
            box = self._box(slide, self._height - up - ASCENT * SMALL, SMALL * 1.2)
            write(box.paragraphs[0], fit(line, _ROOM, SMALL), SMALL, self._theme[Meaning.MUTED].word)
        self._note(slide, "\n".join(filter(None, (notes, *self._facts))))
        return slide

    def _box(self, slide: Any, top: float, height: float) -> Any:
        frame = slide.shapes.add_textbox(emu(MARGIN), emu(top), emu(_ROOM), emu(height)).text_frame
        bare(frame)
        frame.word_wrap = True
        return frame

    def _note(self, slide: Any, words: str) -> None:
        slide.notes_slide.notes_text_frame.text = "\n".join(map(legible, words.splitlines()))


def _lines(words: str, room: float, size: float, bold: bool = False) -> int:
    """Return how many lines words take, at most: a line may lack its last word's length."""
    return max(1, -int(-width(words, size, bold) * 1.08 // room))


def _height(row: Sequence[str], wide: Sequence[float], size: float, head: bool = False) -> float:
    lines = max(_lines(legible(words), room - 12, size, head) for words, room in zip(row, wide, strict=True))
    return lines * size * 1.2 + 8


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]], size: float) -> list[float]:
    """Return widths that give each column what it needs, and the room that lacks to the widest ones."""
    needs = [
        max(width(legible(row[at]), size, row is heads) for row in (heads, *rows)) * 1.08 + 16
        for at in range(len(heads))
    ]
    spare = _ROOM - sum(needs)
    if spare >= 0:
        return needs
    whole = [_widest(heads[at], [row[at] for row in rows], size) for at in range(len(heads))]
    least = _ROOM / len(needs)
    tight = [at for at, need in enumerate(needs) if need <= least]
    left = _ROOM - sum(needs[at] for at in tight)
    wanted = sum(need for at, need in enumerate(needs) if at not in tight)
    given = [need if at in tight else need / wanted * left for at, need in enumerate(needs)]
    short = sum(max(0.0, word - room) for word, room in zip(whole, given, strict=True))
    over = [max(0.0, room - word) for word, room in zip(whole, given, strict=True)]
    if not 0 < short <= sum(over):
        return given
    return [
        max(room, word) - short * more / sum(over)
        for room, word, more in zip(given, whole, over, strict=True)
    ]


def _widest(head: str, words: Sequence[str], size: float) -> float:
    """Return the room that a column needs so that no word of it is divided."""
    parts = [(part, each is head) for each in (head, *words) for part in legible(kept_together(each)).split()]
    return max((width(part, size, bold) for part, bold in parts), default=0.0) * 1.08 + 16
