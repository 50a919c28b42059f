"""A blocked process uses no CPU, and a switch costs more than the calls around it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.lessons.conftest import Record, Run
from tests.live import require

ROUNDS = 2003
PARTS = (
    "read that blocks",
    "computing beside another",
    f"{ROUNDS} throws to and fro",
    "the same calls, alone",
)


@pytest.fixture
def run(record: Record, probe: str) -> Run:
    return record(probe, "blocked_cpu")


def of_first(run: Run, name: str) -> NDArray[np.int64]:
    """Return the first process's calls of a single byte."""
    rows = run.rows(name, tid=run.events.header["pid"])
    events = run.events
    single: NDArray[np.int64] = rows[(events["fd"][rows] > 2) & (events["ret"][rows] == 1)]
    return single


def catcher(run: Run) -> int:
    """Return the process that throws back: of the others, the one with most calls."""
    others = [tid for tid in run.events["tid"].tolist() if tid not in (0, run.events.header["pid"])]
    return int(max(set(others), key=others.count))


def table(run: Run) -> dict[str, list[float]]:
    """Return the demo's own numbers: wall ms, CPU ms, voluntary, involuntary switches."""
    found = {}
    for part in PARTS:
        (line,) = (line for line in run.output.splitlines() if line.startswith(part))
        found[part] = [float(number) for number in line.removeprefix(part).split()]
    return found


def test_the_calls_are_those_of_the_program(run: Run) -> None:
    assert len(of_first(run, "read")) == 1 + ROUNDS + 2 * ROUNDS
    assert len(of_first(run, "write")) == ROUNDS + 2 * ROUNDS


def test_a_blocked_read_is_asleep_and_uses_no_cpu(run: Run) -> None:
    blocked = of_first(run, "read")[:1]
    assert run.events["asleep_ns"][blocked] > 0.98 * run.lasted_ns(blocked)
    wall, cpu, _, _ = table(run)[PARTS[0]]
    assert cpu < 0.02 * wall


def test_it_leaves_the_cpu_once(record: Record) -> None:
    require("bpf")
    run = record("bpf", "blocked_cpu")
    assert run.events["sleeps"][of_first(run, "read")[0]] == 1
    assert table(run)[PARTS[0]][2] <= 3


def test_who_computes_beside_another_is_switched_against_its_will(run: Run) -> None:
    wall, cpu, _, involuntary = table(run)[PARTS[1]]
    assert involuntary >= 2
    assert cpu < 0.8 * wall  # two on one CPU: about half for each


def test_every_throw_is_a_switch_and_alone_there_is_none(record: Record) -> None:
    require("bpf")
    run = record("bpf", "blocked_cpu")
    events = run.events
    reads, writes = of_first(run, "read")[1:], of_first(run, "write")
    answers = run.rows("write", tid=catcher(run))
    assert len(answers) == ROUNDS
    assert len(set(events["cpu"][np.r_[answers, reads, writes]].tolist())) == 1
    # The other one answers within each throw, on the same CPU: it cannot but have been switched to.
    thrown, caught = events["enter_ns"][writes[:ROUNDS]], events["exit_ns"][reads[:ROUNDS]]
    assert np.all((thrown < events["enter_ns"][answers]) & (events["enter_ns"][answers] < caught))
    away = events["asleep_ns"] + events["queued_ns"] > 0
    alone = away[reads[ROUNDS:]] | away[writes[ROUNDS:]]
    assert np.count_nonzero(alone) < 0.02 * ROUNDS
    _, _, voluntary, involuntary = table(run)[PARTS[2]]
    assert voluntary + involuntary > 0.95 * ROUNDS
    assert sum(table(run)[PARTS[3]][2:]) < 0.02 * ROUNDS


def test_a_switch_has_a_price(record: Record) -> None:
    """A throw is four calls and two switches; alone, four calls take much less."""
    require("bpf")
    run = record("bpf", "blocked_cpu")
    reads, writes = of_first(run, "read")[1:], of_first(run, "write")
    ended, began = run.events["exit_ns"][reads], run.events["enter_ns"][writes]
    thrown = np.median(ended[:ROUNDS] - began[:ROUNDS])
    alone = np.median(ended[ROUNDS + 1 :: 2] - began[ROUNDS::2])
    assert thrown > 1.5 * alone
    said = re.search(r"one switch costs ([\d.]+) µs more than none", run.output)
    assert said is not None
    assert float(said[1]) > 0
