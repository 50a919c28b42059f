"""Lines that fit: cells aligned in columns, prose wrapped, nothing wider than the terminal.

rich's own tables shorten with a sign that ASCII lacks and squeeze numbers as gladly as words; a proof
must not lose digits, so here each column says whether it may shrink or go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from iotrace.views.breaking import pieces
from iotrace.views.glyphs import Pen

#: The cells of what stands before a paragraph: ``VERDICT``, ``LESSON``.
HEAD = 9

Draw = Callable[[int, Pen], Iterable[Text]]


class Lines:
    """A renderable made of lines: ``draw(width, pen)`` gives them for a width and a set of signs."""

    def __init__(self, draw: Draw, ascii: bool = False) -> None:
        self._draw = draw
        self._ascii = ascii

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        pen = Pen(self._ascii or options.ascii_only)
        width = options.max_width
        for line in self._draw(width, pen):
            line.no_wrap, line.overflow, line.end = True, "crop", "\n"
            yield clip(line, width, pen)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(60, options.max_width), options.max_width)


@dataclass(frozen=True)
class Column:
    """A column of a grid. When room is short the highest ``drop`` goes first; ``shrink``: its least width."""

    heading: str = ""
    right: bool = False
    drop: int = 0
    shrink: int = 0
    gap: int = 2


def grid(
    columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int, pen: Pen, indent: int = 0
) -> list[Text]:
    """Align rows of cells to ``width``, with a line of headings where any column has one."""
    headings = [Text(pen(column.heading), "muted") for column in columns]
    headed = any(column.heading for column in columns)
    table = [headings, *rows] if headed else list(rows)
    if not table:
        return []
    natural = [max((row[index].cell_len for row in rows), default=0) for index in range(len(columns))]
    for index, column in enumerate(columns):
        alone = index + 1 == len(columns) or columns[index + 1].heading
        if natural[index] and alone:
            natural[index] = max(natural[index], cell_len(pen(column.heading)))
    kept = _fitting(columns, natural, width - indent)
    for index in kept:
        _widen(columns, natural, set(kept), index, pen)
    widths = dict(zip(kept, (natural[index] for index in kept), strict=True))
    excess = indent + _total(columns, kept, natural) - width
    for index in sorted((i for i in kept if columns[i].shrink), key=widths.__getitem__, reverse=True):
        cut = max(0, min(excess, widths[index] - columns[index].shrink))
        widths[index] -= cut
        excess -= cut
    lines = []
    for number, row in enumerate(table):
        heading = headed and not number
        line = Text(" " * indent)
        taken = 0  # what a heading took of the columns after it
        for position, index in enumerate(kept):
            gap = columns[index].gap if position else 0
            line.append(" " * max(0, gap - taken))
            taken = max(0, taken - gap)
            cell = row[index] if heading else clip(row[index], widths[index], pen)
            space = " " * max(0, widths[index] - taken - cell.cell_len)
            line.append(space if columns[index].right else "").append_text(cell)
            line.append("" if columns[index].right else space)
            taken = max(0, max(taken, cell.cell_len) - widths[index])
        line.rstrip()
        lines.append(line)
    return lines


def _widen(columns: Sequence[Column], widths: list[int], kept: set[int], index: int, pen: Pen) -> None:
    """Make room for a heading: it may lie over the columns after it that have none."""
    room = widths[index]
    for after in range(index + 1, len(columns)):
        if columns[after].heading:
            break
        if after in kept:
            room += columns[after].gap + widths[after]
    widths[index] += max(0, cell_len(pen(columns[index].heading)) - room)


def _total(columns: Sequence[Column], kept: Sequence[int], widths: Sequence[int]) -> int:
    return sum(widths[i] for i in kept) + sum(columns[i].gap for i in kept[1:])


def _fitting(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """Return the columns that stay: those that may shrink count with their least width."""
    least = [min(cells, column.shrink or cells) for cells, column in zip(natural, columns, strict=True)]
    kept = [index for index in range(len(columns)) if natural[index]]
    for victim in sorted((i for i in kept if columns[i].drop), key=lambda i: -columns[i].drop):
        if _total(columns, kept, least) <= width:
            break
        kept.remove(victim)
    return kept


def clip(text: Text, width: int, pen: Pen) -> Text:
    """Return ``text`` cut to ``width`` cells, its end replaced by the ellipsis where it was longer."""
    if text.cell_len <= width:
        return text
    mark = pen.ellipsis if width > len(pen.ellipsis) else ""
    room = max(0, width - len(mark))
    kept = _prefix(text.plain, room)
    short = text[: len(kept)] if kept else Text(style=text.style)
    return short.append(mark)


def _prefix(text: str, cells: int) -> str:
    """Return the longest beginning of ``text`` that fits; a wide character is never halved."""
    used = 0
    for index, char in enumerate(text):
        used += cell_len(char)
        if used > cells:
            return text[:index]
    return text


def pad(text: Text, width: int, pen: Pen) -> Text:
    """Return ``text`` at exactly ``width`` cells."""
    short = clip(text, width, pen).copy()
    return short.append(" " * (width - short.cell_len))


def wrap(
    words: str, width: int, pen: Pen, style: str = "none", first: Text | None = None, indent: int = 0
) -> list[Text]:
    """Break prose into lines of at most ``width`` cells: ``first`` begins it, ``indent`` cells the others."""
    lines = [first.copy() if first is not None else Text(" " * indent)]
    empty = True
    for word in pen(words).split(" "):
        blank = " "
        for piece in pieces(word):
            if not empty and lines[-1].cell_len + len(blank) + cell_len(piece) > width:
                lines.append(Text(" " * indent))
                empty = True
            if not empty:
                lines[-1].append(blank)
            lines[-1].append(piece, style)
            empty, blank = False, ""
    return [clip(line, width, pen) for line in lines]


def head(words: str, style: str) -> Text:
    """Return what stands before a paragraph, at :data:`HEAD` cells."""
    return Text.assemble((words + " " * (HEAD - cell_len(words)), style))


def facts(parts: Sequence[Text], width: int, pen: Pen, indent: int = 0) -> list[Text]:
    """Set short facts side by side with dots between them, on as many lines as they need."""
    lines: list[Text] = []
    for part in parts:
        if lines and lines[-1].cell_len + len(pen.dot) + part.cell_len <= width:
            lines[-1].append(pen.dot, "muted").append_text(part)
        else:
            lines.append(Text(" " * (indent if lines else 0)).append_text(part))
    return [clip(line, width, pen) for line in lines]
