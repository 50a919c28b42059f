"""Lines of styled words as text for a stream: a million of them, so without rich's machinery."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import IO

from iotrace.language import writes_unicode
from iotrace.views.terminal import Choice, color_system, wants_color

#: Turns (words, style) pairs into one line of text, with its end.
Paint = Callable[[Sequence[tuple[str, str]]], str]


def painter(color: Choice, ascii: bool, target: IO[str], width: int | None = None) -> Paint:
    """Return what paints lines for ``target``, cut to ``width`` cells if given.

    Words must be harmless already.
    """
    write: Callable[[str], str] = str
    if ascii or not writes_unicode(target):
        from iotrace.views.glyphs import Pen

        write = Pen(ascii=True)
    system = color_system(color, target)
    if system is None or not wants_color(color):

        def paint(line: Sequence[tuple[str, str]]) -> str:
            return "".join([words for words, _ in line]) + "\n"

    else:
        from iotrace.views.console import console

        codes = _codes(console(color, ascii, file=target))

        def paint(line: Sequence[tuple[str, str]]) -> str:
            return "".join([f"{codes(style)[0]}{words}{codes(style)[1]}" for words, style in line]) + "\n"

    if write is str and width is None:
        return paint
    room = sys.maxsize if width is None else width
    mark = write("…")
    return lambda line: paint(_cut([(write(words), style) for words, style in line], room, mark))


def _cut(line: Sequence[tuple[str, str]], room: int, mark: str) -> Sequence[tuple[str, str]]:
    """Return the line in ``room`` cells; where it is longer, ``mark`` stands at its end."""
    from rich.cells import cell_len, set_cell_size

    if sum(cell_len(words) for words, _ in line) <= room:
        return line
    left = room - len(mark)
    kept = []
    for words, style in line:
        kept.append((set_cell_size(words, min(left, cell_len(words))), style))
        left -= cell_len(kept[-1][0])
    return [*kept, (mark, "muted")]


def _codes(screen: object) -> Callable[[str], tuple[str, str]]:
    """Return a function from the name of a style to what a terminal is sent before and after its words."""
    from rich.console import Console

    assert isinstance(screen, Console)
    known: dict[str, tuple[str, str]] = {}

    def codes(style: str) -> tuple[str, str]:
        if style not in known:
            before, _, after = (
                screen.get_style(style).render("\0", color_system=screen._color_system).partition("\0")
            )
            known[style] = before, after
        return known[style]

    return codes
