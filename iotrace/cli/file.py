"""The FILE of a command: given, or the newest recording here; read and analysed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from iotrace.language import _

if TYPE_CHECKING:
    from iotrace.analysis import Analysis


def add_file(parser: argparse.ArgumentParser) -> None:
    """Add the FILE argument."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help=_("a recording (default: the newest in this folder)"),
    )


def analysed(arguments: argparse.Namespace, stall_ns: int | None = None) -> Analysis:
    """Return the recording's analysis; ``stall_ns`` as for analyse(). Raises RecordingError."""
    from iotrace.analysis import analyse
    from iotrace.recording.layout import latest
    from iotrace.recording.reading import read

    events = read(arguments.file or latest())
    return analyse(events) if stall_ns is None else analyse(events, stall_ns)
