"""The command line: one module a command. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from iotrace.cli.ending import FAILED, Ending


def entry() -> int:
    """Run the command line and end the process as the target ended: the console script."""
    ending = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has left; so do we, quietly
    ending.take()
    return ending.status


def main(argv: Sequence[str]) -> int:
    """Run the command line; return the exit status (128 + n where a signal n ended the target)."""
    return run(argv).status


def run(argv: Sequence[str]) -> Ending:
    """Run the command line; return how the process is to end."""
    from iotrace.cli.parser import parse
    from iotrace.cli.screen import say

    arguments = parse(argv)
    from iotrace.recording.layout import RecordingError  # after the help, which needs no numpy

    try:
        ending = arguments.run(arguments)
    except RecordingError as error:
        say(str(error))
        return Ending(FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return Ending(0)
    except KeyboardInterrupt:
        return Ending(130, 2)
    assert isinstance(ending, Ending)
    return ending
