"""stalled_loop.py: one call that blocks in the loop, and the messages of all clients wait in the kernel."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.model import Act
from tests.lessons.conftest import Record, Run
from tests.live import require

CHATTERS = 3
STALL_NS = 150_000_000


def stalls(run: Run) -> NDArray[np.int64]:
    """Return the calls of the loop, other than its own wait, that took most of a stall or more."""
    rows = run.rows("clock_nanosleep", "nanosleep", "poll", "ppoll", "recvfrom", "sendto", "accept4", "read")
    chosen: NDArray[np.int64] = rows[run.lasted_ns(rows) > STALL_NS // 2]
    return chosen


def test_two_calls_block_and_none_is_epoll_wait(record: Record, probe: str) -> None:
    run = record(probe, "stalled_loop")
    events = run.events
    rows = stalls(run)
    assert len(rows) == 2
    slept, looked_up = rows
    assert slept in run.rows("clock_nanosleep", "nanosleep")
    assert looked_up in run.rows("poll", "ppoll")  # settimeout() waits in poll
    assert events["ret"][looked_up] == 0
    assert len(np.unique(events["tid"][run.rows("epoll_wait")])) == 1
    assert set(events["tid"][rows].tolist()) == set(events["tid"][run.rows("epoll_wait")].tolist())


def test_then_everybody_is_ready_at_once(record: Record, probe: str) -> None:
    """The epoll_wait after each stall returns at once and names all chatters.

    All but one at least: who spoke together with the request that blocks is answered before that wait.
    """
    run = record(probe, "stalled_loop")
    events = run.events
    waits = run.rows("epoll_wait")
    told = events["ret"][waits]
    after = [int(np.searchsorted(events["enter_ns"][waits], events["exit_ns"][row])) for row in stalls(run)]
    for at in after:
        assert told[at] >= CHATTERS - 1
        assert run.lasted_ns(waits)[at] < STALL_NS // 20
    slept = run.lasted_ns(waits) > STALL_NS // 20  # as it usually does
    assert np.count_nonzero(slept) > 10


def test_everybody_waited_for_nearly_the_whole_stall(record: Record) -> None:
    """From the arrival of each message to its receive: each chatter lost both times, and only then."""
    require("bpf")
    run = record("bpf", "stalled_loop")
    events = run.events
    op = run.analysis.operations
    rows = op[op["act"] == Act.RECEIVE]["call"]
    lag = events["enter_ns"][rows] - events["ready_ns"][rows]
    late = rows[lag > STALL_NS // 2]
    victims = []
    for stall in stalls(run):
        end = events["exit_ns"][stall]
        waiting = (events["ready_ns"][late] < end) & (end < events["enter_ns"][late])
        victims.append(set(events["fd"][late[waiting]].tolist()))
    assert len(late) == 2 * CHATTERS
    assert [len(fds) for fds in victims] == [CHATTERS, CHATTERS]
    assert np.median(lag) < STALL_NS // 20


def test_between_the_stalls_the_loop_sleeps_only_in_epoll_wait(record: Record, probe: str) -> None:
    run = record(probe, "stalled_loop")
    events = run.events
    waits = run.rows("epoll_wait")
    inside = run.lasted_ns(waits).sum()
    between = sum(
        int(events["enter_ns"][after] - events["exit_ns"][before]) for before, after in pairwise(waits)
    )
    blocked = int(run.lasted_ns(stalls(run)).sum())
    assert blocked > 0.5 * between
    assert inside > between
