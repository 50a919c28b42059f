"""An epoll set is a descriptor too: a loop can wait for it in another set or a poll, then look into it."""

from __future__ import annotations

import pytest

from iotrace.analysis import Analysis
from iotrace.analysis.model import Act, Model
from iotrace.analysis.readiness import EPOLLET
from tests.story import Story

MESSAGES, MS = 23, 1_000


def looking(outer: str, sleeps: bool = False, accounted: bool = False) -> Analysis:
    """Each turn: asleep in the outer wait, which names the set; the set is looked into, and a client served.

    ``sleeps``: the loop waits in the set itself, and in the outer wait for nothing.
    """
    story = Story(accounted=accounted).server(3, 8801, nonblocking=True)
    story.call("epoll_create1", 10, 11, 8).call("epoll_create1", 12, 13, 9)
    story.epoll_add(8, 9, 14).epoll_add(9, 3, 16, mode=EPOLLET)
    for fd in (20, 21):
        story.accept(3, fd, 100 + fd, 101 + fd, 5000 + fd, nonblocking=True).epoll_add(
            9, fd, 102 + fd, mode=EPOLLET
        )
    for i in range(2 * MESSAGES):
        begin, fd = MS + i * 20 * MS, 20 + i % 2
        end = begin + 15 * MS
        slept = {"asleep": 15 * MS - 10, "ready": end - 10}
        first, second = ({}, slept) if sleeps else (slept, {})
        if outer == "poll":
            story.poll(begin, end if not sleeps else begin + 1, [9], [9], **first)
        else:
            story.epoll_wait(8, begin, end if not sleeps else begin + 1, [9], **first)
        story.epoll_wait(9, end + 5 if not sleeps else begin + 5, end + 6, [fd], **{"c": 0, **second})
        story.call("recvfrom", end + 10, end + 15, 9, ready=end - 10, copy=end + 11, fd=fd, a=4096)
        story.call("recvfrom", end + 20, end + 21, -11, fd=fd, a=4096)
    return story.analyse()


@pytest.mark.parametrize("accounted", [False, True], ids=["bpf", "ptrace"])
@pytest.mark.parametrize("outer", ["poll", "epoll_wait"])
def test_the_wait_is_that_for_the_set(outer: str, accounted: bool) -> None:
    analysis = looking(outer, accounted=accounted)
    verdict = analysis.verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.multiplexer, verdict.trigger) == (Model.MULTIPLEXING, "epoll", "edge")
    assert verdict.supporting == 2 * MESSAGES
    assert f"of {2 * MESSAGES}, {outer} waited for the epoll set that then named them" in verdict.because
    row = next(row for row in analysis.matrix if row.act is Act.RECEIVE)
    assert row.phase1.total_ns > 0.9 * 2 * MESSAGES * 15e6
    assert (row.phase1.blocked_in, row.phase1.blocked > 0.99) == (outer, True)


@pytest.mark.parametrize("outer", ["poll", "epoll_wait"])
def test_a_loop_asleep_in_it_is_not_stalled_and_does_not_spin(outer: str) -> None:
    analysis = looking(outer)
    assert analysis.stalls is not None
    assert not len(analysis.stalls)
    assert not {"blocking-call-in-loop", "level-triggered-spin", "settimeout"} & {
        lesson.name for lesson in analysis.lessons
    }
    assert analysis.process_model == "event_loop"


def test_asleep_in_the_set_itself_the_outer_wait_is_no_part_of_it() -> None:
    verdict = looking("poll", sleeps=True).verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.multiplexer) == (Model.MULTIPLEXING, "epoll")
    assert "waited for the epoll set" not in verdict.because
