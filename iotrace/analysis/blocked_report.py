"""Sleeps and stalls as JSON: two parts of the report's schema."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from iotrace.analysis.blocked import Sleep, sleeps
from iotrace.analysis.model import Analysis, Basis
from iotrace.analysis.stalls import Stalls
from probes.table import CALLS

#: Listed at most; the totals count all.
MOST = 1000


def blocked_json(analysis: Analysis, threads: Collection[int], fds: Collection[int]) -> list[dict[str, Any]]:
    """Return where threads slept, the longest in sum first."""
    return [_sleep(analysis, each) for each in sleeps(analysis, threads, fds)[:MOST]]


def stalls_json(analysis: Analysis) -> dict[str, Any] | None:
    """Return the stalls of event loops, the longest first; None where there is no loop."""
    stalls = analysis.stalls
    if stalls is None or not len(stalls.loops):
        return None
    longest = np.argsort(-stalls.asleep_ns, kind="stable")[:MOST]
    return {
        "least_ns": stalls.least_ns,
        "loops": stalls.loops.tolist(),
        "count": len(stalls),
        "total_ns": int(stalls.asleep_ns.sum()),
        "max_ns": int(stalls.asleep_ns.max(initial=0)),
        "longest": [_stall(analysis, stalls, int(place)) for place in longest],
    }


def _sleep(analysis: Analysis, each: Sleep) -> dict[str, Any]:
    return {
        "pid": each.tgid,
        "tid": each.tid,
        "name": each.name,
        "state": each.state.label,
        **_descriptor(analysis, each.life),
        "count": each.count,
        "total_ns": each.total_ns,
        "p50_ns": each.p50_ns,
        "p90_ns": each.p90_ns,
        "p99_ns": each.p99_ns,
        "max_ns": each.max_ns,
        "histogram": [{"from_ns": 1 << k, "count": count} for k, count in sorted(each.histogram.items())],
        "basis": each.basis.label,
    }


def _descriptor(analysis: Analysis, life: int) -> dict[str, Any]:
    if life < 0:
        return {"fd": None, "kind": None, "descriptor": None}
    what = analysis.descriptors[life]
    return {"fd": what.fd, "kind": what.kind, "descriptor": what.name}


def _stall(analysis: Analysis, stalls: Stalls, place: int) -> dict[str, Any]:
    events, row = analysis.events, int(stalls.row[place])
    return {
        "pid": int(events["tgid"][row]),
        "tid": int(events["tid"][row]),
        "name": CALLS[int(events["code"][row])].name,
        **_descriptor(analysis, int(analysis.lives[row])),
        "begin_ns": int(events["enter_ns"][row]) - analysis.begin_ns,
        "asleep_ns": int(stalls.asleep_ns[place]),
        "basis": (Basis.BOUNDED if stalls.bounded[place] else Basis.MEASURED).label,
        "waited": int(stalls.waited[place]),
        "waited_measured": int(stalls.measured[place]),
        "late_ns": int(stalls.late_ns[place]),
        "waiting": [_descriptor(analysis, life) for life in stalls.victims(place)],
    }
