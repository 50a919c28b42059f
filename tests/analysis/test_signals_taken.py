"""A signal that is blocked is never delivered: sigwaitinfo(2) and signalfd(2) take it, and tell as much."""

from __future__ import annotations

import pytest

from iotrace.analysis import Analysis
from iotrace.analysis.model import Act, Model
from probes.events import Kind
from tests.story import Story, at

MESSAGES, SIGNAL = 23, 35


def taking(story: Story, taker: str, armed: bool = True) -> Analysis:
    """Each round: the signal is waited for, a message is read, and the next try finds nothing."""
    story.server(3, 8801, nonblocking=True).accept(3, 5, 10, 11, 5000, nonblocking=True)
    story.call("signalfd4", 12, 13, 7, fd=-1, a=8)
    story.call("fcntl", 14, 15, 0, fd=5, a=10, b=SIGNAL)
    if armed:
        story.call("fcntl", 16, 17, 0, fd=5, a=4, b=0o24000)
    story.call("recvfrom", 18, 19, -11, fd=5, a=4096)
    for i in range(MESSAGES):
        begin = 1_000 + i * 10_000
        if taker == "signalfd":
            story.call("read", begin, begin + 9_000, 128, asleep=8_900, fd=7, a=128)
        else:
            story.call("rt_sigtimedwait", begin, begin + 9_000, SIGNAL, asleep=8_900, c=-1)
        ready = begin + 8_900
        story.call("recvfrom", begin + 9_010, begin + 9_020, 9, ready=ready, copy=begin + 9_012, fd=5, a=4096)
        story.call("recvfrom", begin + 9_030, begin + 9_031, -11, fd=5, a=4096)
    return story.analyse()


@pytest.mark.parametrize("accounted", [False, True], ids=["bpf", "ptrace"])
@pytest.mark.parametrize("taker", ["sigwaitinfo", "signalfd"])
def test_a_signal_that_is_waited_for_announces(taker: str, accounted: bool) -> None:
    analysis = taking(Story(accounted=accounted), taker)
    verdict = analysis.verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.supporting, verdict.contradicting) == (Model.SIGNAL_DRIVEN, MESSAGES, 0)


@pytest.mark.parametrize("taker", ["sigwaitinfo", "signalfd"])
def test_asleep_until_the_signal_it_is_blocked_in_a_wait_for_signals(taker: str) -> None:
    row = next(row for row in taking(Story(), taker).matrix if row.act is Act.RECEIVE)
    assert row.phase1.blocked > 0.9
    assert row.phase1.blocked_in == "a wait for signals"


@pytest.mark.parametrize("taker", ["sigwaitinfo", "signalfd"])
def test_signals_of_another_kind_announce_nothing(taker: str) -> None:
    """A server that waits for SIGCHLD or SIGTERM so, and whose descriptors are not armed, tries in vain."""
    verdict = taking(Story(), taker, armed=False).verdicts[Act.RECEIVE]
    assert verdict.model is Model.NONBLOCKING


@pytest.mark.parametrize("flags", [0o24002, 0o4002], ids=["armed", "not armed"])
def test_a_descriptor_that_was_found_armed_announces_by_a_signal_that_nobody_chose_in_sight(
    flags: int,
) -> None:
    story = Story(accounted=True)
    story.row(Kind.DESCRIPTOR, enter_ns=at(0), fd=5, blob=b"tcp 127.0.0.1:8801 127.0.0.1:5000", a=flags)
    story.call("recvfrom", 18, 19, -11, fd=5, a=4096)
    for i in range(MESSAGES):
        begin = 1_000 + i * 10_000
        story.call("rt_sigtimedwait", begin, begin + 9_000, SIGNAL, asleep=8_900, c=-1)
        story.call("recvfrom", begin + 9_010, begin + 9_020, 9, fd=5, a=4096)
        story.call("recvfrom", begin + 9_030, begin + 9_031, -11, fd=5, a=4096)
    verdict = story.analyse().verdicts[Act.RECEIVE]
    assert verdict.model is (Model.SIGNAL_DRIVEN if flags & 0o20000 else Model.NONBLOCKING)
    assert verdict.supporting == MESSAGES
