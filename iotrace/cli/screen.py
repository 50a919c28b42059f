"""Options about how output may look, and lines for the user."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


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


def screen(arguments: argparse.Namespace) -> Console:
    """Return a console on standard output as the options say."""
    from iotrace.views import console

    return console(arguments.color, arguments.ascii, arguments.width)


def say(line: str) -> None:
    """Write one line about the run to standard error; a terminal that is gone is no reason to fail."""
    with suppress(OSError, ValueError):
        print(f"iotrace: {line}", file=sys.stderr, flush=True)


def _width(text: str) -> int:
    try:
        width = int(text)
    except ValueError:
        width = 0
    if not 40 <= width <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no width: give a number of columns, 40 to 1000")
    return width
