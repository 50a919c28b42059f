"""What the stream that we write to can show: colours, or none."""

from __future__ import annotations

import os
from typing import IO, Literal

Choice = Literal["auto", "always", "never"]


def wants_color(color: Choice) -> bool:
    """Return whether colours are welcome: "auto" means unless NO_COLOR is set."""
    return color == "always" or (color == "auto" and not os.environ.get("NO_COLOR"))


def color_system(color: Choice, target: IO[str]) -> Literal["auto", "truecolor", "256"] | None:
    """Return rich's name of what the stream can show; None for no colours."""
    if color == "never":
        return None
    if color == "always":
        deep = os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")
        return "truecolor" if deep or "TERM" not in os.environ else "256"
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return "auto" if is_terminal(target) and not dumb else None


def is_terminal(target: IO[str]) -> bool:
    """Return whether the stream is a terminal."""
    try:
        return target.isatty()
    except ValueError:  # closed
        return False
