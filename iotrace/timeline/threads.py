"""A thread's lane: every call cut into its inner segments, by the boundaries that the probe saw.

    enter ─ on a CPU ─ sleep ─ asleep ─ waking ─ runnable ─ running ─ on a CPU ─ copy ─ copying ─ exit

With the scheduler's accounts (ptrace) only the lengths are known; the order is the same, because
a task sleeps before it is woken and queues before it runs. Those segments are bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis import places
from iotrace.analysis.calls import Calls, select
from iotrace.analysis.model import Analysis, Place
from iotrace.timeline.lanes import Ints, Lane, Track, What, track
from probes.events import Flag, Kind
from probes.table import CALLS, Role

_ASLEEP_IN = {
    Place.WAIT: What.BLOCKED_WAIT,
    Place.SIGNAL: What.BLOCKED_WAIT,
    Place.RING: What.BLOCKED_WAIT,
    Place.TRANSFER: What.BLOCKED_TRANSFER,
    Place.OTHER: What.BLOCKED_OTHER,
    Place.POLLING: What.POLLING,
    Place.FREE: What.NAP,
}
_ASLEEP = np.full(256, What.NAP, np.uint8)
for _place, _what in _ASLEEP_IN.items():
    _ASLEEP[_place] = _what

#: Calls whose result is bytes copied to the process.
_COPIES = np.array([call.role == Role.RECEIVE for call in CALLS])


@dataclass(frozen=True)
class Work:
    """The calls of a recording with the place of each, ready to be cut. Arrays are (calls,)."""

    analysis: Analysis
    calls: Calls
    place: NDArray[np.uint8]
    single: bool  # one thread made all calls


def prepare(analysis: Analysis) -> Work:
    """Look at all calls once."""
    calls = select(analysis.events, analysis.end_ns)
    on_file = (calls.flags & Flag.DISK) != 0  # asleep for a disk, not for a peer
    place = places.of_calls(calls, analysis.events["c"][calls.row], on_file)
    single = not len(calls) or bool(calls.tid.min() == calls.tid.max())
    return Work(analysis, calls, place, single)


def weights(work: Work, tids: Sequence[int]) -> list[int]:
    """Return how many calls each thread made."""
    if work.single and len(work.calls):
        only = int(work.calls.tid[0])
        return [len(work.calls) if tid == only else 0 for tid in tids]
    if not len(work.calls):
        return [0] * len(tids)
    lowest = int(work.calls.tid.min())
    counts = np.bincount(work.calls.tid - lowest, minlength=max(tids, default=0) - lowest + 1)
    return [int(counts[tid - lowest]) if tid >= lowest else 0 for tid in tids]


def thread_lane(work: Work, tgid: int, tid: int) -> Lane:
    """Cut all calls of one thread into tracks that neither overlap nor run backwards."""
    calls, events = work.calls, work.analysis.events
    mine = np.arange(len(calls)) if work.single else np.flatnonzero(calls.tid == tid)
    if work.single and len(calls) and int(calls.tid[0]) != tid:
        mine = mine[:0]
    enter = calls.enter_ns[mine]
    if len(enter) > 1 and not np.all(enter[1:] >= enter[:-1]):  # records of two CPUs may change places
        mine = mine[np.argsort(enter, kind="stable")]
        enter = calls.enter_ns[mine]
    whole = len(mine) == len(events)
    row = calls.row[mine]

    def column(name: str) -> Ints:
        values: Ints = events[name] if whole else events[name][row]
        return values

    code, ret, place = calls.code[mine], calls.ret[mine], work.place[mine]
    flags = calls.flags[mine]
    slept = calls.slept[mine]
    exit_ns = np.maximum(calls.exit_ns[mine], enter)
    if len(enter) > 1:
        enter = enter.copy()
        np.maximum(enter[1:], np.maximum.accumulate(exit_ns)[:-1], out=enter[1:])
        exit_ns = np.maximum(exit_ns, enter)

    accounted = (flags & Flag.ACCOUNTED) != 0
    sleep, waking, running = _asleep(
        enter, exit_ns, slept, accounted, calls, mine, column, calls.pending[mine]
    )
    receives = _COPIES[code] & (ret > 0)
    seen = column("copy_ns")
    copy = np.where(receives, np.where(seen > 0, seen, running), exit_ns)
    copy = np.clip(copy, running, exit_ns)
    guessed = accounted | (seen == 0)

    asleep_as = _ASLEEP[place]
    failing = place == Place.POLLING
    tracks = [
        track(What(what), sleep, waking, asleep_as == what, accounted, code)
        for what in np.unique(asleep_as[slept])
        if what != What.POLLING
    ]
    tracks += [
        track(What.WAKING, waking, running, ~failing, accounted, code),
        track(What.POLLING, enter, exit_ns, failing, False, code),
        track(What.CALL, enter, sleep, ~failing, accounted, code),
        track(What.CALL, running, copy, ~failing, accounted, code),
        track(What.COPY, copy, exit_ns, receives, guessed, code, ret),
    ]
    kept = tuple(each for each in tracks if each is not None)
    begin, end = life_of(work.analysis, tid)
    marks = _foreign_copies(work.analysis, tid)
    return Lane("thread", tgid, tid, -1, What.OWN, begin, end, kept, marks, len(mine))


def _asleep(
    enter: Ints,
    exit_ns: Ints,
    slept: NDArray[np.bool_],
    accounted: NDArray[np.bool_],
    calls: Calls,
    mine: Ints,
    column: _Column,
    pending: NDArray[np.bool_],
) -> tuple[Ints, Ints, Ints]:
    """Return (sleep, waking, running) of each call, in order and inside it; equal where it did not sleep."""
    queued = np.minimum(calls.queued_ns[mine], exit_ns - enter)
    sleep = np.where(slept, np.maximum(column("sleep_ns"), enter), enter)
    sleep = np.where(accounted, enter, np.minimum(sleep, exit_ns))
    by_event = np.where(column("waking_ns") > 0, column("waking_ns"), sleep + calls.asleep_ns[mine])
    by_event = np.where(pending, exit_ns, by_event)
    waking = np.where(slept, np.where(accounted, enter + calls.asleep_ns[mine], by_event), sleep)
    waking = np.clip(waking, sleep, exit_ns)
    running = np.where(slept & ~accounted & (column("running_ns") > 0), column("running_ns"), waking + queued)
    return sleep, waking, np.clip(running, waking, exit_ns)


class _Column(Protocol):
    """A callable from a column's name to the rows of one thread."""

    def __call__(self, name: str) -> Ints: ...


