"""Stalls and sleeps: built loops in virtual time, and what generated ones must always keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotrace.analysis import analyse
from iotrace.analysis.blocked import State, sleeps
from iotrace.analysis.model import Analysis, Basis
from iotrace.analysis.stalls import STALL_NS, Stalls
from probes.events import Kind
from probes.table import CALLS
from tests.story import Story, at

MS = 1_000.0


def loop(turns: int = 3, accounted: bool = False) -> Story:
    """A loop on epoll 4 that serves clients 5 and 6: ``turns`` turns of 1 ms, from 10 ms on."""
    story = Story(accounted=accounted)
    story.server(3, 8801).call("epoll_create1", 20, 21, 4).epoll_add(4, 3, 22)
    for fd, port, when in ((5, 50_005, 100), (6, 50_006, 1_000)):
        story.epoll_wait(4, when, when + 400, [3], asleep=350)
        story.accept(3, fd, when + 410, when + 420, port).epoll_add(4, fd, when + 430)
    for turn in range(turns):
        serve(story, 10 * MS + turn * MS)
    return story


def serve(story: Story, when: float, told: float | None = None) -> None:
    """One turn: both clients are ready in one wait, at once if they were ``told`` before it."""
    late = told is not None
    story.epoll_wait(4, when, when + (5 if late else 500), [5, 6], asleep=0 if late else 450)
    for place, fd in enumerate((5, 6)):
        begin = when + 510 + 20 * place
        ready = told if told is not None else when + 490
        story.call("recvfrom", begin, begin + 5, 9, fd=fd, a=64, ready=ready, copy=begin + 2)


def stalls(story: Story, **options: int) -> Stalls:
    found = analyse(story.events(), **options).stalls
    assert found is not None
    return found


def names(found: Stalls, analysis: Analysis) -> list[str]:
    return [CALLS[code].name for code in analysis.events["code"][found.row]]


@pytest.mark.parametrize("name", ["clock_nanosleep", "futex", "read", "connect", "flock", "fsync", "wait4"])
def test_whatever_a_loop_sleeps_in_stalls_it(name: str) -> None:
    story = loop()
    columns = {"fd": 9} if name in ("read", "connect", "flock", "fsync") else {}
    story.call(name, 20 * MS, 170 * MS, 0, asleep=149 * MS, **columns)
    serve(story, 171 * MS, told=50 * MS)
    serve(story, 172 * MS)
    analysis = story.analyse()
    found = analysis.stalls
    assert found is not None
    assert names(found, analysis) == [name]
    assert found.loops.tolist() == [100]
    assert found.asleep_ns.tolist() == [149_000_000]
    assert found.waited.tolist() == found.measured.tolist() == [2]
    assert found.late_ns.tolist() == [round((171 * MS + 530 - 50 * MS) * 1e3)]
    assert [analysis.descriptors[life].fd for life in found.victims(0)] == [5, 6]
    assert not found.bounded.any()


@pytest.mark.parametrize(("told", "waited"), [(19.9, 2), (12.6, 2), (9.9, 0), (170.5, 0)])
def test_what_came_between_its_last_wait_and_the_stall_waited_for_all_of_it(told: float, waited: int) -> None:
    """What was there before its last wait was no news; what came after the stall did not wait for it."""
    story = loop()  # its last wait begins at 12 ms
    story.call("clock_nanosleep", 20 * MS, 170 * MS, 0, asleep=149 * MS)
    serve(story, 171 * MS, told=told * MS)
    serve(story, 172 * MS)
    found = stalls(story)
    assert found.waited.tolist() == found.measured.tolist() == [waited]
    assert found.late_ns.tolist() == [round((171 * MS + 530 - 20 * MS) * 1e3) if waited else 0]


def test_its_own_wait_is_idleness_however_long() -> None:
    story = loop()
    story.epoll_wait(4, 20 * MS, 5_000 * MS, [5, 6], asleep=4_979 * MS)
    story.call("recvfrom", 5_001 * MS, 5_001 * MS + 5, 9, fd=5, a=64)
    analysis = story.analyse()
    assert analysis.stalls is not None
    assert len(analysis.stalls) == 0
    assert analysis.stalls.longest is None
    (line,) = [each for each in sleeps(analysis) if each.total_ns > 1_000_000_000]
    assert line.state is State.IDLE


@pytest.mark.parametrize("more", [b"listen 127.0.0.1:8801", b"anon_inode:[eventfd]"])
def test_a_loop_that_one_client_talks_to_is_told_by_its_set(more: bytes) -> None:
    """It was attached to; all that is known of its other client is the set: a socket, or its own pipe."""
    story = Story()
    for fd, told in ((3, more), (5, b"tcp 127.0.0.1:8801 \xe2\x86\x90 127.0.0.1:50005")):
        story.row(Kind.DESCRIPTOR, enter_ns=at(1), fd=fd, blob=told)
    watch = [3 | 1 << 32, 3, 5 | 1 << 32, 5]
    story.row(Kind.DESCRIPTOR, enter_ns=at(1), fd=4, blob=b"anon_inode:[eventpoll]", watch=watch)
    for begin in (10 * MS, 200 * MS):
        story.epoll_wait(4, begin, begin + 500, [5], asleep=450)
        story.call("recvfrom", begin + 510, begin + 515, 9, fd=5, a=64, ready=begin + 490)
        story.call("clock_nanosleep", begin + MS, begin + 150 * MS, 0, asleep=148 * MS)
    found = stalls(story)
    assert found.loops.tolist() == ([100] if b"listen" in more else [])
    assert len(found) == len(found.loops)


def test_before_it_serves_and_after_it_has_served_a_loop_may_sleep() -> None:
    story = Story().call("clock_nanosleep", -900 * MS, -1 * MS, 0, asleep=800 * MS)
    later = loop()
    later._rows = [*story._rows, *later._rows]
    later._watch = {index + 1: values for index, values in later._watch.items()}
    later._blob = {index + 1: value for index, value in later._blob.items()}
    later.call("futex", 500 * MS, 900 * MS, 0, asleep=399 * MS)
    assert len(stalls(later)) == 0


def test_another_thread_may_sleep() -> None:
    story = loop()
    story.call("clock_nanosleep", 20 * MS, 170 * MS, 0, asleep=149 * MS, tid=101)
    serve(story, 171 * MS)
    assert len(stalls(story)) == 0


def test_a_thread_that_waits_for_one_descriptor_is_no_loop() -> None:
    story = Story().server(3, 8801)
    for turn in range(5):
        begin = 1 * MS + turn * 200 * MS
        story.poll(begin, begin + 500, [3], [3], asleep=400)
        story.accept(3, 5, begin + 510, begin + 520, 50_000 + turn)
        story.call("clock_nanosleep", begin + MS, begin + 150 * MS, 0, asleep=148 * MS)
        story.call("close", begin + 151 * MS, begin + 151 * MS + 1, 0, fd=5)
    found = stalls(story)
    assert len(found) == len(found.loops) == 0


def test_a_wait_that_goes_on_after_a_stop_is_no_stall() -> None:
    """poll(2) after SIGSTOP and SIGCONT goes on in restart_syscall."""
    story = loop()
    story.call("epoll_wait", 20 * MS, 30 * MS, -516, asleep=9 * MS, fd=4, a=64, c=-1)
    story.call("restart_syscall", 30 * MS + 1, 170 * MS, 0, asleep=139 * MS)
    serve(story, 171 * MS)
    assert len(stalls(story)) == 0


def test_under_the_scheduler_s_accounts_what_waited_is_inferred() -> None:
    story = loop(accounted=True)
    story.call("clock_nanosleep", 20 * MS, 170 * MS, 0, asleep=149 * MS)
    serve(story, 171 * MS, told=50 * MS)
    serve(story, 172 * MS)
    found = stalls(story)
    assert found.bounded.tolist() == [True]
    assert found.measured.tolist() == [0]
    assert len(found.victim_life) == 0


def test_the_bound_is_the_caller_s() -> None:
    story = loop()
    for turn, length in enumerate((2, 7, 23, 61)):
        begin = (20 + 100 * turn) * MS
        story.call("clock_nanosleep", begin, begin + length * MS, 0, asleep=(length - 0.5) * MS)
        serve(story, begin + 80 * MS)
    assert stalls(story).asleep_ns.tolist() == [22_500_000, 60_500_000]
    assert stalls(story, stall_ns=5_000_000).asleep_ns.tolist() == [6_500_000, 22_500_000, 60_500_000]
    longest = stalls(story).longest
    assert longest == 1


def test_sleeps_are_told_apart_and_counted() -> None:
    story = loop()
    for turn, length in enumerate((16, 23, 61)):
        begin = (20 + 100 * turn) * MS
        story.call("clock_nanosleep", begin, begin + length * MS, 0, asleep=(length - 0.5) * MS)
        serve(story, begin + 80 * MS)
    for turn in range(7):
        story.call("recvfrom", 500 * MS + turn * 100, 500 * MS + turn * 100 + 50, 1, fd=7, tid=101, asleep=30)
    analysis = story.analyse()
    lines = {(each.tid, each.name): each for each in sleeps(analysis)}
    nap = lines[100, "clock_nanosleep"]
    assert nap.state is State.STALLED
    assert (nap.count, nap.total_ns) == (3, 98_500_000)
    assert [nap.p50_ns, nap.p90_ns, nap.p99_ns, nap.max_ns] == [22_500_000] + 3 * [60_500_000]
    assert nap.histogram == {23: 1, 24: 1, 25: 1}
    assert nap.basis is Basis.MEASURED
    assert lines[100, "epoll_wait"].state is State.IDLE
    other = lines[101, "recvfrom"]
    assert other.state is State.BLOCKED
    assert (other.count, other.p50_ns, other.histogram) == (7, 30_000, {14: 7})
    assert analysis.descriptors[other.life].fd == 7
    assert [each.tid for each in sleeps(analysis, threads={101})] == [101]
    assert [each.name for each in sleeps(analysis, fds={4})] == ["epoll_wait"]


def test_one_thread_s_call_on_many_descriptors_is_one_line_or_many() -> None:
    story = Story()
    for fd in range(5, 28):
        story.call("recvfrom", fd * 100, fd * 100 + 50, 1, fd=fd, asleep=30)
    analysis = story.analyse()
    assert len(sleeps(analysis)) == 23
    (line,) = sleeps(analysis, by_descriptor=False)
    assert (line.count, line.descriptors, line.life) == (23, 23, -1)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["recvfrom", "epoll_wait", "futex", "accept4", "clock_nanosleep", "read"]),
            st.integers(0, 200_000), st.integers(0, 200_000), st.sampled_from([100, 101]), st.integers(3, 6),
        ),
        max_size=40,
    )
)  # fmt: skip
def test_sums_and_orders_hold_for_any_sleeps(parts: list[tuple[str, int, int, int, int]]) -> None:
    story = loop(1)
    clock = 100 * MS
    for name, asleep, more, tid, fd in parts:
        story.call(name, clock, clock + asleep + more + 2, 0, asleep=asleep, tid=tid, fd=fd)
        clock += asleep + more + 3
    analysis = story.analyse()
    events = analysis.events
    slept = (events["kind"] == Kind.CALL) & (events["sleeps"] > 0)
    for by_descriptor in (True, False):
        lines = sleeps(analysis, by_descriptor=by_descriptor)
        assert sum(each.count for each in lines) == np.count_nonzero(slept)
        assert sum(each.total_ns for each in lines) == int(events["asleep_ns"][slept].sum())
        totals = [each.total_ns for each in lines]
        assert totals == sorted(totals, reverse=True)
        for each in lines:
            assert sum(each.histogram.values()) == each.count
            assert each.p50_ns <= each.p90_ns <= each.p99_ns <= each.max_ns
            assert min(each.histogram) <= each.p50_ns.bit_length() - 1 <= max(each.histogram)
    found = analysis.stalls
    assert found is not None
    assert (found.asleep_ns >= STALL_NS).all()
    assert (found.measured <= found.waited).all()
    assert set(events["tid"][found.row].tolist()) <= set(found.loops.tolist())
    assert at(0) < int(events["enter_ns"].max())
