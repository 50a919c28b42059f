"""The timeline of a recording: threads and descriptors as lanes, one operation magnified under them.

Times are seconds since the recording began, or have a unit: 1.5, 250ms, 40us, 900ns.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from iotrace.cli.ending import Ending
from iotrace.cli.file import add_file, analysed
from iotrace.cli.moments import moment
from iotrace.cli.screen import add_screen_options, say, screen
from iotrace.language import _


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``show``."""
    add_file(parser)
    part = parser.add_argument_group(_("what to show"))
    part.add_argument("--from", dest="start", type=moment, metavar="TIME", help=_("begin here"))
    part.add_argument("--to", dest="stop", type=moment, metavar="TIME", help=_("end here"))
    part.add_argument(
        "--zoom", type=_factor, metavar="N", help=_("only an Nth of the time, around its middle")
    )
    part.add_argument("--fd", type=int, metavar="FD", help=_("only this descriptor"))
    part.add_argument("--thread", type=int, metavar="TID", help=_("only this thread"))
    add_screen_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """Print the timeline."""
    from iotrace.views import show

    analysis = analysed(arguments)
    window = _window(arguments, analysis.end_ns - analysis.begin_ns)
    if window is not None and window[0] >= window[1]:
        say(_("the time to show is empty: --from must come before --to, and before the recording's end"))
        return Ending(2)
    known = [each[1] for each in analysis.threads]
    if arguments.thread is not None and arguments.thread not in known:
        words = _("no thread {tid} in this recording: it has {tids}")
        say(words.format(tid=arguments.thread, tids=_some(known)))
        return Ending(2)
    view = show(analysis, window, arguments.fd, arguments.thread, ascii=arguments.ascii)
    screen(arguments).print(view)
    return Ending(0)


def _some(tids: Sequence[int]) -> str:
    return ", ".join(map(str, tids[:8])) + (" ..." if len(tids) > 8 else "")


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
        words = _("{word} is no factor: give a number from 1")
        raise argparse.ArgumentTypeError(words.format(word=repr(text)))
    return factor
