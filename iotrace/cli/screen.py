"""Where output goes and how it may look: colour, ASCII, width, and lines for the user."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_OFF_TERMINAL = 100


def add_screen_options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Add --color, --ascii and --width."""
    group = parser.add_argument_group("output")
    return [
        group.add_argument(
            "--color",
            choices=["auto", "always", "never"],
            default="auto",
            help="colour (auto: on a terminal, unless NO_COLOR is set)",
        ),
        group.add_argument("--ascii", action="store_true", help="use ASCII characters only"),
        group.add_argument("--width", type=_width, metavar="N", help="columns (default: the terminal's)"),
    ]


def console(arguments: argparse.Namespace) -> Console:
    """Return a rich console on standard output as the options say."""
    from rich.console import Console

    terminal = {"always": True, "never": None, "auto": None}[arguments.color]
    plain = arguments.color == "never" or (arguments.color == "auto" and bool(os.environ.get("NO_COLOR")))
    width = arguments.width or (None if sys.stdout.isatty() else _WIDTH_OFF_TERMINAL)
    return Console(
        force_terminal=terminal,
        no_color=plain,
        color_system=None if plain else "auto",
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def is_ascii(arguments: argparse.Namespace) -> bool:
    """Whether only ASCII may be written: asked for, or all that the output's encoding knows."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return bool(arguments.ascii) or not encoding.startswith("utf")


def say(line: str) -> None:
    """Write one line about the run to standard error; a terminal that is gone is no reason to fail."""
    with suppress(OSError, ValueError):
        print(f"iotrace: {line}", file=sys.stderr, flush=True)


def _width(text: str) -> int:
    width = int(text)
    if not 40 <= width <= 1000:
        raise argparse.ArgumentTypeError("a width is between 40 and 1000 columns")
    return width
