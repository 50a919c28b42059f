"""Three ways to serve many, and one that serves one after another: waiting, calls, tasks and memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from probes.events import Kind
from tests.lessons.conftest import Record, Run

MODELS = ("one after another", "process each", "thread each", "event loop")
CONNECTIONS = (1, 7)
REQUESTS = 11


@dataclass(frozen=True)
class Served:
    """One server with its clients. Times in ns; one row a client, one column a request."""

    server: int
    asked: NDArray[np.int64]
    answered: NDArray[np.int64]
    calls: int  # of the server, for the requests alone
    born: int  # tasks that the server made

    @property
    def least_ns(self) -> float:
        return float((self.answered - self.asked).min())

    @property
    def one_by_one(self) -> bool:
        """Whether each client had its last answer before the next one had its first."""
        ordered = self.answered[np.argsort(self.answered[:, 0])]
        return bool(np.all(ordered[:-1, -1] < ordered[1:, 0]))


@pytest.fixture
def served(record: Record, probe: str) -> dict[tuple[str, int], Served]:
    """Return what happened, by the model and the number of connections."""
    run = record(probe, "server_models")
    names = [(model, count) for model in MODELS for count in CONNECTIONS]
    listens = run.events["enter_ns"][run.rows("listen")]
    assert len(listens) == len(names)
    bounds = [*listens.tolist(), np.iinfo(np.int64).max]
    return {name: _served(run, *name, bounds[index], bounds[index + 1]) for index, name in enumerate(names)}


def _served(run: Run, model: str, count: int, first_ns: int, last_ns: int) -> Served:
    events = run.events

    def rows(*names: str) -> NDArray[np.int64]:
        found = run.rows(*names)
        inside = (events["enter_ns"][found] >= first_ns) & (events["enter_ns"][found] < last_ns)
        chosen: NDArray[np.int64] = found[inside & (events["ret"][found] >= 0)]
        return chosen

    clients = events["tid"][rows("connect")]
    assert len(set(clients.tolist())) == count
    (server,) = set(events["tgid"][rows("accept", "accept4")].tolist())
    asked = np.array([_times(run, rows("sendto"), tid, "enter_ns") for tid in clients])
    answered = np.array([_times(run, rows("recvfrom"), tid, "exit_ns") for tid in clients])
    talk = rows("recvfrom", "sendto", "epoll_wait", "epoll_pwait")
    own = talk[~np.isin(events["tid"][talk], clients)]
    useful = own[events["ret"][own] > 0]
    born = (events["kind"] == Kind.TASK_NEW) & (events["waker"] == server)
    return Served(server, asked, answered, len(useful), int(np.count_nonzero(born)))


def _times(run: Run, rows: NDArray[np.int64], tid: int, name: str) -> list[int]:
    times: list[int] = run.events[name][rows[run.events["tid"][rows] == tid]].tolist()
    assert len(times) == REQUESTS
    return times


def test_with_one_connection_the_loop_only_adds_a_call(served: dict[tuple[str, int], Served]) -> None:
    for model in MODELS[:3]:
        assert served[model, 1].calls == 2 * REQUESTS  # receive, send
    # and epoll_wait: for each request, the connection and its end
    assert 3 * REQUESTS + 1 <= served["event loop", 1].calls <= 3 * REQUESTS + 2
    assert served["event loop", 1].least_ns > 0.5 * served["one after another", 1].least_ns


def test_one_after_another_lets_the_others_wait(served: dict[tuple[str, int], Served]) -> None:
    assert served["one after another", 7].one_by_one
    for model in MODELS[1:]:
        found = served[model, 7]
        assert found.answered[:, 0].max() < found.answered[:, -1].min()  # all are served at the same time
    mean = {model: (served[model, 7].answered - served[model, 7].asked).mean() for model in MODELS}
    assert min(mean["one after another"] / mean[model] for model in MODELS[1:]) > 2


def test_tasks_are_made_for_each_connection_or_not_at_all(served: dict[tuple[str, int], Served]) -> None:
    for count in CONNECTIONS:
        assert [served[model, count].born for model in MODELS] == [0, count, count, 0]


def test_memory_is_the_price_of_processes(record: Record, probe: str) -> None:
    """The demo's own numbers: tasks and switches from /proc, RSS and PSS by psutil."""
    lines = record(probe, "server_models").output.splitlines()
    facts = {}
    for model in MODELS:
        for line in lines:
            if line.startswith(model):
                facts[model] = [float(word) for word in line.removeprefix(model).split()][2:]
    tasks, rss, pss = ({model: facts[model][at] for model in MODELS} for at in range(3))
    assert tasks == dict(zip(MODELS, (0, 7, 7, 0), strict=True))
    assert rss["process each"] > 4 * rss["event loop"]
    assert pss["process each"] > 1.5 * pss["event loop"]
    assert rss["thread each"] < 1.5 * rss["event loop"]
    assert all(facts[model][3] > 0.5 for model in MODELS)  # nobody answers without having slept
