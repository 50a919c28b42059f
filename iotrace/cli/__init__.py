"""The command line: one module a command. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from iotrace.cli.ending import FAILED, USAGE, Ending


def entry() -> int:
    """Run the command line and end the process as the target ended: the console script."""
    _fill_closed_streams()
    try:
        ending = perform(sys.argv[1:], own_process=True)
    except SystemExit as end:
        ending = Ending(end.code if isinstance(end.code, int) else USAGE)
    _flush()
    ending.take()
    return ending.status


def main(argv: Sequence[str]) -> int:
    """Run the command line; return the exit status (128 + n where a signal n ended the target)."""
    return perform(argv).status


def perform(argv: Sequence[str], own_process: bool = False) -> Ending:
    """Run the command line; return how the process is to end. Usage errors raise SystemExit (2).

    ``own_process``: nothing else is to be done in this process.
    """
    from iotrace.cli.parser import parse
    from iotrace.cli.screen import say

    try:
        arguments = parse(argv)
        if own_process:
            from iotrace.capture.confinement import import_numpy

            import_numpy()
        from iotrace.recording.layout import RecordingError  # after the help, which needs no numpy
    except BrokenPipeError:
        return Ending(0)
    arguments.own_process = own_process
    try:
        ending = arguments.run(arguments)
    except RecordingError as error:
        say(str(error))
        return Ending(FAILED)
    except BrokenPipeError:
        return Ending(0)
    except KeyboardInterrupt:
        return Ending(130, 2)
    assert isinstance(ending, Ending)
    return ending


def _fill_closed_streams() -> None:
    """Open the null device where a standard stream is closed, or a recording would get its number.

    It is closed at exec: the target finds the stream closed, as it would without us.
    """
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            setattr(sys, name, os.fdopen(fd, "r" if fd == 0 else "w", closefd=False))


def _flush() -> None:
    """Write what is left; where the reader has left, so do we, quietly."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
