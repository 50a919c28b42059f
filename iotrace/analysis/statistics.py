"""Statistics of the calls, one line a name."""

from __future__ import annotations

import errno

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.calls import Calls, code
from iotrace.analysis.model import CallStatistics
from iotrace.columns import Events
from probes.table import CALLS, Role

_RESTARTS = {512: "ERESTARTSYS", 513: "ERESTARTNOINTR", 514: "ERESTARTNOHAND", 516: "ERESTART_RESTARTBLOCK"}
_MOVES_BYTES = (Role.RECEIVE, Role.SEND, Role.TRANSFER)


def of_calls(events: Events, calls: Calls) -> list[CallStatistics]:
    """Count and time the finished calls by name, the most expensive name first."""
    finished = ~calls.pending
    if not finished.any():
        return []
    counts = np.bincount(calls.code, minlength=len(CALLS))
    lines = []
    for value in np.flatnonzero(counts):
        part = np.flatnonzero((calls.code == value) & finished)
        if len(part):
            lines.append(_line(events, calls, int(value), part))
    return sorted(lines, key=lambda line: -line.total_ns)


def error_name(ret: int) -> str:
    """Return the name of a kernel result -errno, also of those that a process never sees."""
    return _RESTARTS.get(-ret) or errno.errorcode.get(-ret) or f"errno {-ret}"


def _line(events: Events, calls: Calls, value: int, part: NDArray[np.int64]) -> CallStatistics:
    call = CALLS[value]
    duration = calls.exit_ns[part] - calls.enter_ns[part]
    ret = calls.ret[part]
    failed = ret < 0
    errors, counts = np.unique(ret[failed], return_counts=True)
    moved = 0
    if call.role in _MOVES_BYTES:
        per_call = events["c"][calls.row[part]] if value in _MESSAGES else ret
        moved = int(per_call[~failed].sum())
    copy = events["copy_ns"][calls.row[part]]
    copied = np.where(copy > 0, calls.exit_ns[part] - copy, 0)
    ranks = [rank(len(part), share) for share in (0.5, 0.9, 0.99)]
    sorted_part = np.partition(duration, sorted({*ranks, len(part) - 1}))
    p50, p90, p99 = (int(sorted_part[rank]) for rank in ranks)
    return CallStatistics(
        call.name,
        len(part),
        {error_name(int(e)): int(c) for e, c in zip(errors, counts, strict=True)},
        moved,
        int(duration.sum()),
        int(calls.asleep_ns[part].sum()),
        int(calls.queued_ns[part].sum()),
        int(copied.sum()),
        p50,
        p90,
        p99,
        int(sorted_part[len(part) - 1]),
    )


def rank(count: int, share: float) -> int:
    """Return the index of a percentile by nearest rank: a value that occurred, never an interpolation."""
    return max(0, min(count - 1, int(np.ceil(share * count)) - 1))


_MESSAGES = (code("recvmmsg"), code("sendmmsg"))
