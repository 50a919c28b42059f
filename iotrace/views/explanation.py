"""``iotrace explain``: a lesson's whole story, set for the terminal.

The stories are Markdown of five forms: a title, sections, paragraphs, lists, and lines indented by four
that keep their shape; within them `code`, *weight* and **weight**. Chinese breaks between any two
characters, but no line begins with a closing mark or ends with an opening one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from iotrace.language import _
from iotrace.views.breaking import breaks, is_wide
from iotrace.views.glyphs import Pen
from iotrace.views.layout import Column, Lines, clip, grid

#: Longer lines are hard to read.
_WIDEST = 96

_SPANS = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*)")


class Story(NamedTuple):
    """A lesson's name, the title of its story, and the story in Markdown."""

    name: str
    title: str
    text: str


def story(name: str, language: str) -> Story:
    """Read the story of a lesson. Raises FileNotFoundError where there is none."""
    path = files("iotrace") / "lessons_text" / f"{name}.{language}.md"
    text = path.read_text(encoding="utf-8")
    return Story(name, text.partition("\n")[0].removeprefix("# "), text)


def explanation(told: Story, ascii: bool = False) -> RenderableType:
    """Return the story of one lesson."""

    def draw(width: int, pen: Pen) -> Iterable[Text]:
        for number, block in enumerate(_blocks(told.text)):
            if number:
                yield Text()
            yield from _set(block, min(width, _WIDEST), width, pen)

    return Lines(draw, ascii)


def contents(stories: Iterable[Story], ascii: bool = False) -> RenderableType:
    """Return the list of all lessons, one a line."""
    listed = list(stories)

    def draw(width: int, pen: Pen) -> Iterable[Text]:
        rows = [[Text(each.name, "command"), Text(pen(each.title))] for each in listed]
        yield from grid((Column(), Column(shrink=20, gap=3)), rows, width, pen)
        yield Text()
        yield clip(Text(pen(_("iotrace explain NAME tells the whole story")), "muted"), width, pen)

    return Lines(draw, ascii)


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield the lines of each block; empty lines part them."""
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        yield block.split("\n")


def _set(block: list[str], width: int, room: int, pen: Pen) -> Iterator[Text]:
    first = block[0]
    if first.startswith("    "):
        yield from (clip(Text(pen(line), "muted"), room, pen) for line in block)
    elif first.startswith("#"):
        style = "title" if first.startswith("# ") else "heading"
        yield from _flow(_join(block).lstrip("# "), style, "", width, pen)
    elif first.startswith("- "):
        for item in _items(block):
            yield from _flow(item, "none", "- " if pen.ascii else "• ", width, pen)
    else:
        yield from _flow(_join(block), "none", "", width, pen)


def _items(block: list[str]) -> Iterator[str]:
    lines: list[str] = []
    for line in block:
        if line.startswith("- ") and lines:
            yield _join(lines)
            lines = []
        lines.append(line.removeprefix("- ").strip())
    yield _join(lines)


def _join(lines: list[str]) -> str:
    """Join the lines of a paragraph: with a blank, but not between two Chinese characters."""
    text = lines[0].strip()
    for line in lines[1:]:
        after = line.strip()
        text += after if is_wide(text[-1:]) and is_wide(after[:1]) else f" {after}"
    return text


def _flow(text: str, style: str, mark: str, width: int, pen: Pen) -> Iterator[Text]:
    """Break styled prose into lines; ``mark`` begins the first one, the others are indented as far."""
    line, empty = Text(mark, "muted"), True
    for piece in _pieces(text, style, pen):
        blank = piece.plain == " "
        if not empty and not blank and line.cell_len + cell_len(piece.plain) > width:
            line.rstrip()
            yield line
            line, empty = Text(" " * len(mark)), True
        if not (blank and empty):
            line.append_text(piece)
            empty = False
    line.rstrip()
    yield clip(line, width, pen)


def _pieces(text: str, style: str, pen: Pen) -> Iterator[Text]:
    """Yield what is never broken: words, blanks, and single Chinese characters with the marks around them."""
    piece = Text()
    for char, look in _characters(text, style, pen):
        last = piece.plain[-1:]
        if last and _breaks(last, char):
            yield piece
            piece = Text()
        piece.append(char, look)
    if piece.plain:
        yield piece


def _characters(text: str, style: str, pen: Pen) -> Iterator[tuple[str, str]]:
    for part in _SPANS.split(text):
        look, words = style, part
        if part.startswith("`"):
            look, words = "command", part[1:-1]
        elif part.startswith("*"):
            look, words = "heading", part.strip("*")
        yield from ((char, look) for char in pen(words))


def _breaks(before: str, after: str) -> bool:
    """Tell whether a line may end between two characters."""
    if " " in (before, after):
        return True
    return breaks(before, after) or ("—" in (before, after) and not is_wide(before) and not is_wide(after))
