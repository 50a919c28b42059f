"""What a run prints at its end: verdict, proof matrix, timeline, and the commands for more."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from iotrace.cli.screen import say, screen
from iotrace.recording.layout import RecordingError


def show_result(path: Path, arguments: argparse.Namespace) -> None:
    """Print what the run that has just been recorded in ``path`` shows."""
    from iotrace.analysis import analyse
    from iotrace.recording.reading import read
    from iotrace.views import summary

    try:
        events = read(path)
    except RecordingError as error:
        say(str(error))
        return
    screen(arguments).print(summary(analyse(events), shlex.quote(str(path)), ascii=arguments.ascii))
