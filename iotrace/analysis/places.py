"""Where a thread was between two moments: blocked in which kind of call, polling, queued or free.

Every thread's calls are laid end to end, and the time spent in each place is summed up to each call.
The share of any interval is then the difference of two look-ups, for all operations at once.

Within one call the queued time lies at its end (a task is woken before it queues), the rest
before it. What happens between calls is the process's own code: free.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Axis, Ints
from iotrace.analysis.calls import EAGAIN, Calls
from iotrace.analysis.model import Place
from probes.table import Role

_BY_ROLE = {
    Role.WAIT: Place.WAIT,
    Role.RECEIVE: Place.TRANSFER,
    Role.ACCEPT: Place.TRANSFER,
    Role.SIGNAL_WAIT: Place.SIGNAL,
    Role.RING: Place.RING,
    Role.SEND: Place.OTHER,
    Role.CONNECT: Place.OTHER,
    Role.TRANSFER: Place.OTHER,
    Role.SYNC: Place.OTHER,
}
_PLACE = np.zeros(256, np.uint8)
for _role, _place in _BY_ROLE.items():
    _PLACE[_role] = _place


def of_calls(
    calls: Calls, timeout: NDArray[np.int64], others: Mapping[Place, NDArray[np.bool_]]
) -> NDArray[np.uint8]:
    """Return (n,) uint8 :class:`Place` of each call.

    A call that never slept did not block: it is free, or polling where it found nothing.
    ``timeout`` is column ``c``; ``others`` marks calls whose place their role does not tell: a receive from a
    file waits for a disk and no peer, one from a signalfd for a signal, a splice from a socket for its peer.
    """
    place = _PLACE[calls.role]
    for other, chosen in others.items():
        place[chosen] = other
    duration = calls.exit_ns - calls.enter_ns
    briefly = calls.asleep_ns * 2 <= duration
    empty = (calls.ret == EAGAIN) & (place == Place.TRANSFER) & briefly
    empty |= (calls.ret == 0) & (place == Place.WAIT) & (timeout == 0) & briefly
    place[~calls.slept & ~calls.pending] = Place.FREE  # on the CPU in a call that did not block: its own work
    place[empty] = Place.POLLING
    return place


class Whereabouts:
    """Answers, for (thread, from, to) triples, how the time divides into places."""

    def __init__(self, calls: Calls, place: NDArray[np.uint8]) -> None:
        self._axis = Axis(calls.tid, calls.enter_ns)
        order = self._axis.order
        self._enter = calls.enter_ns[order]
        self._duration = calls.exit_ns[order] - self._enter
        self._queued = np.minimum(calls.queued_ns[order], self._duration)
        self._place = place[order]
        main = self._duration - self._queued
        self._sums: dict[Place, Ints] = {Place.QUEUED: _before(self._queued)}
        for value in np.unique(self._place):
            if value not in (Place.FREE, Place.QUEUED):
                self._sums[Place(value)] = _before(np.where(self._place == value, main, 0))

    def between(self, tid: Ints, begin_ns: Ints, end_ns: Ints) -> dict[Place, Ints]:
        """Return (m,) nanoseconds by place; those of all places add up to ``end_ns - begin_ns``."""
        upper = self._until(tid, end_ns)
        lower = self._until(tid, begin_ns)
        shares = {}
        left = end_ns - begin_ns
        for place in upper:  # a damaged recording may hold calls that overlap: none counts twice
            shares[place] = np.clip(upper[place] - lower[place], 0, left)
            left = left - shares[place]
        shares[Place.FREE] = left
        return shares

    def _until(self, tid: Ints, time: Ints) -> dict[Place, Ints]:
        at = self._axis.slot(tid, time)
        none = at < 0
        at = np.where(none, 0, at)
        if not len(self._enter):
            return {place: np.zeros(len(tid), np.int64) for place in self._sums}
        inside = np.minimum(time - self._enter[at], self._duration[at])
        main = np.minimum(inside, self._duration[at] - self._queued[at])
        here = self._place[at]
        sums = {}
        for place, before in self._sums.items():
            now = before[at] + (inside - main if place == Place.QUEUED else np.where(here == place, main, 0))
            now[none] = 0
            sums[place] = now
        return sums


def _before(values: Ints) -> Ints:
    """Return the sum of all earlier values at each position."""
    return np.cumsum(values) - values
