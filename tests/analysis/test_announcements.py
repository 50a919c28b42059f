"""Several waits may announce the same data: which of them waited, told in virtual time."""

from __future__ import annotations

import pytest

from iotrace.analysis.model import Act, Model
from tests.story import Story, at

MESSAGES = 23


def told_twice(found_again: bool) -> Story:
    """Varnish: a thread's epoll_wait finds the data, and a worker asks poll once more before it reads."""
    story = Story().server(3, 8801).call("epoll_create1", 10, 11, 9)
    story.accept(3, 12, 20, 21, 5000).epoll_add(9, 12, 22)
    for i in range(MESSAGES):
        begin = 1_000 + i * 1_000
        ready = begin + (490 if found_again else 540)
        story.epoll_wait(9, begin, begin + 500, [12], asleep=480, ready=begin + 490, tid=201)
        slept = {} if found_again else {"asleep": 20, "ready": ready}
        story.poll(begin + 510, begin + 545, [12], [12], tid=202, **slept)
        story.call("read", begin + 550, begin + 560, 9, ready=ready, copy=begin + 551, fd=12, a=9, tid=202)
    return story


@pytest.mark.parametrize(
    ("found_again", "multiplexer", "begun_us"), [(True, "epoll", 0), (False, "poll", 510)]
)
def test_a_wait_that_finds_again_what_another_found_is_not_the_one_that_waited(
    found_again: bool, multiplexer: str, begun_us: int
) -> None:
    analysis = told_twice(found_again).analyse()
    verdict = analysis.verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.multiplexer) == (Model.MULTIPLEXING, multiplexer)
    op = analysis.operations[analysis.operations["act"] == Act.RECEIVE]
    assert [int(time) for time in op["begin_ns"]] == [
        at(1_000 + i * 1_000 + begun_us) for i in range(MESSAGES)
    ]
    assert not op["at_once"].any()


def test_who_is_found_ready_in_one_wait_was_awaited_in_it() -> None:
    """A loop that takes one client at a time: its next select finds the other there already."""
    story = Story().server(3, 8801).accept(3, 4, 20, 21, 5000).accept(3, 5, 22, 23, 5001)
    for i in range(MESSAGES):
        begin = 1_000 + i * 1_000
        story.select(begin, begin + 500, [3, 4, 5], [4, 5], asleep=480, ready=begin + 490)
        story.call("recvfrom", begin + 510, begin + 520, 9, ready=begin + 490, copy=begin + 511, fd=4, a=9)
        story.select(begin + 530, begin + 531, [3, 4, 5], [5])
        story.call("recvfrom", begin + 540, begin + 550, 9, ready=begin + 490, copy=begin + 541, fd=5, a=9)
    op = story.analyse().operations
    op = op[op["act"] == Act.RECEIVE]
    assert sorted(op["begin_ns"].tolist()) == [at(1_000 + i * 1_000) for i in range(MESSAGES) for _ in (4, 5)]


def test_what_was_announced_while_it_was_taken_is_of_what_was_taken() -> None:
    """A level-triggered loop beside its worker: it is told once more of what is just being read."""
    story = Story().server(3, 8801).call("epoll_create1", 10, 11, 9)
    story.accept(3, 12, 20, 21, 5000).epoll_add(9, 12, 22)
    for i in range(MESSAGES):
        begin = 1_000 + i * 1_000
        slept = {"asleep": 480, "ready": begin + 490} if i % 2 else {}
        story.epoll_wait(9, begin, begin + 500, [12], tid=201, **slept)
        story.epoll_wait(9, begin + 512, begin + 515, [12], tid=201)
        story.call(
            "read", begin + 510, begin + 520, 9, ready=begin + 490, copy=begin + 511, fd=12, a=9, tid=202
        )
    op = story.analyse().operations
    op = op[op["act"] == Act.RECEIVE]
    assert op["begin_ns"].tolist() == [at(1_000 + i * 1_000) for i in range(MESSAGES)]
