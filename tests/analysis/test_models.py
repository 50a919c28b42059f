"""The five models, told in virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from iotrace.analysis.model import PLACES, Act, Analysis, Basis, MatrixRow, Model, Phase
from probes.events import Flag, Kind
from tests.story import US, Story, at

MESSAGES = 23
T = 50_000  # think time in microseconds


def row(analysis: Analysis, act: Act = Act.RECEIVE) -> MatrixRow:
    rows = [line for line in analysis.matrix if line.act is act]
    assert len(rows) == 1, rows
    return rows[0]


def shares(phase: Phase) -> float:
    return phase.blocked + phase.polling + phase.queued + phase.free


def blocking_story(accounted: bool = False) -> Story:
    story = Story(accounted=accounted)
    story.server(3, 8801).established(900, 5000).accept(3, 4, 100, 1_000, 5000, asleep=790, queued=50)
    for i in range(MESSAGES):
        begin = 2_000 + i * (T + 1_000)
        flags = {"flags": Flag.EMPTY_AT_ENTRY} if accounted else {}
        story.call(
            "recvfrom",
            begin,
            begin + T + 240,
            1 << 20,
            T - 1,
            30,
            begin + T,
            begin + T + 40,
            fd=4,
            a=1 << 20,
            **flags,
        )
        story.call("sendto", begin + T + 300, begin + T + 320, 8, fd=4, a=8)
    end = 2_000 + MESSAGES * (T + 1_000)
    story.call("recvfrom", end, end + 10, 0, fd=4, a=1 << 20)  # end of file: no operation
    return story


def test_blocking_waits_and_copies_in_the_receive() -> None:
    analysis = blocking_story().analyse()
    verdict = analysis.verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.operations, verdict.contradicting) == (Model.BLOCKING, MESSAGES, 0)
    line = row(analysis)
    assert line.bytes == MESSAGES << 20
    assert line.phase1.total_ns == MESSAGES * T * US
    assert line.phase1.blocked > 0.99
    assert line.phase1.blocked_in == "recvfrom"
    assert line.phase1.basis is Basis.MEASURED
    assert line.phase2.total_ns == MESSAGES * 200 * US
    assert (line.phase2.blocked, line.phase2.blocked_in) == (1.0, "recvfrom")
    assert line.wake_ns == MESSAGES * 40 * US
    assert analysis.verdicts[Act.ACCEPT].model is Model.BLOCKING
    assert analysis.process_model == "sequential"


def test_the_same_under_accounts_is_bounded() -> None:
    analysis = blocking_story(accounted=True).analyse()
    line = row(analysis)
    assert (line.model, line.operations) == (Model.BLOCKING, MESSAGES)
    assert line.phase1.basis is Basis.BOUNDED
    assert line.phase1.blocked > 0.99
    assert line.phase1.total_ns == pytest.approx(MESSAGES * T * US, rel=1e-3)
    assert line.phase2.basis is Basis.BOUNDED


def test_nonblocking_polls_and_is_never_blocked() -> None:
    story = Story().server(3, 8801).accept(3, 4, 100, 1_000, 5000, nonblocking=True)
    time = 2_000.0
    for _ in range(MESSAGES):
        ready = time + 9_500
        for _ in range(97):
            story.call("recvfrom", time, time + 2, -11, fd=4, a=4096)
            time += 100
        story.call("recvfrom", time, time + 200, 1 << 20, ready=ready, copy=time + 10, fd=4, a=1 << 20)
        time += 300
    analysis = story.analyse()
    line = row(analysis)
    assert (line.model, line.operations) == (Model.NONBLOCKING, MESSAGES)
    assert line.phase1.blocked == 0
    assert line.phase1.blocked_in is None
    assert line.phase1.polling == pytest.approx(95 * 2 / 9_500, rel=0.02)
    assert line.phase1.free == pytest.approx(1 - line.phase1.polling)
    assert analysis.operations["tries"].tolist() == [0] + [97] * MESSAGES


def multiplexed(story: Story, wait: str) -> Story:
    story.server(3, 8801)
    if wait == "epoll_wait":
        story.call("epoll_create1", 10, 11, 9).epoll_add(9, 3, 12)
    ready = {"asleep": 985, "queued": 5, "ready": 990}
    if wait == "epoll_wait":
        story.epoll_wait(9, 20, 1_010, [3], **ready)
    else:
        getattr(story, wait)(20, 1_010, [3], [3], **ready)
    story.established(990, 5000).accept(3, 4, 1_020, 1_025, 5000)
    if wait == "epoll_wait":
        story.epoll_add(9, 4, 1_030)
    for i in range(MESSAGES):
        begin = 2_000 + i * (T + 1_000)
        ready = {"asleep": T - 1, "queued": 30, "ready": begin + T}
        if wait == "epoll_wait":
            story.epoll_wait(9, begin, begin + T + 40, [4], **ready)
        else:
            getattr(story, wait)(begin, begin + T + 40, [3, 4], [4], **ready)
        story.call(
            "recvfrom",
            begin + T + 50,
            begin + T + 250,
            1 << 20,
            ready=begin + T,
            copy=begin + T + 55,
            fd=4,
            a=1 << 20,
        )
    return story


@pytest.mark.parametrize("wait", ["select", "poll", "epoll_wait"])
def test_multiplexing_waits_elsewhere_and_copies_in_the_receive(wait: str) -> None:
    analysis = multiplexed(Story(), wait).analyse()
    for act, operations in ((Act.RECEIVE, MESSAGES), (Act.ACCEPT, 1)):
        verdict = analysis.verdicts[act]
        assert (verdict.model, verdict.operations) == (Model.MULTIPLEXING, operations)
        assert verdict.multiplexer == wait.removesuffix("_wait")
        assert verdict.trigger == "level"
    line = row(analysis)
    assert line.phase1.blocked > 0.99
    assert line.phase1.blocked_in == wait
    assert line.phase1.total_ns == MESSAGES * T * US
    assert line.phase2.blocked_in == "recvfrom"
    assert analysis.process_model == "event_loop"
    watched = {d.fd: d.watched_by for d in analysis.descriptors if d.watched_by}
    assert set(watched) == {3, 4}


@pytest.mark.parametrize("wait", ["select", "poll", "epoll_wait"])
def test_multiplexing_under_accounts(wait: str) -> None:
    analysis = multiplexed(Story(accounted=True), wait).analyse()
    line = row(analysis)
    assert (line.model, line.operations) == (Model.MULTIPLEXING, MESSAGES)
    assert line.phase1.blocked > 0.99
    assert line.phase1.blocked_in == wait
    assert line.phase1.basis is Basis.BOUNDED


def test_signal_driven_is_free_until_the_signal() -> None:
    story = Story().server(3, 8801).accept(3, 4, 100, 1_000, 5000)
    story.call("fcntl", 1_001, 1_002, 0, fd=4, a=8, b=100).call(
        "fcntl", 1_003, 1_004, 0, fd=4, a=4, b=0o20000 | 2
    )
    time = 1_004.0
    for _ in range(MESSAGES):
        ready = time + T
        step = time + 100
        while step < ready:
            story.call("clock_nanosleep", step, step + 5_000, 0, asleep=4_900, c=5_000_000)
            step += 5_100
        story.row(Kind.SIGNAL, enter_ns=at(ready + 1), exit_ns=at(step + 1), a=29)
        story.call("recvfrom", step + 10, step + 210, 1 << 20, ready=ready, copy=step + 15, fd=4, a=1 << 20)
        time = step + 210
    analysis = story.analyse()
    line = row(analysis)
    assert (line.model, line.operations) == (Model.SIGNAL_DRIVEN, MESSAGES)
    assert line.phase1.total_ns == MESSAGES * T * US
    assert line.phase1.free > 0.99
    assert line.phase2.blocked == 1.0
    assert [d.asynchronous for d in analysis.descriptors if d.fd == 4] == [True]


def test_owner_without_o_async_is_not_signal_driven() -> None:
    story = Story().server(3, 8801).accept(3, 4, 100, 1_000, 5000)
    story.call("fcntl", 1_001, 1_002, 0, fd=4, a=8, b=100)
    story.row(Kind.SIGNAL, enter_ns=at(1_500), exit_ns=at(1_501), a=29)
    story.call("recvfrom", 1_100, 2_000, 5, asleep=850, ready=1_900, copy=1_960, fd=4, a=5)
    assert story.analyse().verdicts[Act.RECEIVE].model is Model.BLOCKING


def _with_ring() -> Story:
    return Story().server(3, 8801).accept(3, 4, 100, 1_000, 5000).call("io_uring_setup", 1_001, 1_010, 7, a=8)


def _received(story: Story, begin: float, number: int, worker: bool) -> None:
    """A MiB comes T after its request; 50 us later it is copied, for 240 us."""
    story.row(
        Kind.RING, enter_ns=at(begin), exit_ns=at(begin + T + 300), ready_ns=at(begin + T),
        copy_ns=at(begin + T + 50), done_ns=at(begin + T + 290), a=27, b=number, ret=1 << 20, fd=4,
        flags=Flag.BY_WORKER if worker else 0, waker=101 if worker else 100,
    )  # fmt: skip


@pytest.mark.parametrize("worker", [True, False])
def test_asynchronous_says_who_copied(worker: bool) -> None:
    story = _with_ring()
    for i in range(MESSAGES):
        begin = 2_000 + i * (T + 1_000)
        story.call("io_uring_enter", begin, begin + 5, 1, fd=7, a=1)
        _received(story, begin, i, worker)
    analysis = story.analyse()
    line = row(analysis)
    assert (line.model, line.operations, line.bytes) == (Model.ASYNCHRONOUS, MESSAGES, MESSAGES << 20)
    assert line.phase1.free > 0.99
    assert line.phase2.free == (1.0 if worker else 0.0)
    assert [lesson.name for lesson in analysis.lessons] == ["asynchronous" if worker else "who-copied"]


@pytest.mark.parametrize("inside", [True, False])
def test_task_work_is_the_calls_only_where_it_passed_within(inside: bool) -> None:
    """The kernel runs it at the end of any call or interrupt, not only of io_uring_enter."""
    story = _with_ring()
    for i in range(MESSAGES):
        begin = 2_000 + i * (T + 1_000)
        story.call("io_uring_enter", begin, begin + 5, 1, fd=7, a=1)
        if inside:
            story.call("io_uring_enter", begin + T + 20, begin + T + 310, 0, fd=7, b=1)
        _received(story, begin, i, worker=False)
    analysis = story.analyse()
    named = "io_uring_enter" if inside else "io_uring's task work"
    assert row(analysis).phase2.blocked_in == named
    assert f"in {named}." in analysis.lessons[0].evidence


def test_unseen_requests_are_said_and_not_guessed() -> None:
    story = Story(accounted=True).server(3, 8801).accept(3, 4, 100, 1_000, 5000)
    story.call("io_uring_setup", 1_001, 1_010, 7, a=8)
    for i in range(MESSAGES):
        story.call("io_uring_enter", 2_000 + i, 2_000.5 + i, 1, fd=7, a=1)
    verdict = story.analyse().verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.operations) == (Model.UNKNOWN, 0)
    assert f"submitted {MESSAGES} requests" in verdict.because


@pytest.mark.parametrize("wait", ["select", "poll", "epoll_wait"])
def test_places_add_up(wait: str) -> None:
    for analysis in (multiplexed(Story(), wait).analyse(), blocking_story().analyse()):
        op = analysis.operations
        total = sum(op[name] for name in PLACES)
        assert np.array_equal(total, op["ready_ns"] - op["begin_ns"])
        assert np.all(op["begin_ns"] <= op["ready_ns"])
        assert np.all(op["ready_ns"] <= op["copy_ns"])
        assert np.all(op["copy_ns"] <= op["end_ns"])
        for line in analysis.matrix:
            for phase in (line.phase1, line.phase2):
                assert not phase.total_ns or shares(phase) == pytest.approx(1)


def test_nothing_is_nothing() -> None:
    analysis = Story().analyse()
    assert len(analysis.operations) == 0
    assert not analysis.verdicts
    assert analysis.matrix == []
