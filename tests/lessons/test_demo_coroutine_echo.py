"""coroutine_echo.py: left at EAGAIN, back when an epoll_wait names the descriptor."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from iotrace.analysis.model import Act, Model
from tests.lessons.conftest import Record, Run

CLIENTS, MESSAGES = 3, 7
EAGAIN = -11


def named_by(run: Run, wait: int) -> list[int]:
    """Return the descriptors that an epoll_wait returned."""
    events = run.events
    pairs = events.watch[events.watch_offsets[wait] : events.watch_offsets[wait + 1]]
    return [int(data) & 0xFFFFFFFF for data in pairs[::2]]  # epoll_data.fd


def test_every_receive_is_announced_by_epoll_wait(record: Record, probe: str) -> None:
    run = record(probe, "coroutine_echo")
    op = run.analysis.operations
    receives = op[op["act"] == Act.RECEIVE]
    assert len(receives) == CLIENTS * MESSAGES
    assert np.all(receives["model"] == Model.MULTIPLEXING)
    for at in range(len(receives)):
        assert receives["fd"][at] in named_by(run, int(receives["wait"][at]))


def test_it_left_at_eagain_and_came_back_by_that_return(record: Record, probe: str) -> None:
    """Between the try that failed and the one that copied: every epoll_wait but the last names others."""
    run = record(probe, "coroutine_echo")
    events = run.events
    waits = run.rows("epoll_wait")
    waits = waits[events["ret"][waits] > 0]
    seen = 0
    for fd in np.unique(events["fd"][run.rows("sendto")]):
        tries = run.rows("recvfrom", fd=int(fd))
        for before, row in pairwise(tries):
            if events["ret"][row] <= 0:
                continue
            assert events["ret"][before] == EAGAIN
            begun = events["enter_ns"][waits]
            between = waits[(begun > events["exit_ns"][before]) & (begun < events["enter_ns"][row])]
            names = [named_by(run, int(wait)) for wait in between]
            assert [fd in told for told in names] == [False] * (len(names) - 1) + [True]
            seen += 1
    assert seen == CLIENTS * MESSAGES


def test_the_coroutines_share_one_thread_and_one_sleep(record: Record, probe: str) -> None:
    run = record(probe, "coroutine_echo")
    op = run.analysis.operations
    receives = op[op["act"] == Act.RECEIVE]
    assert len(np.unique(receives["tid"])) == 1
    assert len(np.unique(receives["fd"])) == CLIENTS
    row = next(row for row in run.analysis.matrix if row.act is Act.RECEIVE)
    assert row.phase1.blocked > 0.95
    assert row.phase1.blocked_in == "epoll_wait"
