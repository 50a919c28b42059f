"""Stalls: an event loop's thread sleeps in anything but its wait, and all of its descriptors wait with it.

A *loop* is a thread that alone asks for several descriptors in one wait (a select, a poll, an epoll) and
serves them. Asleep in that wait it is idle: had there been anything to do, the wait would have returned.
Asleep elsewhere (a sleep, a lock, a file, a name server, a connect) while it serves it is stalled. What
waited for it is told by the arrival of data: measured where the kernel's own event was seen, else inferred
from a wait that returned at once after the stall.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import sleep_bounded
from iotrace.analysis.found import sets
from iotrace.analysis.model import Act, Model
from probes.table import Role

if TYPE_CHECKING:
    from iotrace.analysis.lessons.case import Case

#: A loop is expected to come round in a few milliseconds; asyncio complains of a step at 100.
STALL_NS = 10_000_000

_NO_STALL = (Role.TASK, Role.RING)


@dataclass(frozen=True)
class Stalls:
    """Stalls of at least ``least_ns``, one a place, in the order in which they were recorded; arrays (n,).

    ``row`` is the event row of the call, ``asleep_ns`` how long it slept (an upper bound where ``bounded``).
    ``waited`` counts the operations that were late by it, ``measured`` those whose arrival was measured,
    ``late_ns`` is the longest delay. ``loops`` are the loops' threads, (k,).
    ``victim_stall`` and ``victim_life`` (m,) name the descriptors with a measured arrival: a place in this
    table, and a life.
    """

    least_ns: int
    row: Ints
    call: Ints
    asleep_ns: Ints
    bounded: NDArray[np.bool_]
    waited: Ints
    measured: Ints
    late_ns: Ints
    victim_stall: Ints
    victim_life: Ints
    loops: Ints

    def __len__(self) -> int:
        return len(self.row)

    @property
    def longest(self) -> int | None:
        """The place of the longest stall; None where there is none."""
        return int(self.asleep_ns.argmax()) if len(self) else None

    def victims(self, place: int) -> list[int]:
        """Return the lives of the descriptors that are known to have waited for one stall."""
        return sorted(set(self.victim_life[self.victim_stall == place].tolist()))


def find(case: Case, least_ns: int = STALL_NS) -> Stalls:
    """Find the stalls of a recording that lasted at least ``least_ns``."""
    op, calls = case.operations, case.calls
    chosen = np.flatnonzero((op["model"] == Model.MULTIPLEXING) & (op["wait"] >= 0) & (op["life"] >= 0))
    wait = case.call_of_row(op["wait"][chosen])
    call = case.call_of_row(op["call"][chosen])
    root = take(case.lives.root, op["life"][chosen].astype(np.int64), -1)
    known = (wait >= 0) & (call >= 0)
    chosen, wait, call, root = chosen[known], wait[known], call[known], root[known]
    alone = _of_loops(case, wait, root, chosen)
    chosen, wait, call = chosen[alone], wait[alone], call[alone]
    loops = np.unique(calls.tid[wait])
    at = _asleep_elsewhere(case, wait, call, loops, least_ns) if len(loops) else np.zeros(0, np.int64)
    found = _Found(case, at, chosen, wait, call)
    count = len(at)
    return Stalls(
        least_ns,
        calls.row[at],
        at,
        calls.asleep_ns[at],
        sleep_bounded(calls.flags[at]),
        np.bincount(found.guilty, minlength=count),
        np.bincount(found.guilty[found.measured], minlength=count),
        found.late(count),
        found.guilty[found.measured],
        op["life"][chosen[found.delayed]].astype(np.int64)[found.measured],
        loops,
    )


def _of_loops(case: Case, wait: Ints, root: Ints, chosen: Ints) -> NDArray[np.bool_]:
    """Return (m,) bool: operations of a thread that alone asks for several descriptors in one wait.

    That it does is seen where several are served, or where its set is known to hold several sockets: one that
    only one client talks to is a loop all the same.
    """
    calls = case.calls
    place = calls.tgid[wait] << 32 | (calls.fd[wait].astype(np.int64) & 0xFFFFFFFF)
    places, dense = np.unique(place, return_inverse=True)

    def distinct(values: Ints) -> Ints:
        _, number = np.unique(values, return_inverse=True)
        pairs = np.unique(dense.astype(np.int64) << 32 | number)
        return np.bincount(pairs >> 32, minlength=len(places))

    if not len(place):
        return np.zeros(0, bool)
    received = np.bincount(dense, case.operations["act"][chosen] != Act.ACCEPT, len(places)) > 0
    several = (distinct(root) > 1) | (received & (_sockets_asked(case, places) > 1))
    good: NDArray[np.bool_] = ((distinct(calls.tid[wait]) == 1) & several)[dense]
    return good


def _sockets_asked(case: Case, places: Ints) -> Ints:
    """Return (p,) how many sockets an epoll set at (process, descriptor) is known to watch."""
    there, ctl = sets(case.events), case.control
    by = ctl.call
    tgid, epoll = np.r_[there.tgid, case.calls.tgid[by]], np.r_[there.epoll, ctl.epoll]
    fd, time = np.r_[there.fd, ctl.fd], np.r_[there.time_ns, case.calls.exit_ns[by]]
    place = tgid << 32 | epoll
    known = np.isin(place, places)
    root = take(case.lives.root, case.lives.find(tgid[known], fd[known], time[known]), -1)
    sockets = case.is_kind("listen", "tcp", "udp", "unix", "unix-dgram", "socket")[root]
    at = np.searchsorted(places, place[known][sockets])
    pairs = np.unique(at << 32 | root[sockets])
    return np.bincount(pairs >> 32, minlength=len(places))


def _asleep_elsewhere(case: Case, wait: Ints, call: Ints, loops: Ints, least_ns: int) -> Ints:
    """Return the calls in which a loop's thread slept so long while it served: before its last turn's end."""
    calls = case.calls
    long = (calls.asleep_ns >= least_ns) & ~calls.pending
    for role in _NO_STALL:
        long &= calls.role != role
    at = np.flatnonzero(long)
    at = at[np.isin(calls.tid[at], loops)]
    if not len(at):
        return at
    asked = _kind_of_wait(case, wait)
    at = at[~((calls.role[at] == Role.WAIT) & np.isin(_kind_of_wait(case, at), asked))]
    waits = np.flatnonzero((calls.role == Role.WAIT) & np.isin(calls.tid, loops))
    waits = waits[np.isin(_kind_of_wait(case, waits), asked)]
    axis = Axis(calls.tid[waits], calls.enter_ns[waits])
    before = axis.slot(calls.tid[at], calls.enter_ns[at])
    served = np.zeros(len(loops), np.int64)
    for each in (waits, call[np.isin(calls.tid[call], loops)]):
        np.maximum.at(served, np.searchsorted(loops, calls.tid[each]), calls.enter_ns[each])
    between: Ints = at[(before >= 0) & (calls.exit_ns[at] <= served[np.searchsorted(loops, calls.tid[at])])]
    again = calls.role[between] == Role.RESTART  # goes on with what was interrupted: the wait
    if again.any():
        every = np.flatnonzero(np.isin(calls.tid, loops))
        former = Axis(calls.tid[every], calls.enter_ns[every])
        earlier = take(every, former.last(calls.tid[between], calls.enter_ns[between], before=True), -1)
        between = between[~(again & (earlier >= 0) & (calls.role[earlier] == Role.WAIT))]
    return between


def _kind_of_wait(case: Case, at: Ints) -> Ints:
    calls = case.calls
    return calls.tid[at] << 40 | (calls.fd[at].astype(np.int64) & 0xFFFFFFFF) << 8 | (calls.code[at] & 0xFF)


class _Found:
    """Which operations were late by which stall."""

    def __init__(self, case: Case, at: Ints, chosen: Ints, wait: Ints, call: Ints) -> None:
        calls, op = case.calls, case.operations
        self.delayed: Ints = np.zeros(0, np.int64)  # places in chosen
        self.guilty: Ints = np.zeros(0, np.int64)  # aligned: places in at
        self.measured = np.zeros(0, bool)
        self._late: Ints = np.zeros(0, np.int64)
        if not len(at) or not len(wait):
            return
        told = np.where(op["act"][chosen] == Act.ACCEPT, 0, case.ready[call])
        sleeps = Axis(calls.tid[at], calls.exit_ns[at])
        begin, end = calls.enter_ns[at], calls.exit_ns[at]

        # Ready before the loop asked: did it sleep elsewhere since it last asked?
        last = sleeps.last(calls.tid[wait], calls.enter_ns[wait])
        before = _wait_before(case, wait)
        away = (last >= 0) & op["at_once"][chosen] & (before >= 0)
        away &= take(begin, last, 0) >= take(calls.exit_ns, before, 0)
        # It came while the loop slept, or just before: after it had asked for the last time.
        inside = (told >= take(calls.enter_ns, before, 0)) & (told <= take(end, last, 0))
        gap = calls.enter_ns[wait] - take(calls.exit_ns, before, 0)
        away &= np.where(told > 0, inside, 2 * take(calls.asleep_ns[at], last, 0) >= gap)

        # Announced, but another's turn came first, and that slept.
        between = sleeps.last(calls.tid[call], calls.enter_ns[call])
        queue = (between >= 0) & (take(begin, between, 0) >= calls.exit_ns[wait])
        queue &= calls.tid[call] == calls.tid[wait]

        self.delayed = np.flatnonzero(away | queue)
        self.guilty = np.where(queue, between, last)[self.delayed]
        self.measured = (queue | (told > 0))[self.delayed]
        since = np.where(queue, take(begin, between, 0), np.maximum(told, take(begin, last, 0)))
        self._late = (calls.enter_ns[call] - since)[self.delayed]

    def late(self, count: int) -> Ints:
        """Return (count,) the longest delay by each stall."""
        longest = np.zeros(count, np.int64)
        np.maximum.at(longest, self.guilty, self._late)
        return longest


def _wait_before(case: Case, wait: Ints) -> Ints:
    """Return (m,) the loop's wait before each of its waits, -1 for none: same thread, call and epoll."""
    calls = case.calls
    waits = np.flatnonzero(calls.role == Role.WAIT)
    axis = Axis(_kind_of_wait(case, waits), calls.enter_ns[waits])
    return take(waits, axis.last(_kind_of_wait(case, wait), calls.enter_ns[wait], before=True), -1)
