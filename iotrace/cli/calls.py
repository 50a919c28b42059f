"""The calls of a recording, one line each: what strace shows, and how each call's time was spent.

  time  thread  call(arguments) = result  duration: wait asleep | wake to a CPU | copy to the process

Lines come in the order in which calls returned; the time is that at which they began, in seconds since the
recording began. "…" was not recorded; "≤" is an upper bound: the true time is not longer. Times of options
are seconds, or have a unit: 1.5, 250ms, 40us. A list may be given with commas. Lines are as long as they are,
unless --width cuts them.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from iotrace.cli.ending import Ending
from iotrace.cli.file import add_file
from iotrace.cli.moments import moment
from iotrace.cli.numbers import Also, numbers
from iotrace.cli.screen import add_screen_options, say
from iotrace.language import _

if TYPE_CHECKING:
    from iotrace.analysis.choosing import Choice
    from iotrace.columns import Events
    from iotrace.recording.streaming import Stream

#: How often a growing file is looked at.
_LOOK_S = 0.1
#: Who writes the file is asked for no more often than this: it costs a system call or two.
_ASK_S = 1.0
_FIRST_LINES, _MORE_LINES = 64, 4096


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``calls``."""
    add_file(parser)
    part = parser.add_argument_group(_("which calls"))
    part.add_argument(
        "--fd",
        type=numbers,
        action=Also,
        metavar="FD[,FD]",
        help=_("on these descriptors, or that name them"),
    )
    part.add_argument("--thread", type=numbers, action=Also, metavar="TID[,TID]", help=_("of these threads"))
    part.add_argument(
        "--process", type=numbers, action=Also, metavar="PID[,PID]", help=_("of these processes")
    )
    part.add_argument("--call", type=_calls, action=Also, metavar="NAME[,NAME]", help=_("of these names"))
    part.add_argument(
        "--slower", type=moment, default=0, metavar="TIME", help=_("that took at least so long")
    )
    part.add_argument("--failed", action="store_true", help=_("that returned an error"))
    part.add_argument(
        "--from", dest="start", type=moment, metavar="TIME", help=_("under way at this time or later")
    )
    part.add_argument("--to", dest="stop", type=moment, metavar="TIME", help=_("begun until this time"))
    parser.add_argument(
        "-f", "--follow", action="store_true", help=_("of a recording that grows: go on until it ends")
    )
    add_screen_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """Print the calls."""
    from iotrace.recording.layout import latest
    from iotrace.recording.streaming import Stream

    if arguments.start is not None and arguments.stop is not None and arguments.start > arguments.stop:
        say(_("no time to show: --from must come before --to"))
        return Ending(2)
    with Stream(arguments.file or latest()) as stream:
        return _print(stream, arguments)


def _print(stream: Stream, arguments: argparse.Namespace) -> Ending:
    from iotrace.views.calls import Calls
    from iotrace.views.painter import painter

    paint = painter(arguments.color, arguments.ascii, sys.stdout, arguments.width)
    calls: Calls | None = None
    printed = 0
    try:
        for begin_ns, events in _timed(stream, arguments):
            if calls is None:
                header = stream.header or {}
                evidence = header.get("evidence", ())
                calls = Calls(begin_ns, evidence, str(header.get("machine")), _choice(arguments, begin_ns))
            printed += _write(map(paint, calls.lines(events)))
        if calls is not None:
            printed += _write(map(paint, calls.unfinished()))
    except KeyboardInterrupt:
        if not arguments.follow:
            raise
        sys.stdout.flush()
        return Ending(0)
    if stream.left_over:
        words = _("the recording was cut off: its last {n} bytes are no whole rows")
        say(words.format(n=stream.left_over))
    if not printed:
        say(_("no call fits") if calls is not None else _("no call was recorded"))
    return Ending(0)


def _timed(stream: Stream, arguments: argparse.Namespace) -> Iterator[tuple[int, Events]]:
    """Yield (when the recording began, a batch of rows)."""
    from iotrace.analysis.choosing import first_moment
    from iotrace.analysis.rows import READ
    from iotrace.recording.streaming import Stream

    if not arguments.follow:
        with Stream(stream.path) as same:
            moments = [
                moment for each in same.batches({"kind", "enter_ns"}) if (moment := first_moment(each))
            ]
        begin_ns = min(moments, default=0)
        yield from ((begin_ns, events) for events in stream.batches(READ))
        return
    waiting: list[Events] = []
    begin: int | None = None
    for events in _growing(stream, READ):
        if begin is None:
            begin = first_moment(events)
            waiting.append(events)
            if begin is None:
                continue
            yield from ((begin, earlier) for earlier in waiting)
            waiting.clear()
        else:
            yield begin, events


def _growing(stream: Stream, columns: frozenset[str]) -> Iterator[Events]:
    """Yield what is there, then what comes, until the writer has closed the file or is gone."""
    asked = time.monotonic()
    while True:
        yield from stream.batches(columns)
        if stream.closed:
            return
        if time.monotonic() - asked >= _ASK_S:
            asked = time.monotonic()
            if not stream.is_written:
                yield from stream.batches(columns)  # what came before it left
                if not stream.closed:
                    say(_("the recording was not closed: its tracer is gone"))
                return
        time.sleep(_LOOK_S)


def _write(lines: Iterator[str]) -> int:
    """Write the lines, the first few at once and the others many at a time; return how many there were."""
    printed = 0
    while part := list(islice(lines, _MORE_LINES if printed else _FIRST_LINES)):
        sys.stdout.write("".join(part))
        sys.stdout.flush()
        printed += len(part)
    return printed


def _choice(arguments: argparse.Namespace, begin_ns: int) -> Choice:
    from iotrace.analysis.choosing import Choice

    nothing: frozenset[int] = frozenset()
    return Choice(
        arguments.fd or nothing,
        arguments.thread or nothing,
        arguments.process or nothing,
        arguments.call or nothing,
        arguments.slower,
        arguments.failed,
        None if arguments.start is None else begin_ns + arguments.start,
        None if arguments.stop is None else begin_ns + arguments.stop,
    )


def _calls(text: str) -> frozenset[int]:
    from probes.table import BY_NAME

    codes = set()
    for name in text.split(","):
        if name not in BY_NAME:
            close = difflib.get_close_matches(name, BY_NAME, 1)
            hint = (
                _("did you mean {name}?").format(name=close[0])
                if close
                else _("only calls that do or await I/O are recorded")
            )
            words = _("no call {name}: {hint}")
            raise argparse.ArgumentTypeError(words.format(name=repr(name), hint=hint))
        codes.add(BY_NAME[name].code)
    return frozenset(codes)
