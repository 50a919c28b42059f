"""POSIX aio: the process that asks is not blocked, because a thread of its C library is."""

from __future__ import annotations

import re

import numpy as np
import pytest

from iotrace.analysis.model import Act, Model
from probes.events import Kind
from tests.lessons.conftest import Record, Run

MESSAGES, BYTES = 7, 1 << 16
ESPIPE = -29


@pytest.fixture
def run(record: Record, probe: str) -> Run:
    return record(probe, "posix_aio")


def helper(run: Run) -> int:
    """Return the thread that the C library made: the one of our process besides the first."""
    events = run.events
    born = np.flatnonzero((events["kind"] == Kind.TASK_NEW) & (events["tgid"] == events.header["pid"]))
    assert len(born) == 1
    return int(events["tid"][born[0]])


def test_the_thread_tries_pread_and_then_blocks_in_read(run: Run) -> None:
    """A socket has no position: pread fails, and glibc turns to read."""
    thread = helper(run)
    tries = run.rows("pread64", tid=thread)
    assert run.events["ret"][tries].tolist() == [ESPIPE] * MESSAGES
    reads = run.rows("read", tid=thread)
    assert run.events["ret"][reads].tolist() == [BYTES] * MESSAGES
    assert run.events["asleep_ns"][reads].sum() > 0.95 * run.lasted_ns(reads).sum()


def test_who_asked_receives_nothing_itself_and_does_not_sleep(run: Run) -> None:
    events, thread = run.events, helper(run)
    reads = run.rows("read", tid=thread)
    began, ended = events["enter_ns"][reads[0]], events["exit_ns"][reads[-1]]
    own = (events["kind"] == Kind.CALL) & (events["tid"] == events.header["pid"])
    meanwhile = own & (events["enter_ns"] > began) & (events["exit_ns"] < ended)
    (fd,) = set(events["fd"][reads].tolist())
    assert not np.any(meanwhile & (events["fd"] == fd))
    assert events["asleep_ns"][meanwhile].sum() < 0.02 * (ended - began)


def test_it_computed_meanwhile_and_the_messages_are_right(run: Run) -> None:
    sums = re.findall(r"message \d: right, and (\d+) sums meanwhile", run.output)
    assert len(sums) == MESSAGES
    assert all(int(number) > 0 for number in sums)


def test_the_model_is_blocking_not_asynchronous(run: Run) -> None:
    verdict = run.analysis.verdicts[Act.RECEIVE_DATAGRAM]
    assert (verdict.model, verdict.operations, verdict.contradicting) == (Model.BLOCKING, MESSAGES, 0)
    (row,) = (line for line in run.analysis.matrix if line.act is Act.RECEIVE_DATAGRAM)
    assert (row.bytes, row.phase1.blocked_in, row.phase2.blocked_in) == (MESSAGES * BYTES, "read", "read")
    assert row.phase1.blocked > 0.95
    op = run.analysis.operations
    assert set(op[op["act"] == Act.RECEIVE_DATAGRAM]["tid"].tolist()) == {helper(run)}
