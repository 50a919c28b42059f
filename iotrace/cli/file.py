"""The FILE of a command: given, or the newest recording here; read and analysed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iotrace.analysis import Analysis


def add_file(parser: argparse.ArgumentParser) -> None:
    """Add the FILE argument."""
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a recording (default: the newest in this folder)"
    )


def analysed(arguments: argparse.Namespace) -> Analysis:
    """Return the analysis of the command's recording. Raises RecordingError."""
    from iotrace.analysis import analyse
    from iotrace.recording.layout import latest
    from iotrace.recording.reading import read

    return analyse(read(arguments.file or latest()))
