"""three_tasks.py: the same six waits, in a row, beside each other in threads, and at once in a loop."""

from __future__ import annotations

import numpy as np
import pytest

from iotrace.analysis.model import Act, Model
from iotrace.analysis.operation import Operations
from tests.lessons.conftest import Record

TASKS, STEPS = 3, 2
WAITS = TASKS * STEPS


@pytest.fixture
def ways(record: Record, probe: str) -> list[Operations]:
    """Return the receives of each way: one thread, threads, the event loop."""
    op = record(probe, "three_tasks").analysis.operations
    receives = op[op["act"] == Act.RECEIVE]
    assert len(receives) == 3 * WAITS
    in_time = receives[np.argsort(receives["end_ns"], kind="stable")]
    return [in_time[np.arange(at, at + WAITS)] for at in range(0, 3 * WAITS, WAITS)]


def lasted_ns(way: Operations) -> int:
    return int(way["end_ns"].max() - way["begin_ns"].min())


def test_where_the_tasks_wait(ways: list[Operations]) -> None:
    one, threads, loop = ways
    assert np.all(one["model"] == Model.BLOCKING)
    assert np.all(threads["model"] == Model.BLOCKING)
    assert np.all(loop["model"] == Model.MULTIPLEXING)
    assert [len(np.unique(way["waiter"])) for way in ways] == [1, TASKS, 1]
    assert one["in_transfer_ns"].sum() > 0.9 * (one["ready_ns"] - one["begin_ns"]).sum()
    assert loop["in_wait_ns"].sum() > 0.9 * (loop["ready_ns"] - loop["begin_ns"]).sum()


def test_threads_and_loop_take_a_third_of_the_time(ways: list[Operations]) -> None:
    one, threads, loop = map(lasted_ns, ways)
    assert 2 < one / threads < 4
    assert 2 < one / loop < 4


def test_how_many_questions_are_open_at_once(record: Record, probe: str, ways: list[Operations]) -> None:
    """One in a row of waits; three, where somebody else can ask while one waits."""
    run = record(probe, "three_tasks")
    asked = run.events["enter_ns"][run.rows("sendto")].reshape(len(ways), WAITS)
    most = []
    for questions, way in zip(asked, ways, strict=True):
        answered = way["end_ns"]
        most.append(max(np.sum(questions <= at) - np.sum(answered < at) for at in questions))
    assert most == [1, TASKS, TASKS]
