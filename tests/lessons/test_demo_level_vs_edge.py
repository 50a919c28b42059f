"""level_vs_edge.py: what is left in the pipe is a state to the one, and no news to the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.lessons.conftest import Record, Run

TURNS = 5


def waits(run: Run) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the epoll_wait rows of the level-triggered half and of the other, (TURNS, 3) each."""
    rows = run.rows("epoll_wait")
    level, edge = (rows[run.events["fd"][rows] == fd] for fd in np.unique(run.events["fd"][rows]))
    return level.reshape(TURNS, 3), edge.reshape(TURNS, 3)


def test_who_is_told_of_the_rest(record: Record, probe: str) -> None:
    run = record(probe, "level_vs_edge")
    level, edge = waits(run)
    assert run.events["ret"][level].tolist() == [[1, 1, 0]] * TURNS
    assert run.events["ret"][edge].tolist() == [[1, 0, 1]] * TURNS


def test_only_who_is_not_told_sleeps(record: Record, probe: str) -> None:
    """A wait that tells nothing lasts as long as its patience; the others are a hundredth of it and less."""
    run = record(probe, "level_vs_edge")
    for rows in waits(run):
        told = run.events["ret"][rows] == 1
        at_once, slept = run.lasted_ns(rows[told]), run.lasted_ns(rows[~told])
        assert np.median(slept) > 100 * np.median(at_once)
        assert slept.min() > 10 * at_once.max()


def test_the_edge_triggered_half_had_data_all_the_while(record: Record, probe: str) -> None:
    """The lost wake-up: 512 bytes stay in the pipe, and are read only behind the next 512."""
    run = record(probe, "level_vs_edge")
    events = run.events
    _, edge = waits(run)
    for first, lost, last in edge:
        pipe = int(events.watch[events.watch_offsets[first]]) & 0xFFFFFFFF  # epoll_data.fd
        reads = run.rows("read", fd=pipe)
        begun = events["enter_ns"][reads]
        between = reads[(begun > events["exit_ns"][first]) & (begun < events["enter_ns"][lost])]
        assert events["ret"][between].tolist() == [512]  # of 1024
        drained = reads[begun > events["exit_ns"][last]][:3]
        assert events["ret"][drained].tolist() == [512, 512, -11]  # the old, the new, EAGAIN
