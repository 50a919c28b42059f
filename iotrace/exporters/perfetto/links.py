"""Who told whom: the wake-ups of threads and the announcements of descriptors, as flows.

A flow goes from select, poll or epoll_wait to each call that took what it had announced; and from an instant,
*wakes thread 12* on the track of the thread that woke it, to *waking up*.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from iotrace.exporters.perfetto.fields import TrackEvent, Type
from iotrace.exporters.perfetto.packets import Interned, event, flows
from iotrace.exporters.perfetto.tracks import Tracks
from iotrace.exporters.perfetto.wire import Part, join, repeated_fixed64s
from iotrace.timeline.cuts import Cuts, Work

Ints = NDArray[np.int64]

#: Instants that are encoded at once.
_ROWS = 1 << 14


class Links:
    """The flows of a recording. Iterating yields the packets of the instants that some of them come from.

    ``announced`` and ``woken`` (calls,) are the flows that end at a call, and at its waking up; 0 for none.
    """

    def __init__(self, work: Work, cut: Cuts, tracks: Tracks, interned: Interned) -> None:
        self._work, self._tracks, self._interned = work, tracks, interned
        self.announced, self._announced, self._count = _announcements(work)
        self._first = np.cumsum(self._count) - self._count
        self.woken, self._woken, self._waking_ns = _wakes(work, cut, tracks)

    def announcing(self, mine: Ints) -> list[Part]:
        """Return the flows that begin at each of the calls ``mine``."""
        count = self._count[mine]
        total = int(count.sum())
        before = np.cumsum(count) - count
        place = np.repeat(self._first[mine] - before, count) + np.arange(total)
        return repeated_fixed64s(TrackEvent.FLOW_IDS, self._announced[place], count)

    def __iter__(self) -> Iterator[bytes]:
        calls, events = self._work.calls, self._work.analysis.events
        category = self._interned.categories["wakes"]
        for start in range(0, len(self._woken), _ROWS):
            some = slice(start, start + _ROWS)
            woken, time_ns = self._woken[some], self._waking_ns[some]
            track = self._tracks.threads(events["waker"][calls.row[woken]].astype(np.int64))
            tids, index = np.unique(calls.tid[woken], return_inverse=True)
            name = self._interned.events.column([f"wakes thread {tid}" for tid in tids.tolist()])[index]
            more = flows(TrackEvent.FLOW_IDS, self.woken[woken])
            yield join(event(Type.TYPE_INSTANT, time_ns, track, name, category, more), len(woken))


def _announcements(work: Work) -> tuple[Ints, Ints, Ints]:
    """Return (calls,) the flow that ends at each call; the flows by their waits; (calls,) how many begin.

    One wait can announce many descriptors.
    """
    op = work.analysis.operations
    chosen = np.flatnonzero((op["call"] >= 0) & (op["wait"] >= 0))
    taken, wait = _calls_at(work, op["call"][chosen]), _calls_at(work, op["wait"][chosen])
    both = (taken >= 0) & (wait >= 0)
    taken, first = np.unique(taken[both], return_index=True)
    wait = wait[both][first]
    flow = np.zeros(len(work.calls), np.int64)
    flow[taken] = 2 * taken + 2
    return flow, flow[taken[np.argsort(wait, kind="stable")]], np.bincount(wait, minlength=len(flow))


def _wakes(work: Work, cut: Cuts, tracks: Tracks) -> tuple[Ints, Ints, Ints]:
    """Return (calls,) the flow that ends at each waking up; of those with one, the call and the moment.

    Only those whose waker made calls of its own, and whose waking was an event.
    """
    calls, events = work.calls, work.analysis.events
    chosen = np.flatnonzero(cut.slept & ~cut.bounded & (cut.waking > cut.sleep) & (cut.running > cut.waking))
    mine = cut.mine[chosen]
    row = calls.row[mine]
    known = tracks.threads(events["waker"][row].astype(np.int64)) > 0
    known &= events["waking_ns"][row] == cut.waking[chosen]
    woken, time_ns = mine[known], cut.waking[chosen[known]]
    flow = np.zeros(len(calls), np.int64)
    flow[woken] = 2 * woken + 1
    return flow, woken, time_ns


def _calls_at(work: Work, row: Ints) -> Ints:
    """Return which call stands at each row of the events; -1 for none."""
    rows = work.calls.row
    if not len(rows):
        return np.full(len(row), -1, np.int64)
    at = np.minimum(np.searchsorted(rows, row), len(rows) - 1)
    return np.where(rows[at] == row, at, -1)
