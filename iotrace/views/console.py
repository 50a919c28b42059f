"""The terminal as it is: colours or none, Unicode or ASCII, its width."""

from __future__ import annotations

import os
import shutil
import sys
from typing import IO

from rich.console import Console

from iotrace.language import writes_unicode
from iotrace.views.terminal import Choice, color_system, is_terminal, wants_color
from iotrace.views.theme import THEME

PLAIN_WIDTH = 80


class _AsciiConsole(Console):
    """A console that says that it can write ASCII only; the views then choose their ASCII signs."""

    @property
    def encoding(self) -> str:
        return "ascii"


def console(
    color: Choice = "auto",
    ascii: bool = False,
    width: int | None = None,
    file: IO[str] | None = None,
) -> Console:
    """Return a console for ``file`` (default: standard output).

    "auto" means colours on a terminal, unless NO_COLOR is set or TERM is dumb; "always" overrides both.
    ASCII is chosen by itself where the file's encoding is no UTF. Without a terminal the width is that of
    COLUMNS, else 80.
    """
    target = sys.stdout if file is None else file
    plain = ascii or not writes_unicode(target)
    return (_AsciiConsole if plain else Console)(
        file=target,
        width=width or _width(target),
        theme=THEME,
        force_terminal=True if color == "always" else None,
        color_system=color_system(color, target),
        no_color=not wants_color(color),
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        force_jupyter=False,  # what is written to a file is not to appear in a notebook instead
    )


def _width(target: IO[str]) -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    if not is_terminal(target):
        return PLAIN_WIDTH
    try:
        return os.get_terminal_size(target.fileno()).columns or PLAIN_WIDTH
    except (OSError, ValueError):
        return shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns
