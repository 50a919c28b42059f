"""What holds for the times of every recording, made by a probe or told in a story."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis import analyse
from iotrace.analysis.model import PLACES, Analysis, Model
from iotrace.columns import Events
from iotrace.recording.reading import read
from probes.events import Flag, Kind
from probes.table import BY_NAME

#: The scheduler's accounts are read a moment before the entry's stamp, and a moment after the exit's.
_ACCOUNTS_NS = 2_000_000
_EXECS = [BY_NAME[name].code for name in ("execve", "execveat") if name in BY_NAME]


def check_file(path: Path) -> None:
    """Check a recording made by a probe: :func:`check_events`.

    Rows that a test invented are in a file that names no kernel: nothing is said of these.
    """
    events = read(path)
    if "kernel" in events.header:
        check_events(events)


def check_events(events: Events) -> None:
    """Check what a probe has recorded, and what is made of it: times, phases, percentiles."""
    check_calls(events)
    analysis = analyse(events)
    check(analysis)
    op = analysis.operations
    assert np.array_equal(sum(op[name] for name in PLACES), op["ready_ns"] - op["begin_ns"])
    for row in analysis.matrix:
        for phase in (row.phase1, row.phase2):
            shares = phase.blocked + phase.polling + phase.queued + phase.free
            assert not phase.total_ns or abs(shares - 1) < 1e-6
    for call in analysis.calls:
        assert min(call.total_ns, call.wait_ns, call.wake_ns, call.copy_ns) >= 0
        assert call.p50_ns <= call.p90_ns <= call.p99_ns <= call.max_ns


def check_calls(events: Events) -> None:
    """No call ends before it began, no moment lies outside of its call, no calls of a thread overlap."""
    rows = np.flatnonzero(events["kind"] == Kind.CALL)
    call = {
        name: events[name][rows] for name in events.column if events[name].dtype == np.int64 or name == "tid"
    }
    enter, exit_ns = call["enter_ns"], call["exit_ns"]
    assert np.all(enter <= exit_ns)
    for name in ("sleep_ns", "running_ns", "copy_ns", "done_ns"):
        seen = call[name] > 0
        assert np.all(call[name][seen] >= enter[seen]), name
        assert np.all(call[name][seen] <= exit_ns[seen]), name
    woken = (call["waking_ns"] > 0) & (call["running_ns"] > 0)
    assert np.all(call["waking_ns"][woken] <= call["running_ns"][woken])
    accounted = (events["flags"][rows] & Flag.ACCOUNTED) != 0
    spare = np.where(accounted, _ACCOUNTS_NS, 0)
    for name in ("asleep_ns", "queued_ns"):
        assert np.all(call[name] >= 0), name
    assert np.all(call["asleep_ns"] + call["queued_ns"] <= exit_ns - enter + spare)
    both = (call["copy_ns"] > 0) & (call["done_ns"] > 0)
    assert np.all(call["copy_ns"][both] <= call["done_ns"][both])
    tid = _made_by(events, rows)
    order = np.lexsort((exit_ns, enter, tid))
    same = tid[order][1:] == tid[order][:-1]
    assert np.all(enter[order][1:][same] >= exit_ns[order][:-1][same])


def _made_by(events: Events, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return (n,) the thread that made each call of ``rows``.

    A thread that execs takes its leader's number over while it is in the call (execve(2)): the row has that
    number, and the leader was in a call of its own until then.
    """
    tid: NDArray[np.int64] = events["tid"][rows].astype(np.int64)
    for exec_row in np.flatnonzero((events["kind"] == Kind.TASK_EXEC) & (events["a"] > 0)):
        moment = events["enter_ns"][exec_row]
        during = (events["enter_ns"][rows] <= moment) & (moment <= events["exit_ns"][rows])
        (its,) = np.flatnonzero(
            during & (tid == events["tid"][exec_row]) & np.isin(events["code"][rows], _EXECS)
        )
        tid[its] = events["a"][exec_row]
    return tid


def check(analysis: Analysis) -> None:
    """Boundaries are in order, no time is negative, verdicts count every operation."""
    op = analysis.operations
    assert np.all(op["begin_ns"] <= op["ready_ns"])
    assert np.all(op["ready_ns"] <= op["copy_ns"])
    assert np.all(op["copy_ns"] <= op["end_ns"])
    for name in PLACES:
        assert np.all(op[name] >= 0), name
    assert np.all((op["blocked2_ns"] >= 0) & (op["blocked2_ns"] <= op["end_ns"] - op["copy_ns"]))
    for verdict in analysis.verdicts.values():
        unknown = verdict.shares.get(Model.UNKNOWN, 0)
        assert verdict.supporting + verdict.contradicting + unknown == verdict.operations
    for row in analysis.matrix:
        for phase in (row.phase1, row.phase2):
            assert phase.total_ns >= 0
            assert 0 <= phase.blocked <= 1 + 1e-9
