"""--fail-on: what makes a run fail in continuous integration, whatever the target itself says of it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

from iotrace.cli.ending import Ending
from iotrace.cli.moments import moment
from iotrace.cli.screen import say
from iotrace.language import _

if TYPE_CHECKING:
    from iotrace.analysis.model import Analysis

#: The exit status where a condition holds and the target itself ended well.
CONDITION = 3

#: Asked for without a time; asyncio's own complaint begins at 100 ms.
_STALL_NS = 50_000_000
#: Shorter sleeps than this cannot be told from the noise of the scheduler's accounts.
_LEAST_STALL_NS = 1_000_000


class Condition(NamedTuple):
    """``kind`` is stall (``stall_ns``), lost, or lesson (``lesson``, its name)."""

    kind: str
    stall_ns: int = 0
    lesson: str = ""


def add_fail_on(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Add --fail-on; the conditions are in ``fail_on``, a list."""
    group = parser.add_argument_group(_("continuous integration"))
    return [
        group.add_argument(
            "--fail-on",
            action="append",
            default=[],
            type=_condition,
            metavar="CONDITION",
            help=_(
                "end with status {status} if the recording shows it: stall (an event loop slept for 50 ms or"
                " more in anything but its wait), stall=20ms, lost (events were lost), or lesson=NAME; can be"
                " given again. A target that failed keeps its own status"
            ).format(status=CONDITION),
        )
    ]


def stall_ns(arguments: argparse.Namespace) -> int | None:
    """Return the shortest stall that is asked for; None where none is."""
    return min((each.stall_ns for each in arguments.fail_on if each.kind == "stall"), default=None)


def judge(analysis: Analysis, arguments: argparse.Namespace, ending: Ending) -> Ending:
    """Say in one line each which conditions hold; return how the process is to end."""
    held = [words for each in arguments.fail_on if (words := _holds(analysis, each))]
    for words in held:
        say(f"--fail-on {words}")
    return Ending(CONDITION) if held and not ending.status and ending.signal is None else ending


def _holds(analysis: Analysis, condition: Condition) -> str | None:
    if condition.kind == "lost":
        words = _("lost: {n} events were lost").format(n=analysis.lost)
        return words if analysis.lost else None
    if condition.kind == "lesson":
        found = [each.evidence for each in analysis.lessons if each.name == condition.lesson]
        return f"lesson={condition.lesson}: {_harmless(found[0])}" if found else None
    stalled = _stalled(analysis, condition.stall_ns)
    return _harmless(f"stall: {stalled}") if stalled else None


def _stalled(analysis: Analysis, least_ns: int) -> str | None:
    """Say what stalled, or why it is not proved that nothing did."""
    from iotrace.views.sleeps import stall
    from iotrace.wording import unproved

    stalls = analysis.stalls
    at = [] if stalls is None else [at for at in range(len(stalls)) if stalls.asleep_ns[at] >= least_ns]
    if stalls is None or not at:
        return unproved(analysis)
    longest = max(at, key=lambda place: int(stalls.asleep_ns[place]))
    words = stall(analysis, stalls, longest)
    return _("{what}; {n} more").format(what=words, n=len(at) - 1) if len(at) > 1 else words


def _harmless(words: str) -> str:
    from iotrace.escape import clean

    return clean(words.replace("\u202f", " "))


def _condition(text: str) -> Condition:
    kind, given, value = text.partition("=")
    if kind == "stall":
        least = moment(value) if given else _STALL_NS
        if least < _LEAST_STALL_NS:
            words = _("{word}: a stall of less than 1 ms cannot be told")
            raise argparse.ArgumentTypeError(words.format(word=repr(text)))
        return Condition("stall", stall_ns=least)
    if kind == "lost" and not given:
        return Condition("lost")
    if kind == "lesson" and value:
        from iotrace.analysis.lessons import LESSONS

        if value not in {entry.name for entry in LESSONS}:
            words = _("no lesson {name}: {hint}")
            hint = _("`iotrace explain` lists them")
            raise argparse.ArgumentTypeError(words.format(name=repr(value), hint=hint))
        return Condition("lesson", lesson=value)
    words = _("{word} is no condition: give stall, stall=50ms, lost, or lesson=NAME")
    raise argparse.ArgumentTypeError(words.format(word=repr(text)))
