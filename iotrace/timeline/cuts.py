"""Calls cut at the boundaries that the probe saw, as columns: for one thread's lane, or for all at once.

    enter ─ on a CPU ─ sleep ─ asleep ─ waking ─ runnable ─ running ─ on a CPU ─ copy ─ copying ─ exit

With the scheduler's accounts (ptrace) only the lengths are known; the order is the same, because
a task sleeps before it is woken and queues before it runs. Those segments are bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis import places
from iotrace.analysis.attempts import SOCKETS
from iotrace.analysis.calls import Calls, code, sleep_bounded, taker
from iotrace.analysis.model import Analysis, Place
from iotrace.columns import Events
from iotrace.timeline.lanes import Ints, What
from probes.events import Flag
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
    calls = analysis.call_columns
    on_file = (calls.flags & Flag.DISK) != 0  # asleep for a disk, not for a peer
    receives, splices = calls.role == Role.RECEIVE, calls.code == code("splice")
    others = {
        Place.OTHER: on_file,
        Place.SIGNAL: _of_kind(analysis, calls, receives & ("signalfd" in analysis.kinds), "signalfd"),
        Place.TRANSFER: _of_kind(analysis, calls, splices, *SOCKETS),
    }
    place = places.of_calls(calls, analysis.events["c"][calls.row], others)
    single = not len(calls) or bool(calls.tid.min() == calls.tid.max())
    return Work(analysis, calls, place, single)


def _of_kind(analysis: Analysis, calls: Calls, chosen: NDArray[np.bool_], *kinds: str) -> NDArray[np.bool_]:
    """Return (calls,) which of the ``chosen`` calls are on descriptors of these kinds."""
    if not chosen.any():
        return chosen
    alike = np.array([kind in kinds for kind in analysis.kinds] + [False], bool)
    found: NDArray[np.bool_] = chosen & alike[analysis.lives[calls.row]]
    return found


@dataclass(frozen=True)
class Cuts:
    """The pieces of calls: arrays are (n,), aligned with ``mine``, indices in ``Work.calls``.

    The six boundaries are absolute, never run backwards, and no call of a thread begins before the one
    before it has ended. ``asleep_as`` is a :class:`What`; ``bounded``: every inner boundary is bounded;
    ``guessed``: that of the copy is.
    """

    mine: Ints
    enter: Ints
    sleep: Ints
    waking: Ints
    running: Ints
    copy: Ints
    exit: Ints
    asleep_as: NDArray[np.uint8]
    slept: NDArray[np.bool_]
    failing: NDArray[np.bool_]
    receives: NDArray[np.bool_]
    bounded: NDArray[np.bool_]
    guessed: NDArray[np.bool_]


def of_thread(work: Work, tid: int) -> Cuts:
    """Cut the calls of one thread, in the order in which they began."""
    calls = work.calls
    mine = np.arange(len(calls)) if work.single else np.flatnonzero(calls.tid == tid)
    if work.single and len(calls) and int(calls.tid[0]) != tid:
        mine = mine[:0]
    enter = calls.enter_ns[mine]
    if len(enter) > 1 and not np.all(enter[1:] >= enter[:-1]):  # records of two CPUs may change places
        mine = mine[np.argsort(enter, kind="stable")]
    return _cut(work, mine, None)


def of_all(work: Work) -> Cuts:
    """Cut all calls, sorted by thread and then by their begin."""
    calls = work.calls
    if work.single:
        return of_thread(work, int(calls.tid[0]) if len(calls) else 0)
    mine = np.lexsort((calls.enter_ns, calls.tid))
    tid = calls.tid[mine]
    return _cut(work, mine, np.cumsum(np.r_[False, tid[1:] != tid[:-1]]))


def _cut(work: Work, mine: Ints, segment: Ints | None) -> Cuts:
    """Cut the calls ``mine``; ``segment`` numbers their threads, in order, where there are several."""
    calls, events = work.calls, work.analysis.events
    of = taker(mine)
    of_row = taker(of(calls.row))

    def column(name: str) -> Ints:
        values: Ints = of_row(events[name])
        return values

    enter = of(calls.enter_ns)
    code, ret, place = of(calls.code), of(calls.ret), of(work.place)
    flags = of(calls.flags)
    slept = of(calls.slept)
    exit_ns = np.maximum(of(calls.exit_ns), enter)
    if len(enter) > 1:
        enter = enter.copy()
        np.maximum(enter[1:], _latest(exit_ns, segment)[:-1], out=enter[1:])
        exit_ns = np.maximum(exit_ns, enter)

    accounted = (flags & Flag.ACCOUNTED) != 0
    sleep, waking = enter, enter
    queued = of(calls.queued_ns)
    running = np.minimum(enter + queued, exit_ns) if queued.any() else enter
    if len(at := np.flatnonzero(slept)):
        sleep, waking, running = enter.copy(), enter.copy(), running.copy()
        sleep[at], waking[at], running[at] = _asleep(
            enter[at], exit_ns[at], accounted[at], calls, mine[at], events
        )
    receives = _COPIES[code] & (ret > 0)
    seen = column("copy_ns")
    copy = np.where(receives, np.where(seen > 0, seen, running), exit_ns)
    copy = np.clip(copy, running, exit_ns)
    guessed = accounted | (seen == 0)
    failing = place == Place.POLLING
    return Cuts(
        mine, enter, sleep, waking, running, copy, exit_ns,
        _ASLEEP[place], slept, failing, receives, sleep_bounded(flags), guessed,
    )  # fmt: skip


def _latest(exit_ns: Ints, segment: Ints | None) -> Ints:
    """Return the latest end so far; that of another thread is before all begins."""
    if segment is None:
        latest: Ints = np.maximum.accumulate(exit_ns)
        return latest
    span = int(exit_ns.max()) + 1
    apart = segment * (span - int(exit_ns.min()))
    latest = np.maximum.accumulate(exit_ns + apart) - apart
    latest[:-1][segment[1:] != segment[:-1]] = 0
    return latest


def _asleep(
    enter: Ints, exit_ns: Ints, accounted: NDArray[np.bool_], calls: Calls, mine: Ints, events: Events
) -> tuple[Ints, Ints, Ints]:
    """Return (sleep, waking, running) of calls that slept, in order and inside each."""
    row = calls.row[mine]
    asleep, queued = calls.asleep_ns[mine], np.minimum(calls.queued_ns[mine], exit_ns - enter)
    sleep = np.where(accounted, enter, np.minimum(np.maximum(events["sleep_ns"][row], enter), exit_ns))
    woken, back = events["waking_ns"][row], events["running_ns"][row]
    by_event = np.where(calls.pending[mine], exit_ns, np.where(woken > 0, woken, sleep + asleep))
    waking = np.clip(np.where(accounted, enter + asleep, by_event), sleep, exit_ns)
    running = np.where(~accounted & (back > 0), back, waking + queued)
    return sleep, waking, np.clip(running, waking, exit_ns)
