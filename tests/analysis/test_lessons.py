"""Each lesson fires on the story that shows it, and on no other; told in virtual time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iotrace.analysis import Analysis, analyse
from iotrace.analysis.lessons import LESSONS
from probes.contract import EVIDENCE
from probes.events import Flag, Kind
from tests.analysis.lesson_stories import (
    MS,
    ONESHOT,
    armed,
    asleep_in_the_receive,
    batch,
    connected,
    herd,
    idle,
    leak,
    looks,
    merged,
    pieces,
    pipe_left,
    polled,
    received,
    relay,
    requests,
    socket_left,
    spin,
    stall,
    timeouts,
    wide,
    writable_spin,
    writer,
)
from tests.story import Story, at


def told(story: Story) -> Analysis:
    return analyse(story.events(evidence=list(EVIDENCE)))


def fired(story: Story) -> list[str]:
    return [lesson.name for lesson in told(story).lessons]


def evidence(story: Story, name: str) -> str:
    return next(lesson.evidence for lesson in told(story).lessons if lesson.name == name)


#: What fires on each story, and nothing else does.
SHOWN: list[tuple[str, Callable[[], Story], list[str]]] = [
    ("leak", leak, ["descriptor-leak"]),
    ("spin", spin, ["level-triggered-spin"]),
    ("writable spin", writable_spin, ["level-triggered-spin"]),
    ("pipe left", pipe_left, ["undrained-edge", "multiplexing"]),
    ("socket left", socket_left, ["undrained-edge", "multiplexing"]),
    ("stall", stall, ["blocking-call-in-loop", "multiplexing"]),
    ("a file's read", lambda: stall(call="read"), ["blocking-call-in-loop", "multiplexing"]),
    ("batch", batch, ["blocking-call-in-loop", "multiplexing"]),
    ("herd", herd, ["thundering-herd"]),
    ("merged", merged, ["sigio-merged", "signal-driven"]),
    ("writer", writer, ["full-buffer"]),
    ("refused", lambda: writer(0, -11), ["full-buffer"]),
    ("pieces", pieces, ["partial-receive", "multiplexing"]),
    ("polled", polled, ["polling-waste"]),
    ("looks", looks, ["polling-waste"]),
    ("looks for long before a sleep", lambda: looks(turns=7, sleeps=True, each=40), ["polling-waste"]),
    ("wide", wide, ["fd-setsize"]),
    ("timeouts", timeouts, ["settimeout", "multiplexing"]),
    ("copied by the process", lambda: requests(0), ["who-copied"]),
    ("copied by a worker", lambda: requests(Flag.BY_WORKER), ["asynchronous"]),
    ("asleep in the receive", asleep_in_the_receive, ["blocking"]),
    ("armed", armed, ["signal-driven"]),
    ("idle", idle, ["multiplexing", "idle-wait"]),
]

#: As like as can be, without what makes the lesson.
MISSED: list[tuple[str, Callable[[], Story], list[str]]] = [
    ("nine returns", lambda: spin(9), []),
    ("somebody accepts now and then", lambda: spin(40, answer_every=8), []),
    ("a loop that sends whenever there is room", lambda: writable_spin(sends=True), []),
    ("a pipe read to its end", lambda: pipe_left(drained=True), ["multiplexing"]),
    ("the level says so again", lambda: pipe_left(mode=0), ["multiplexing"]),
    ("the next message, as long", lambda: socket_left(ready=51_000, announced=True), ["multiplexing"]),
    ("new data, announced late", lambda: socket_left(ready=51_000), ["multiplexing"]),
    ("nobody waited meanwhile", lambda: stall(ready=90 * MS), ["multiplexing"]),
    ("five milliseconds", lambda: stall(5 * MS, 2 * MS), ["multiplexing"]),
    ("a quick answer to each", lambda: batch(1 * MS), ["multiplexing"]),
    ("EPOLLEXCLUSIVE", lambda: herd(exclusive=True), []),
    ("a signal each", lambda: merged(together=False), ["signal-driven"]),
    ("a short sleep in a send", lambda: writer(0.5 * MS), []),
    ("one receive a message", lambda: pieces(parts=1), ["multiplexing"]),
    ("header, then body", lambda: pieces(room=1000), ["multiplexing"]),
    ("answers by another thread", relay, ["blocking"]),
    ("two slow messages", lambda: pieces(answers=2), ["multiplexing"]),
    ("nineteen tries after a try", lambda: polled(20), []),
    ("told each time, and another was faster", lambda: polled(announced=True), []),
    ("a look before each sleep", lambda: looks(sleeps=True), []),
    ("callbacks to run before each sleep", lambda: looks(sleeps=True, each=8), []),
    ("select beyond FD_SETSIZE, in C", lambda: wide(2_048, 1_100), []),
    ("all below FD_SETSIZE", lambda: wide(1_024, 1_023), []),
    ("a small select beside many descriptors", lambda: wide(8, 5_000), []),
    ("poll for ever", lambda: timeouts(-1), ["multiplexing"]),
    ("not quite a second", lambda: idle(999 * MS), ["multiplexing"]),
]  # fmt: skip


@pytest.mark.parametrize(("story", "lessons"), [pytest.param(s, e, id=name) for name, s, e in SHOWN])
def test_a_story_shows_its_lesson_and_no_other(story: Callable[[], Story], lessons: list[str]) -> None:
    assert fired(story()) == lessons


@pytest.mark.parametrize(("story", "lessons"), [pytest.param(s, e, id=name) for name, s, e in MISSED])
def test_a_near_miss_is_silent(story: Callable[[], Story], lessons: list[str]) -> None:
    assert fired(story()) == lessons


def test_every_lesson_has_a_story() -> None:
    shown = {name for _, _, lessons in SHOWN for name in lessons}
    assert shown | {"nonblocking"} == {entry.name for entry in LESSONS}
    assert len({entry.name for entry in LESSONS}) == len(LESSONS)


def test_nonblocking_still_copies() -> None:
    story = connected(Story(), 4)
    for turn in range(7):
        begin = 2_000.0 + turn * 1_000
        for step in range(2):
            story.call("recvfrom", begin + step * 100, begin + step * 100 + 2, -11, fd=4, a=99)
        received(story, 4, begin + 300)
    assert fired(story) == ["nonblocking"]


def test_the_evidence_has_the_counts() -> None:
    assert "returned at once 23 times in a row for fd 3 (listen 127.0.0.1:8801)" in evidence(
        spin(), "level-triggered-spin"
    )
    assert "slept once beside 512 bytes that fd 5" in evidence(pipe_left(), "undrained-edge")
    assert "failed 23 times with EMFILE: of 60 accepted connections 1 had been closed" in evidence(
        leak(), "descriptor-leak"
    )
    said = evidence(stall(), "blocking-call-in-loop")
    assert "slept in clock_nanosleep (7 times, up to 50.0 ms)" in said
    assert "7 operations waited" in said
    assert "2 operations waited" in evidence(batch(), "blocking-call-in-loop")
    said = evidence(herd(), "thundering-herd")
    assert "4 tasks" in said
    assert "69 times accept found nothing" in said
    assert "23 were accepted" in said
    assert "7 times one signal stood for" in evidence(merged(), "sigio-merged")
    assert "slept 7 times, 35.0 ms in all" in evidence(writer(), "full-buffer")
    assert "7 answers took more than one recvfrom, up to 3" in evidence(pieces(), "partial-receive")
    assert "tried 41 times" in evidence(polled(), "polling-waste")
    assert "40 tries (98%) found nothing" in evidence(polled(), "polling-waste")
    assert "40 times (100%) nothing was ready" in evidence(looks(), "polling-waste")
    assert "up to 1023, and the process opened 1 of 1024 or more" in evidence(wide(), "fd-setsize")
    assert "each of 7 waits was a poll" in evidence(timeouts(), "settimeout")
    assert "slept for a second or more once, 1.00 s at most" in evidence(idle(), "idle-wait")


def test_a_stall_is_found_from_accounts_alone() -> None:
    """The ptrace probe sees no arrival: that the next wait returned at once is what it can tell."""
    story = Story(accounted=True)
    connected(story, 4, 5).call("epoll_create1", 500, 501, 7).epoll_add(7, 4, 510).epoll_add(7, 5, 520)
    for turn in range(7):
        begin = 1_000 + turn * 200 * MS
        story.epoll_wait(7, begin, begin + 900, [4], asleep=880)
        story.call("recvfrom", begin + 910, begin + 913, 9, fd=4, a=99)
        story.call("clock_nanosleep", begin + 920, begin + 50_940, 0, asleep=50_000)
        story.epoll_wait(7, begin + 50_945, begin + 50_946, [5])
        story.call("recvfrom", begin + 50_950, begin + 50_953, 9, fd=5, a=99)
    assert fired(story) == ["blocking-call-in-loop", "multiplexing"]


def test_several_who_wait_for_one_epoll_are_no_single_loop() -> None:
    """Another thread asks while this one sleeps: nobody is kept waiting by it."""
    story = (
        connected(Story(), 4, 5).call("epoll_create1", 500, 501, 7).epoll_add(7, 4, 510).epoll_add(7, 5, 520)
    )
    for turn in range(7):
        begin = 1_000 + turn * 200 * MS
        story.epoll_wait(7, begin, begin + 900, [4], asleep=880, ready=begin + 890, tid=100 + turn % 2)
        received(story, 4, begin + 910, tid=100 + turn % 2)
        story.call("futex", begin + 920, begin + 50_940, 0, asleep=50_000, tid=100 + turn % 2)
        story.epoll_wait(7, begin + 50_945, begin + 50_946, [5], tid=100 + turn % 2)
        story.call("recvfrom", begin + 50_950, begin + 50_953, 9, ready=begin + 30_000, fd=5, a=99, tid=100)
    assert "blocking-call-in-loop" not in fired(story)


def test_oneshot_is_told_once() -> None:
    story = connected(Story(), 4).call("epoll_create1", 500, 501, 7).epoll_add(7, 4, 510, mode=ONESHOT)
    for turn in range(23):
        story.epoll_wait(7, 1_000 + turn * 10, 1_001 + turn * 10, [4])
    assert fired(story) == []


def test_a_signal_between_two_tries_is_no_polling() -> None:
    story = Story().server(3, 8801, nonblocking=True)
    story.call("fcntl", 500, 501, 0, fd=3, a=4, b=0o20000 | 0o4000)
    for turn in range(40):
        begin = 1_000.0 + turn * MS
        story.row(Kind.SIGNAL, enter_ns=at(begin - 10), exit_ns=at(begin - 5), a=29)
        story.call("accept4", begin, begin + 2, -11, fd=3)
    assert fired(story) == []
