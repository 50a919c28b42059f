"""A process, or a thread, for every connection: the counts come back, and every one is blocked alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from iotrace.analysis.model import Act, Model
from iotrace.analysis.report import report_json
from probes.events import Kind
from tests.lessons.conftest import Record

CLIENTS, MESSAGES = 7, 5
MODELS = {"process_echo": "process_per_connection", "thread_echo": "thread_per_connection"}


@pytest.fixture(params=MODELS)
def demo(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_report_names_the_process_model(record: Record, probe: str, demo: str) -> None:
    facts = report_json(record(probe, demo).analysis)
    assert facts["verdict"]["process_model"] == MODELS[demo]
    assert facts["processes"] == (1 + CLIENTS if demo == "process_echo" else 1)
    assert facts["threads"] == 1 + CLIENTS


def test_an_event_loop_makes_nobody(record: Record, probe: str) -> None:
    run = record(probe, "epoll_echo")
    assert report_json(run.analysis)["verdict"]["process_model"] == "event_loop"
    assert not np.any(run.events["kind"] == Kind.TASK_NEW)
    assert len(run.analysis.threads) == 1


def test_one_task_is_made_for_each_accept(record: Record, probe: str, demo: str) -> None:
    run = record(probe, demo)
    events, root = run.events, run.events.header["pid"]
    born = np.flatnonzero(events["kind"] == Kind.TASK_NEW)
    is_process = events["tid"][born] == events["tgid"][born]
    assert len(born) == CLIENTS
    assert is_process.all() if demo == "process_echo" else not is_process.any()
    assert np.all(events["waker"][born] == root)
    accepts = run.rows("accept4", "accept")
    accepts = accepts[events["ret"][accepts] >= 0]
    assert len(accepts) == CLIENTS
    made = np.sort(events["enter_ns"][born])
    assert np.all(events["exit_ns"][accepts] < made)  # each is made after its accept …
    assert np.all(made[:-1] < events["exit_ns"][accepts][1:])  # … and before the next one returns


def test_every_connection_is_received_by_a_task_of_its_own(record: Record, probe: str, demo: str) -> None:
    run = record(probe, demo)
    op = run.analysis.operations
    receives = op[op["act"] == Act.RECEIVE]
    assert len(receives) == CLIENTS * MESSAGES
    assert np.all(receives["model"] == Model.BLOCKING)
    assert set(Counter(receives["tid"].tolist()).values()) == {MESSAGES}
    pairs = set(zip(receives["tid"].tolist(), receives["life"].tolist(), strict=True))
    assert len(pairs) == CLIENTS
    assert int(run.events.header["pid"]) not in receives["tid"]


def test_nobody_waits_for_another_client(record: Record, probe: str, demo: str) -> None:
    """All of them are asleep in recvfrom at the same time: their waits add up to several times the run."""
    run = record(probe, demo)
    (row,) = (line for line in run.analysis.matrix if line.act is Act.RECEIVE)
    assert row.phase1.blocked_in == "recvfrom"
    assert row.phase1.blocked > 0.95
    op = run.analysis.operations
    receives = op[op["act"] == Act.RECEIVE]
    together = receives["end_ns"].max() - receives["begin_ns"].min()
    assert row.phase1.total_ns > 0.4 * CLIENTS * together
