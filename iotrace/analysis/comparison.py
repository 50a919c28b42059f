"""Recordings side by side: the same measures of each, per operation, so that unlike runs compare.

The operations compared are receives from stream connections where there are any, else datagrams, else
accepts. Calls are counted from the first operation's begin to the last one's end, or its answer, in
the threads that waited or received: what the program did before it served is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import EAGAIN, Calls, is_role, sleep_bounded
from iotrace.analysis.model import Act, Analysis, Basis, MatrixRow, Model, Verdict
from iotrace.analysis.operation import Operations
from probes.events import Flag, Kind
from probes.table import Role

_ACTS = (Act.RECEIVE, Act.RECEIVE_DATAGRAM, Act.ACCEPT)
_FOR_INPUT = (Role.WAIT, Role.RECEIVE, Role.ACCEPT, Role.SIGNAL_WAIT, Role.RING)

#: How much of phase 2 must be inside a call for POSIX to call the operation synchronous.
SYNCHRONOUS = 0.5


@dataclass(frozen=True)
class Median:
    """The median of a duration over operations, in ns; None where there is nothing to measure."""

    ns: int | None
    basis: Basis


@dataclass(frozen=True)
class Side:
    """One recording's measures. Counts are totals over the window that the module's text describes.

    ``woken``: calls that slept for input; ``sleeps``: all times that the threads went to sleep in a
    call (``sleeps_basis`` BOUNDED: at least so often). ``cpu_ns``: inside calls, neither asleep nor
    queued; what own code and kernel threads used is unseen. ``response``: from data ready to the answer sent.
    """

    label: str
    act: Act | None
    model: Model
    verdict: Verdict | None
    row: MatrixRow | None
    operations: int
    bytes: int
    calls: int
    eagain: int
    signals: int
    woken: int
    sleeps: int
    sleeps_basis: Basis
    cpu_ns: int
    cpu_basis: Basis
    phase1: Median
    phase2: Median
    response: Median
    lost: int
    probe: str

    @property
    def synchronous(self) -> bool | None:
        """What POSIX calls it: does the copying block the process? None where that is unseen."""
        if self.row is None or self.act is Act.ACCEPT or not self.row.phase2.total_ns:
            return None
        return None if self.row.phase2.basis is Basis.UNSEEN else self.row.phase2.blocked >= SYNCHRONOUS


def compare(recordings: Sequence[tuple[str, Analysis]]) -> list[Side]:
    """Measure each of the (label, analysis) pairs."""
    return [_side(label, analysis) for label, analysis in recordings]


def _side(label: str, analysis: Analysis) -> Side:
    probe = str(analysis.events.header.get("probe", ""))
    act = next((act for act in _ACTS if np.any(analysis.operations["act"] == act)), None)
    hidden = analysis.verdicts.get(Act.RECEIVE)
    if hidden and not hidden.operations and act is Act.ACCEPT:
        act = None  # it received, in a way that the probe cannot see: its accepts say nothing of that
    verdict = analysis.verdicts.get(act or Act.RECEIVE)
    nothing = Median(None, Basis.UNSEEN)
    if act is None:
        model = verdict.model if verdict else Model.UNKNOWN
        unseen = Basis.UNSEEN
        return Side(
            label, None, model, verdict, None, 0, 0, 0, 0, 0, 0, 0, unseen, 0, unseen, nothing, nothing,
            nothing, analysis.lost, probe,
        )  # fmt: skip
    op = analysis.operations[analysis.operations["act"] == act]
    calls = analysis.call_columns
    response, last = _responses(analysis, calls, op)
    tids = np.unique(np.r_[op["tid"], op["waiter"]])
    window = int(op["begin_ns"].min()), max(int(op["end_ns"].max()), last)
    mine = np.isin(calls.tid, tids) & ~calls.pending
    mine &= (calls.enter_ns >= window[0]) & (calls.enter_ns <= window[1])
    chosen = np.flatnonzero(mine)
    accounted = bool(np.any(calls.flags[chosen] & Flag.ACCOUNTED))
    slept = calls.slept[chosen]
    sleeps = int(slept.sum()) if accounted else int(analysis.events["sleeps"][calls.row[chosen]].sum())
    length = calls.exit_ns[chosen] - calls.enter_ns[chosen]
    busy = np.clip(length - calls.asleep_ns[chosen] - calls.queued_ns[chosen], 0, None)
    left = analysis.events["sleep_ns"][calls.row[chosen]]
    endless = slept & (calls.asleep_ns[chosen] == 0) & (left > 0)  # it slept, and nobody saw it wake
    busy[endless] = np.clip(left - calls.enter_ns[chosen], 0, None)[endless]
    waited = ~op["at_once"]
    return Side(
        label,
        act,
        verdict.model if verdict else Model.UNKNOWN,
        verdict,
        next((row for row in analysis.matrix if row.act is act), None),
        len(op),
        int(op["bytes"].sum()),
        len(chosen),
        int(np.count_nonzero(calls.ret[chosen] == EAGAIN)),
        _signals(analysis, np.unique(op["tgid"]), window),
        int(np.count_nonzero(slept & is_role(calls, *_FOR_INPUT)[chosen])),
        sleeps,
        Basis.BOUNDED if accounted else Basis.MEASURED,
        int(busy.sum()),
        Basis.BOUNDED if sleep_bounded(calls.flags[chosen]).any() or endless.any() else Basis.MEASURED,
        _median((op["ready_ns"] - op["begin_ns"])[waited], op["ready_basis"][waited]),
        nothing if act is Act.ACCEPT else _median(op["end_ns"] - op["copy_ns"], op["copy_basis"]),
        _median(response[response >= 0], op["ready_basis"][response >= 0]),
        analysis.lost,
        probe,
    )


def _median(values: Ints, basis: Any) -> Median:
    if not len(values):
        return Median(None, Basis.UNSEEN)
    return Median(int(np.median(values)), Basis(int(basis.min())))


def _responses(analysis: Analysis, calls: Calls, op: Operations) -> tuple[Ints, int]:
    """Return (n,) ns from data ready until the first send on the same file was over, -1 for none.

    And the moment when the last of them was over.
    """
    root = analysis.roots
    response = np.full(len(op), -1, np.int64)
    sends = np.flatnonzero(is_role(calls, Role.SEND) & (calls.ret > 0) & ~calls.pending)
    life = analysis.lives[calls.row[sends]].astype(np.int64)
    sends, life = sends[life >= 0], life[life >= 0]
    if not len(sends):
        return response, 0
    mine = take(root, op["life"].astype(np.int64), -1)
    answered = Axis(mine, op["end_ns"]).last(root[life], calls.enter_ns[sends])
    known = answered >= 0
    sends, answered = sends[known], answered[known]
    first = np.full(len(op), np.iinfo(np.int64).max, np.int64)
    np.minimum.at(first, answered, calls.exit_ns[sends])
    found = first < np.iinfo(np.int64).max
    told = analysis.events["ready_ns"][op["call"]]  # also where it was ready before anybody asked
    ready = np.where((told > 0) & (told < op["ready_ns"]), told, op["ready_ns"])
    response[found] = first[found] - ready[found]
    return response, int(first[found].max()) if found.any() else 0


def _signals(analysis: Analysis, tgids: Ints, window: tuple[int, int]) -> int:
    """Return how many signals were delivered to the processes meanwhile."""
    events = analysis.events
    rows = np.flatnonzero((events["kind"] == Kind.SIGNAL) & np.isin(events["tgid"], tgids))
    when = events["exit_ns"][rows]
    return int(np.count_nonzero((when >= window[0]) & (when <= window[1])))


def compare_json(sides: Sequence[Side], files: Sequence[str]) -> dict[str, Any]:
    """Return the comparison as a JSON-able dictionary: schema 1, times in ns, shares 0…1."""
    return {
        "schema": 1,
        "compared": [_side_json(side, file) for side, file in zip(sides, files, strict=True)],
    }


def _side_json(side: Side, file: str) -> dict[str, Any]:
    row = side.row
    return {
        "file": file,
        "label": side.label,
        "probe": side.probe,
        "lost": side.lost,
        "operation": side.act.label if side.act else None,
        "model": side.model.label,
        "multiplexer": side.verdict.multiplexer if side.verdict else None,
        "synchronous": side.synchronous,
        "operations": side.operations,
        "bytes": side.bytes,
        "calls": side.calls,
        "eagain": side.eagain,
        "signals": side.signals,
        "woken": side.woken,
        "sleeps": {"count": side.sleeps, "basis": side.sleeps_basis.label},
        "cpu_in_calls": {"ns": side.cpu_ns, "basis": side.cpu_basis.label},
        "phase1": {
            "median_ns": side.phase1.ns,
            "basis": side.phase1.basis.label,
            "blocked": row.phase1.blocked if row else None,
            "blocked_in": row.phase1.blocked_in if row else None,
            "polling": row.phase1.polling if row else None,
            "queued": row.phase1.queued if row else None,
            "free": row.phase1.free if row else None,
        },
        "phase2": {
            "median_ns": side.phase2.ns,
            "basis": side.phase2.basis.label,
            "blocked": row.phase2.blocked if row else None,
            "blocked_in": row.phase2.blocked_in if row else None,
            "free": row.phase2.free if row else None,
        },
        "response": {"median_ns": side.response.ns, "basis": side.response.basis.label},
    }
