"""What a run prints at its end: verdict, proof matrix, timeline, and the commands for more."""

from __future__ import annotations

import argparse
import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from iotrace.cli.failing import stall_ns
from iotrace.cli.screen import say, screen
from iotrace.recording.layout import RecordingError

if TYPE_CHECKING:
    from iotrace.analysis.model import Analysis

#: What a row takes while it is analysed, and the share of the free memory that the end of a run may take.
_BYTES_A_ROW, _SHARE = 700, 0.25


def show_result(path: Path, arguments: argparse.Namespace) -> Analysis | None:
    """Print what the run that has just been recorded in ``path`` shows, and return it.

    None where it cannot be read. That the reader or the terminal has left is no reason to judge nothing.
    """
    from iotrace.analysis import analyse
    from iotrace.recording.reading import read
    from iotrace.views import summary

    # A condition holds of the whole run, or not.
    most_rows = None if arguments.fail_on else _rows_that_fit()
    try:
        events = read(path, most_rows=most_rows)
    except RecordingError as error:
        say(str(error))
        return None
    least = stall_ns(arguments)
    analysis = analyse(events) if least is None else analyse(events, least)
    with suppress(OSError, SystemExit):  # rich turns a broken pipe into SystemExit
        screen(arguments).print(summary(analysis, shlex.quote(str(path)), ascii=arguments.ascii))
    return analysis


def _rows_that_fit() -> int:
    """Return how many rows can be analysed beside a target that may still need memory."""
    import psutil

    return int(psutil.virtual_memory().available * _SHARE / _BYTES_A_ROW)
