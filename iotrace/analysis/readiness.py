"""Who announced that a descriptor was ready: select, poll, epoll_wait and io_uring, entry by entry.

select and poll name the descriptor. epoll_wait returns only the 64 bits that epoll_ctl was given
(a number in Python, a pointer in nginx), so each event is joined to the last epoll_ctl ADD or MOD with
the same epoll descriptor and the same bits. A request of io_uring can be a poll (IORING_OP_POLL_ADD): its
completion tells the descriptor's readiness, and the thread learns of it in io_uring_enter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import Calls, code
from iotrace.analysis.epoll_copies import Copies
from iotrace.analysis.found import Members, sets, with_rings
from iotrace.columns import Events
from probes.events import Kind
from probes.table import CALLS, Decode

#: poll(2), epoll_ctl(2)
READABLE = 0x1 | 0x2 | 0x8 | 0x10 | 0x40 | 0x80 | 0x2000
WRITABLE = 0x4 | 0x100 | 0x8 | 0x10
EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE = 1 << 31, 1 << 30, 1 << 28
CTL_ADD, CTL_DEL, CTL_MOD = 1, 2, 3
_POLL_ADD = 6  # enum io_uring_op, include/uapi/linux/io_uring.h
#: Of a mode: what was asked for is not known (no kernel uses this bit).
MODE_UNSEEN = 1 << 33
#: Of a mode: the thread waited for the epoll set, in another wait, and only looked what was in it.
MODE_INSIDE = 1 << 34

_DECODE = np.array([call.decode for call in CALLS], np.uint8)


@dataclass(frozen=True)
class Readiness:
    """Entries of sets, one a row; all arrays (m,).

    ``call`` the calls index of the wait, of io_uring of the last io_uring_enter that began before the poll
    completed; ``tgid``/``fd`` whose descriptor; ``events`` what was asked for, ``revents`` what was found
    (0: watched only); ``mode`` the EPOLLET/ONESHOT/EXCLUSIVE bits; ``epoll`` the epoll descriptor, else -1.
    """

    call: Ints
    tgid: Ints
    fd: Ints
    events: Ints
    revents: Ints
    mode: Ints
    epoll: Ints


@dataclass(frozen=True)
class Registrations:
    """epoll_ctl calls that succeeded; arrays (k,) aligned with ``call`` (calls indices).

    ``epoll`` is the descriptor that the call's own was copied from, where it was.
    """

    call: Ints
    epoll: Ints
    op: Ints
    fd: Ints
    data: NDArray[np.uint64]
    events: Ints


def read_sets(events: Events, calls: Calls) -> tuple[Readiness, Registrations]:
    """Decode every stored set of the recording into entries."""
    decode = _DECODE[calls.code]
    copies = Copies(events, calls)
    ctl = registrations(events, calls, copies)
    parts = [
        _direct(events, calls, decode),
        _through_epoll(events, calls, decode, ctl, copies),
        _through_ring(events, calls),
    ]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Readiness(*columns), ctl


def registrations(events: Events, calls: Calls, copies: Copies) -> Registrations:
    """Collect the epoll_ctl calls of a recording."""
    call = np.flatnonzero((calls.code == code("epoll_ctl")) & (calls.ret == 0))
    row = calls.row[call]
    length = np.diff(events.watch_offsets)[row]
    first = np.where(length >= 2, events.watch_offsets[:-1][row], 0)
    has = length >= 2
    values = events.watch if len(events.watch) >= 2 else np.zeros(2, np.uint64)
    return Registrations(
        call,
        copies.original(calls.tgid[call], calls.fd[call].astype(np.int64), calls.enter_ns[call]),
        events["a"][row],
        events["b"][row],
        np.where(has, values[first], np.uint64(0)),
        np.where(has, values[first + 1].astype(np.int64), 0),
    )


def _direct(events: Events, calls: Calls, decode: NDArray[np.uint8]) -> tuple[Ints, ...]:
    """Entries of select and poll: the descriptor is in the value."""
    chosen = np.flatnonzero((decode == Decode.SELECT) | (decode == Decode.POLL))
    owner, index = _values(events, calls.row, chosen)
    value = events.watch[index]
    fd = (value & np.uint64(0xFFFFFFFF)).astype(np.uint32).astype(np.int32).astype(np.int64)
    asked = ((value >> np.uint64(32)) & np.uint64(0xFFFF)).astype(np.int64)
    found = (value >> np.uint64(48)).astype(np.int64)
    found[calls.ret[owner] <= 0] = 0
    none = np.zeros(len(owner), np.int64)
    real = fd >= 0  # poll ignores negative descriptors
    columns = (owner, calls.tgid[owner], fd, asked, found, none, none - 1)
    return tuple(column[real] for column in columns)


def _through_ring(events: Events, calls: Calls) -> tuple[Ints, ...]:
    """Entries of io_uring: polls that completed, in an io_uring_enter of their thread or after it.

    Task work completes requests on the way back from any call: the program finds them without a wait.
    """
    rows = np.flatnonzero((events["kind"] == Kind.RING) & (events["a"] == _POLL_ADD) & (events["fd"] >= 0))
    rows = rows[events["ret"][rows] > 0]
    enters = np.flatnonzero((calls.code == code("io_uring_enter")) & ~calls.pending)
    begun = Axis(calls.tid[enters], calls.enter_ns[enters])
    wait = take(enters, begun.last(events["tid"][rows], events["exit_ns"][rows]), -1)
    rows, wait = rows[wait >= 0], wait[wait >= 0]
    found = events["ret"][rows] & 0xFFFF
    none = np.zeros(len(rows), np.int64)
    fd, tgid = events["fd"][rows].astype(np.int64), events["tgid"][rows].astype(np.int64)
    return (wait, tgid, fd, found, found, none, none - 1)


def _through_epoll(
    events: Events, calls: Calls, decode: NDArray[np.uint8], ctl: Registrations, copies: Copies
) -> tuple[Ints, ...]:
    """Entries of epoll_wait: joined to the registration that carried the same bits."""
    chosen = np.flatnonzero((decode == Decode.EPOLL) & (calls.ret > 0))
    owner, index = _values(events, calls.row, chosen, 2)
    owner, data = owner[::2], events.watch[index[::2]]
    found = events.watch[index[1::2]].astype(np.int64)
    add = np.flatnonzero(ctl.op != CTL_DEL)
    registered = Axis(
        _mark(calls.tgid[ctl.call[add]], ctl.epoll[add], ctl.data[add]), calls.exit_ns[ctl.call[add]]
    )
    epoll = calls.fd[owner].astype(np.int64)
    waited = copies.original(calls.tgid[owner], epoll, calls.enter_ns[owner])
    at = registered.last(_mark(calls.tgid[owner], waited, data), calls.exit_ns[owner])
    at = _by_unseen_copy(calls, ctl, add, owner, waited, data, at)
    missing = np.flatnonzero(at < 0)
    if len(missing):  # a child that inherited the epoll descriptor: the parent registered
        anyone = Axis(_mark(0 * ctl.epoll[add], ctl.epoll[add], ctl.data[add]), calls.exit_ns[ctl.call[add]])
        key = _mark(0 * epoll[missing], waited[missing], data[missing])
        at[missing] = anyone.last(key, calls.exit_ns[owner[missing]])
    at = take(add, at, -1)
    there = sets(events)
    number, told = _found_there(there, calls, owner, data, at)
    unseen = (number < 0) & (at < 0)
    number = np.where(unseen, _by_number(events, there, calls, owner, data, unseen), number)
    known = (at >= 0) | (number >= 0)
    at, owner, number, told, unseen = at[known], owner[known], number[known], told[known], unseen[known]
    asked = np.where(at >= 0, take(ctl.events, at, 0), told)
    mode = np.where(unseen, MODE_UNSEEN, asked & (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE))
    fd = np.where(at >= 0, take(ctl.fd, at, -1), number)
    return (owner, calls.tgid[owner], fd, asked & 0xFFFF, found[known] & 0xFFFF, mode, epoll[known])


def _by_unseen_copy(
    calls: Calls,
    ctl: Registrations,
    add: Ints,
    owner: Ints,
    waited: Ints,
    data: NDArray[np.uint64],
    at: Ints,
) -> Ints:
    """Find what was registered through a copy that was made before the tracer came.

    Its process registers through a descriptor on which it never waits, with the very bits of the event.
    """
    missing = np.flatnonzero(at < 0)
    used = np.unique(calls.tgid[owner] << 32 | waited)
    by = calls.tgid[ctl.call[add]] << 32 | ctl.epoll[add]
    silent = np.flatnonzero(~np.isin(by, used)) if len(missing) else missing
    if not len(silent):
        return at
    call = ctl.call[add[silent]]
    there = Axis(_mark(calls.tgid[call], 0 * call, ctl.data[add[silent]]), calls.exit_ns[call])
    asking = _mark(calls.tgid[owner[missing]], 0 * missing, data[missing])
    at = at.copy()
    at[missing] = take(silent, there.last(asking, calls.exit_ns[owner[missing]]), -1)
    return at


def _found_there(
    there: Members, calls: Calls, owner: Ints, data: NDArray[np.uint64], at: Ints
) -> tuple[Ints, Ints]:
    """Return the descriptors of events, and what was asked for, by the sets that were found (-1: none)."""
    fd, asked = np.full(len(at), -1, np.int64), np.zeros(len(at), np.int64)
    missing = np.flatnonzero(at < 0)
    if not len(there.fd) or not len(missing):
        return fd, asked
    axis = Axis(_mark(there.tgid, there.epoll, there.data), there.time_ns)
    asking = _mark(calls.tgid[owner[missing]], calls.fd[owner[missing]].astype(np.int64), data[missing])
    found = axis.last(asking, calls.exit_ns[owner[missing]])
    fd[missing] = take(there.fd, found, -1)
    asked[missing] = take(there.events, found, 0)
    return fd, asked


def _by_number(
    events: Events,
    there: Members,
    calls: Calls,
    owner: Ints,
    data: NDArray[np.uint64],
    unseen: NDArray[np.bool_],
) -> Ints:
    """Return the descriptors of events that no epoll_ctl in sight announces; -1 where they tell none.

    An epoll_ctl can go through io_uring (IORING_OP_EPOLL_CTL, as libuv does it), and no probe sees its
    arguments. Where a process has a ring, an event whose bits are the number of a descriptor that this
    process uses is taken to be of that descriptor; not so where the set was found to hold other bits.
    """
    found = np.full(len(unseen), -1, np.int64)
    missing = np.flatnonzero(unseen & (data < np.uint64(1 << 24)))
    if len(missing):
        missing = missing[np.isin(calls.tgid[owner[missing]], with_rings(events, calls))]
    if not len(missing):
        return found
    numbered = there.data == there.fd.astype(np.uint64)
    otherwise = np.unique(there.tgid[~numbered] << 32 | there.epoll[~numbered])
    waited = calls.tgid[owner[missing]] << 32 | calls.fd[owner[missing]].astype(np.int64)
    missing = missing[~np.isin(waited, otherwise)]
    numbers = data[missing].astype(np.int64)
    used = np.unique(calls.tgid << 24 | np.maximum(calls.fd, 0))
    real = np.isin(calls.tgid[owner[missing]] << 24 | numbers, used)
    found[missing[real]] = numbers[real]
    return found


def _mark(tgid: Ints, epoll: Ints, data: NDArray[np.uint64]) -> Ints:
    """Mix (process, epoll descriptor, data) into one key: distinct inputs differ but for a 2**-64 chance."""
    mixed = data * np.uint64(0x9E3779B97F4A7C15) + (
        (tgid.astype(np.uint64) << np.uint64(32)) ^ epoll.astype(np.uint64)
    ) * np.uint64(0xD6E8FEB86659FD93)
    folded: Ints = (mixed ^ (mixed >> np.uint64(29))).view(np.int64)
    return folded


def _values(events: Events, rows: Ints, chosen: Ints, size: int = 1) -> tuple[Ints, Ints]:
    """Return, for the chosen calls, (calls index, index into ``watch``) of each value of whole entries."""
    row = rows[chosen]
    first = events.watch_offsets[row]
    length = (events.watch_offsets[row + 1] - first) // size * size
    owner = np.repeat(chosen, length)
    start = np.repeat(first - (np.cumsum(length) - length), length)
    return owner, start + np.arange(len(owner), dtype=np.int64)
