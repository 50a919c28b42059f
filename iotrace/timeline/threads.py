"""A thread's lane: every call cut into its inner segments (:mod:`iotrace.timeline.cuts`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from iotrace.analysis.model import Analysis
from iotrace.timeline.cuts import Work, of_thread
from iotrace.timeline.lanes import Ints, Lane, Track, What, track
from probes.events import Flag, Kind


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
    cut = of_thread(work, tid)
    code = work.calls.code[cut.mine]
    tracks = [
        track(What(what), cut.sleep, cut.waking, cut.asleep_as == what, cut.bounded, code)
        for what in np.unique(cut.asleep_as[cut.slept])
        if what != What.POLLING
    ]
    tried = ~cut.failing
    tracks += [
        track(What.WAKING, cut.waking, cut.running, tried, cut.bounded, code),
        track(What.POLLING, cut.enter, cut.exit, cut.failing, False, code),
        track(What.CALL, cut.enter, cut.sleep, tried, cut.bounded, code),
        track(What.CALL, cut.running, cut.copy, tried, cut.bounded, code),
        track(What.COPY, cut.copy, cut.exit, cut.receives, cut.guessed, code, work.calls.ret[cut.mine]),
    ]
    kept = tuple(each for each in tracks if each is not None)
    begin, end = life_of(work.analysis, tid)
    marks = _foreign_copies(work.analysis, tid)
    return Lane("thread", tgid, tid, -1, What.OWN, begin, end, kept, marks, len(cut.mine))


def life_of(analysis: Analysis, tid: int) -> tuple[int, int]:
    """Return when a thread came and went; the recording's begin and end where nobody saw it."""
    return lives_of(analysis).get(tid, (analysis.begin_ns, analysis.end_ns))


def lives_of(analysis: Analysis) -> dict[int, tuple[int, int]]:
    """Return {thread: when it came, when it went} of all threads, as :func:`life_of` does.

    Of what ran before we attached nothing is known until its first call: the one under way then has no row.
    """
    events = analysis.events
    kind = events["kind"]
    rows = np.flatnonzero((kind == Kind.TASK_NEW) | (kind == Kind.TASK_EXIT))
    came: dict[int, int] = {}
    went: dict[int, int] = {}
    facts = (kind[rows] == Kind.TASK_NEW, events["tid"][rows], events["enter_ns"][rows])
    for new, tid, time_ns in zip(*(column.tolist() for column in facts), strict=True):
        if new:
            came.setdefault(tid, time_ns)
        else:
            went[tid] = time_ns
    if events.header.get("attached"):
        calls = analysis.call_columns
        order = np.argsort(calls.enter_ns, kind="stable")
        tids, first = np.unique(calls.tid[order], return_index=True)
        for tid, at in zip(tids.tolist(), calls.enter_ns[order[first]].tolist(), strict=True):
            came.setdefault(tid, at)
    lives = {}
    for _, tid, _ in analysis.threads:
        begin = came.get(tid, analysis.begin_ns)
        lives[tid] = begin, max(begin, went.get(tid, analysis.end_ns))
    return lives


def processes_of(analysis: Analysis) -> dict[int, tuple[int, int]]:
    """Return {process: when its first thread came, when its last one went}."""
    lives = lives_of(analysis)
    found: dict[int, tuple[int, int]] = {}
    for tgid, tid, _ in analysis.threads:
        came, went = lives[tid]
        first, last = found.get(tgid, (came, went))
        found[tgid] = min(first, came), max(last, went)
    return found


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
                    What.ABSENT,  # nobody sees what else it does
                    analysis.begin_ns,
                    analysis.end_ns,
                    tracks,
                    (),
                    len(mine),
                )
            )
    return lanes
