"""The timeline of a recording: threads and descriptors as lanes, one operation magnified under them.

Times are seconds since the recording began, or have a unit: 1.5, 250ms, 40us, 900ns.
"""

from __future__ import annotations

import argparse

from iotrace.cli.ending import Ending
from iotrace.cli.file import add_file, analysed
from iotrace.cli.moments import moment
from iotrace.cli.screen import add_screen_options, say, screen


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``show``."""
    add_file(parser)
    part = parser.add_argument_group("what to show")
    part.add_argument("--from", dest="start", type=moment, metavar="TIME", help="begin here")
    part.add_argument("--to", dest="stop", type=moment, metavar="TIME", help="end here")
    part.add_argument("--zoom", type=_factor, metavar="N", help="only an Nth of the time, around its middle")
    part.add_argument("--fd", type=int, metavar="FD", help="only this descriptor")
    part.add_argument("--thread", type=int, metavar="TID", help="only this thread")
    add_screen_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """Print the timeline."""
    from iotrace.views import show

    analysis = analysed(arguments)
    window = _window(arguments, analysis.end_ns - analysis.begin_ns)
    if window is not None and window[0] >= window[1]:
        say("the time to show is empty: --from must come before --to, and before the recording's end")
        return Ending(2)
    if arguments.thread is not None and arguments.thread not in {tid for _, tid, _ in analysis.threads}:
        say(f"no thread {arguments.thread} in this recording: {_some(tid for _, tid, _ in analysis.threads)}")
        return Ending(2)
    view = show(analysis, window, arguments.fd, arguments.thread, ascii=arguments.ascii)
    screen(arguments).print(view)
    return Ending(0)


def _some(tids: object) -> str:
    from collections.abc import Iterable

    assert isinstance(tids, Iterable)
    known = list(tids)
    return "it has " + ", ".join(map(str, known[:8])) + (" ..." if len(known) > 8 else "")


def _window(arguments: argparse.Namespace, length_ns: int) -> tuple[int, int] | None:
    if arguments.start is None and arguments.stop is None and arguments.zoom is None:
        return None
    start = min(arguments.start or 0, length_ns)
    stop = length_ns if arguments.stop is None else min(arguments.stop, length_ns)
    if arguments.zoom and start < stop:
        middle, half = (start + stop) // 2, max(1, int((stop - start) / arguments.zoom) // 2)
        start, stop = max(0, middle - half), middle + half
    return start, stop


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0
    if not 1 <= factor <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no factor: give a number from 1")
    return factor
