"""What a run prints at its end: verdict, proof matrix, timeline, and the commands for more."""

from __future__ import annotations

import argparse

from iotrace.capture.record import Result
from iotrace.cli.screen import console, say
from iotrace.recording.layout import RecordingError


def show_result(result: Result, arguments: argparse.Namespace) -> None:
    """Print the report of the run that has just ended."""
    from iotrace.recording.reading import read

    try:
        events = read(result.path)
    except RecordingError as error:
        say(str(error))
        return
    from iotrace.cli.summary import summary

    screen = console(arguments)
    screen.print(summary(events))
    screen.print(f"recorded in {result.path}; more: iotrace report, iotrace show")
