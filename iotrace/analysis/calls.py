"""System calls as columns: which rows are calls, and what each of them is for.

Errors keep the kernel's own numbers: a tracer sees -ERESTARTSYS and its kin, which a process never
does (``include/linux/errno.h``); they mean that a signal came, not that the call failed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iotrace.columns import Events
from probes.events import Flag, Kind
from probes.table import BY_NAME, CALLS, Role

EINTR = -4
EAGAIN = -11
RESTARTS = (-512, -513, -514, -516)  # ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK
MSG_PEEK = 2

#: Under the scheduler's accounts a call that did not sleep still shows some tens of microseconds off the CPU.
ACCOUNT_NOISE_NS = 200_000

#: Role of each code, (len(CALLS),) uint8.
ROLE = np.array([call.role for call in CALLS], np.uint8)


#: Of a call with one of these, the time asleep and queued is bounded, not measured.
_BOUNDED = int(Flag.ACCOUNTED | Flag.SLEEP_BOUNDED)

_STRETCHES = 64  # rows in so many pieces are copied piece by piece


def code(name: str) -> int:
    """Return the code of a call of the table."""
    return BY_NAME[name].code


def sleep_bounded(flags: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Return (n,) whether each call's time asleep and queued is bounded, by the ``flags`` of its row."""
    found: NDArray[np.bool_] = (flags & _BOUNDED) != 0
    return found


@dataclass(frozen=True)
class Calls:
    """The finished calls of a recording, and those in flight at its end, sorted as recorded.

    ``row`` (n,) int64 row numbers in the events; every other array is (n,) and aligned with it.
    ``exit_ns`` of a call in flight is the recording's end and ``pending`` is true.
    """

    row: NDArray[np.int64]
    code: NDArray[np.uint16]
    role: NDArray[np.uint8]
    enter_ns: NDArray[np.int64]
    exit_ns: NDArray[np.int64]
    ret: NDArray[np.int64]
    fd: NDArray[np.int32]
    tid: NDArray[np.int64]
    tgid: NDArray[np.int64]
    flags: NDArray[np.uint16]
    asleep_ns: NDArray[np.int64]
    queued_ns: NDArray[np.int64]
    slept: NDArray[np.bool_]
    pending: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.row)


def select(events: Events, end_ns: int) -> Calls:
    """Take the calls out of ``events``; calls still in flight end at ``end_ns``."""
    kind = events["kind"]
    known = events["code"] < len(CALLS)  # not of another architecture, nor of a newer table
    is_call = (kind == Kind.CALL) & known
    in_flight = np.flatnonzero((kind == Kind.PENDING) & known)
    finished = _still_open(events, is_call, in_flight)
    row = np.flatnonzero(is_call) if not len(finished) else np.sort(np.r_[np.flatnonzero(is_call), finished])
    take = taker(row)

    def column(name: str) -> NDArray[Any]:
        return take(events[name])

    codes = column("code")
    enter = column("enter_ns")
    exit_ns = column("exit_ns")
    pending = column("kind") == Kind.PENDING
    if pending.any():
        exit_ns = np.where(pending, max(end_ns, int(enter.max())), exit_ns)
    flags = column("flags")
    asleep = column("asleep_ns")
    accounted = (flags & Flag.ACCOUNTED) != 0
    slept = np.where(accounted, asleep > ACCOUNT_NOISE_NS, column("sleeps") > 0)
    return Calls(
        row,
        codes,
        ROLE[codes],
        enter,
        exit_ns,
        column("ret"),
        column("fd"),
        column("tid").astype(np.int64),
        column("tgid").astype(np.int64),
        flags,
        asleep,
        column("queued_ns"),
        slept,
        pending,
    )


def taker(row: NDArray[np.int64]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return what takes these rows, in order, out of a column.

    Mostly they are one stretch, whose slice costs neither time nor memory, or a few, whose copies
    cost a third of a look-up row by row.
    """
    breaks = np.flatnonzero(np.diff(row) != 1) + 1
    if not len(row) or len(breaks) > _STRETCHES:
        return lambda column: column[row]
    starts, stops = np.r_[0, breaks], np.r_[breaks, len(row)]
    slices = [
        slice(int(row[start]), int(row[stop - 1]) + 1) for start, stop in zip(starts, stops, strict=True)
    ]
    if len(slices) == 1:
        return lambda column: column[slices[0]]
    return lambda column: np.concatenate([column[each] for each in slices])


def _still_open(
    events: Events, is_call: NDArray[np.bool_], in_flight: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the last PENDING row of each call that never finished (a finished one has a CALL row too)."""
    if not len(in_flight):
        return in_flight
    enter, tid = events["enter_ns"], events["tid"]
    candidates = np.flatnonzero(is_call & np.isin(enter, enter[in_flight]))
    done = set(zip(enter[candidates].tolist(), tid[candidates].tolist(), strict=True))
    last = {(int(enter[row]), int(tid[row])): int(row) for row in in_flight}
    return np.array(sorted(row for key, row in last.items() if key not in done), np.int64)


def is_role(calls: Calls, *roles: Role) -> NDArray[np.bool_]:
    """Return (n,) bool: the calls that have one of the roles."""
    return _one_of(calls.role, roles)


def is_code(calls: Calls, *codes: int) -> NDArray[np.bool_]:
    """Return (n,) bool: the calls of these codes."""
    return _one_of(calls.code, codes)


def _one_of(values: NDArray[Any], wanted: Sequence[int]) -> NDArray[np.bool_]:
    """Compare with each of a few small integers: ten times as fast as numpy's isin, or as a table."""
    found = np.zeros(len(values), bool)
    for value in wanted:
        found |= values == value
    return found


def interrupted(calls: Calls) -> NDArray[np.bool_]:
    """Return (n,) bool: the calls that a signal ended, restarted or not."""
    negative = calls.ret < 0
    if not negative.any():
        return negative
    return np.isin(calls.ret, (EINTR, *RESTARTS))
