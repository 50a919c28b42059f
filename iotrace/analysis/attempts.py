"""Tries to take input from a descriptor, in order: what failed, what succeeded, what came before.

A *group* is the run of tries on one open file, by one process, up to and including the one that
succeeds: all of it belongs to one operation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis import peeks
from iotrace.analysis.axis import Axis, Ints
from iotrace.analysis.calls import EAGAIN, Calls, code, is_role
from iotrace.analysis.descriptors import Lives
from iotrace.analysis.modes import Blocking
from iotrace.columns import Events
from probes.table import Role

SOCKETS = frozenset({"tcp", "unix", "socket", "accepted"})
STREAMS = SOCKETS | {"pipe"}
DATAGRAMS = frozenset({"udp", "unix-dgram"})


@dataclass(frozen=True)
class Taken:
    """Tries that succeeded, one an operation; all arrays (n,), times in ns.

    ``call`` calls index · ``peek`` that of the receive with MSG_PEEK that slept for its data, -1: none ·
    ``root`` open file · ``first_ns`` entry of the group's first try · ``tries`` failed ones (EAGAIN) ·
    ``failed_enter_ns``/``failed_exit_ns`` of the last of them, 0: none ·
    ``previous_enter_ns``/``previous_exit_ns`` of the success before on the same file, 0: none ·
    ``own_ns`` entry of the last try before by the same thread, where several threads try the file (-1: there
    was none); else 0 · ``own_failed`` the try before (where threads share the file: by the same) failed ·
    ``poller`` the thread that peeked in vain, where the operation began so, else 0.
    """

    call: Ints
    peek: Ints
    root: Ints
    first_ns: Ints
    tries: Ints
    failed_enter_ns: Ints
    failed_exit_ns: Ints
    previous_enter_ns: Ints
    previous_exit_ns: Ints
    own_ns: Ints
    own_failed: NDArray[np.bool_]
    poller: Ints

    @property
    def asked(self) -> Ints:
        """Calls index of the call that waited for the data, if any did: the peek, else the receive itself."""
        return np.where(self.peek >= 0, self.peek, self.call)


def receives(events: Events, calls: Calls, lives: Lives, blocking: Blocking) -> tuple[Taken, Taken]:
    """Return the successful receives on streams (an end of file is none), and on datagram sockets.

    A splice out of a socket is a receive too, though its bytes do not come to the process.
    """
    chosen = is_role(calls, Role.RECEIVE) & ~calls.pending
    peeking = peeks.are_peeks(events, calls) & chosen
    chosen &= ~peeking
    chosen |= from_sockets(calls, lives) & ~calls.pending
    stream = _on_kinds(lives, STREAMS)
    datagram = _on_kinds(lives, DATAGRAMS)
    on = np.flatnonzero(chosen & (lives.of_call >= 0))
    life = lives.of_call[on]
    from_streams = _group(calls, lives, on[stream[life]])
    from_datagrams = _group(calls, lives, on[datagram[life]])
    if peeking.any():
        peeked = np.flatnonzero(peeking)
        from_streams = _after_peeks(events, calls, lives, blocking, peeked, from_streams)
        from_datagrams = _after_peeks(events, calls, lives, blocking, peeked, from_datagrams)
    return _keep(from_streams, calls.ret[from_streams.call] > 0), from_datagrams


def from_sockets(calls: Calls, lives: Lives) -> NDArray[np.bool_]:
    """Return (calls,) which are a splice(2) whose input is a socket."""
    splices: NDArray[np.bool_] = calls.code == code("splice")
    if not splices.any():
        return splices
    sockets = np.array([kind in SOCKETS for kind in lives.kind] + [False], bool)
    found: NDArray[np.bool_] = splices & sockets[lives.of_call]
    return found


def accepts(calls: Calls, lives: Lives) -> Taken:
    """Return the successful accepts."""
    chosen = is_role(calls, Role.ACCEPT) & ~calls.pending & (lives.of_call >= 0)
    return _group(calls, lives, np.flatnonzero(chosen))


def _on_kinds(lives: Lives, kinds: frozenset[str]) -> NDArray[np.bool_]:
    return np.array([kind in kinds for kind in lives.kind], bool)


def _after_peeks(
    events: Events, calls: Calls, lives: Lives, blocking: Blocking, peeking: Ints, taken: Taken
) -> Taken:
    """Let receives begin with the peeks that waited for their data, asleep or in vain."""
    found = peeks.before(events, calls, lives, blocking, peeking, taken.call)
    if found is None:
        return taken
    asleep = found.slept >= 0
    # A receive that slept itself did its waiting there: what looked before, and when, is another matter.
    polled = (found.tries > 0) & ~asleep & ~calls.slept[taken.call]
    first = np.where(polled, np.minimum(taken.first_ns, found.first_ns), taken.first_ns)
    return replace(
        taken,
        peek=found.slept,
        first_ns=np.where(asleep, found.since_ns, first),
        tries=taken.tries + np.where(polled, found.tries, 0),
        failed_enter_ns=np.maximum(taken.failed_enter_ns, found.last_enter_ns),
        failed_exit_ns=np.maximum(taken.failed_exit_ns, found.last_exit_ns),
        own_failed=taken.own_failed | (polled & (found.poller > 0)),
        poller=np.where(polled & (found.first_ns == first), found.poller, 0),
    )


def _group(calls: Calls, lives: Lives, chosen: Ints) -> Taken:
    """Sort tries by open file, process and time, and find each success's group."""
    key = lives.root[lives.of_call[chosen]] << 24 | calls.tgid[chosen]
    order = Axis(key, calls.enter_ns[chosen]).order
    call, key = chosen[order], key[order]
    n = len(call)
    position = np.arange(n, dtype=np.int64)
    success = calls.ret[call] >= 0
    failed = calls.ret[call] == EAGAIN
    new_file = np.ones(n, bool)
    new_file[1:] = key[1:] != key[:-1]
    starts = new_file.copy()
    starts[1:] |= success[:-1]
    start = np.maximum.accumulate(np.where(starts, position, 0)) if n else position
    at = np.flatnonzero(success)
    begin = start[at]
    tries = np.zeros(len(at), np.int64)
    last, has_failed = tries, np.zeros(len(at), bool)
    if failed.any():
        fails = np.cumsum(failed)
        tries = fails[at] - fails[begin] + failed[begin]
        last = np.maximum.accumulate(np.where(failed, position, -1))[at]
        has_failed = last >= begin
        last = np.where(has_failed, last, 0)
    previous = np.where(new_file[begin], -1, begin - 1)
    has_previous = previous >= 0
    enter, exit_ns = calls.enter_ns[call], calls.exit_ns[call]
    own_ns, own_failed = _own(calls, call, key, enter, failed, new_file)
    if not n:
        none = np.zeros(0, np.int64)
        return Taken(none, none, none, none, none, none, none, none, none, none, none.astype(bool), none)
    return Taken(
        call[at],
        np.full(len(at), -1, np.int64),
        key[at] >> 24,
        enter[begin],
        tries.astype(np.int64),
        np.where(has_failed, enter[last], 0) if tries.any() else tries,
        np.where(has_failed, exit_ns[last], 0) if tries.any() else tries,
        np.where(has_previous, enter[previous], 0),
        np.where(has_previous, exit_ns[previous], 0),
        own_ns[at],
        own_failed[at],
        np.zeros(len(at), np.int64),
    )


def _own(
    calls: Calls, call: Ints, key: Ints, enter: Ints, failed: NDArray[np.bool_], new_file: NDArray[np.bool_]
) -> tuple[Ints, NDArray[np.bool_]]:
    """Return (n,) when the same thread tried the same file before (0: nobody shares a file; -1: never),
    and whether that try failed."""
    tid = calls.tid[call]
    before = np.zeros(len(call), bool)
    before[1:] = failed[:-1] & ~new_file[1:]
    if not np.any((key[1:] == key[:-1]) & (tid[1:] != tid[:-1])):
        return np.zeros(len(call), np.int64), before
    own = np.full(len(call), -1, np.int64)
    before[:] = False
    order = np.lexsort((enter, tid, key))
    same = (key[order][1:] == key[order][:-1]) & (tid[order][1:] == tid[order][:-1])
    own[order[1:][same]] = enter[order[:-1][same]]
    before[order[1:][same]] = failed[order[:-1][same]]
    return own, before


def _keep(taken: Taken, mask: NDArray[np.bool_]) -> Taken:
    if mask.all():
        return taken
    return Taken(*(getattr(taken, name)[mask] for name in Taken.__dataclass_fields__))
