"""Recordings in virtual time that figures are drawn of."""

from __future__ import annotations

from collections.abc import Callable

from iotrace.analysis import Analysis, analyse
from probes.contract import EVIDENCE
from probes.events import Kind
from tests.story import Story, at
from tests.views import scenes

MIB = 1 << 20


def signal_driven() -> Analysis:
    """A server that computes, is told by SIGIO, and receives then."""
    story = Story(4711)
    story.server(3, 8801, 1_000)
    story.established(19_990, 53_312)
    story.accept(3, 4, 1_100, 20_030, 53_312, asleep=18_890, queued=20, ready=19_990)
    story.call("fcntl", 20_040, 20_041, 0, fd=4, a=8, b=4711)
    story.call("fcntl", 20_042, 20_043, 0, fd=4, a=4, b=0o24000)
    time = 20_050.0
    for _ in range(23):
        ready = time + 50_000
        story.row(Kind.SIGNAL, enter_ns=at(ready + 3), exit_ns=at(ready + 30), a=29, b=1)
        story.call("recvfrom", ready + 60, ready + 300, MIB, ready=ready, copy=ready + 70, fd=4, a=MIB)
        story.call("recvfrom", ready + 310, ready + 312, -11, fd=4, a=MIB)
        time = ready + 320
    return analyse(story.events(argv=["python3", "signal_driven_echo.py"], evidence=list(EVIDENCE)))


def at_once() -> Analysis:
    """A blocking server whose data are always there before it asks."""
    story = Story(4711)
    story.server(3, 8801, 1_000)
    story.established(19_990, 53_312)
    story.accept(3, 4, 20_000, 20_030, 53_312, ready=19_990)
    for message in range(23):
        begin = 30_000.0 + message * 10_000
        story.call("recvfrom", begin, begin + 200, MIB, ready=begin - 5_000, copy=begin + 5, fd=4, a=MIB)
    return analyse(story.events(argv=["python3", "late.py"], evidence=list(EVIDENCE)))


def named(name: str) -> Analysis:
    """A server whose script has any name."""
    events = scenes.blocking().events
    return analyse(
        type(events)(**{**events.__dict__, "header": {**events.header, "argv": ["python3", name]}})
    )


MODELS: dict[str, Callable[[], Analysis]] = {
    **scenes.SCENES,
    "blocking_ptrace": lambda: scenes.blocking(accounted=True),
    "signal_driven": signal_driven,
    "at_once": at_once,
}