def life_of(analysis: Analysis, tid: int) -> tuple[int, int]:
    """Return when a thread came and went; the recording's begin and end where nobody saw it."""
    events = analysis.events
    kind = events["kind"]
    rows = np.flatnonzero((kind == Kind.TASK_NEW) | (kind == Kind.TASK_EXIT))
    rows = rows[events["tid"][rows] == tid]
    born = events["enter_ns"][rows[kind[rows] == Kind.TASK_NEW]]
    gone = events["enter_ns"][rows[kind[rows] == Kind.TASK_EXIT]]
    begin = int(born[0]) if len(born) else analysis.begin_ns
    end = int(gone[-1]) if len(gone) else analysis.end_ns
    return begin, max(begin, end)


def _foreign_copies(analysis: Analysis, tid: int) -> tuple[Track, ...]:
    """Return copies that this thread made outside a receiving call: as task work of io_uring."""
    events = analysis.events
    kind = events["kind"]
    rows = np.flatnonzero((kind == Kind.RING) | (kind == Kind.COPY))
    if not len(rows):
        return ()
    by = np.where(kind[rows] == Kind.RING, events["waker"][rows], events["tid"][rows])
    mine = rows[(by == tid) & ((events["flags"][rows] & Flag.BY_WORKER) == 0)]
    return copies_of(analysis, mine)


def copies_of(analysis: Analysis, rows: Ints) -> tuple[Track, ...]:
    """Return the copies of the given rows as one track, cut so that none overlaps the one before."""
    events = analysis.events
    rows = rows[events["copy_ns"][rows] > 0]
    rows = rows[np.argsort(events["copy_ns"][rows], kind="stable")]
    begin = events["copy_ns"][rows]
    end = np.where(events["done_ns"][rows] > 0, events["done_ns"][rows], events["exit_ns"][rows])
    if len(begin) > 1:
        begin = begin.copy()
        np.maximum(begin[1:], np.maximum.accumulate(end)[:-1], out=begin[1:])
    made = track(What.COPY, begin, end, end > begin, False, None, np.maximum(events["ret"][rows], 0))
    return (made,) if made else ()


def worker_lanes(analysis: Analysis) -> list[Lane]:
    """Return a lane for each kernel thread that copied on the target's behalf."""
    events = analysis.events
    rows = np.flatnonzero((events["flags"] & Flag.BY_WORKER) != 0)
    lanes = []
    for tid in np.unique(events["waker"][rows]).tolist():
        mine = rows[events["waker"][rows] == tid]
        tracks = copies_of(analysis, mine)
        if tid and tracks:
            tgid = int(events["tgid"][mine[0]])
            lanes.append(
                Lane(
                    "worker",
                    tgid,
                    tid,
                    -1,
                    What.OPEN,
                    analysis.begin_ns,
                    analysis.end_ns,
                    tracks,
                    (),
                    len(mine),
                )
            )
    return lanes
