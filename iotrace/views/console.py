"""The terminal as it is: colours or none, Unicode or ASCII, its width."""

from __future__ import annotations

import os
import shutil
import sys
from typing import IO, Literal

from rich.console import Console

from iotrace.views.theme import THEME

PLAIN_WIDTH = 80


class _AsciiConsole(Console):
    """A console that says that it can write ASCII only; the views then choose their ASCII signs."""

    @property
    def encoding(self) -> str:
        return "ascii"


def console(
    color: Literal["auto", "always", "never"] = "auto",
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
    plain = ascii or not (getattr(target, "encoding", None) or "utf-8").lower().startswith("utf")
    return (_AsciiConsole if plain else Console)(
        file=target,
        width=width or _width(target),
        theme=THEME,
        force_terminal=True if color == "always" else None,
        color_system=_color_system(color, target),
        no_color=color == "never" or (color == "auto" and bool(os.environ.get("NO_COLOR"))),
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def _color_system(color: str, target: IO[str]) -> Literal["auto", "truecolor", "256"] | None:
    if color == "never":
        return None
    if color == "always":
        deep = os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")
        return "truecolor" if deep or "TERM" not in os.environ else "256"
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return "auto" if _is_terminal(target) and not dumb else None


def _width(target: IO[str]) -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    if not _is_terminal(target):
        return PLAIN_WIDTH
    try:
        return os.get_terminal_size(target.fileno()).columns or PLAIN_WIDTH
    except (OSError, ValueError):
        return shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns


def _is_terminal(target: IO[str]) -> bool:
    try:
        return target.isatty()
    except ValueError:  # closed
        return False
