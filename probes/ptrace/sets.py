"""Decode the sets of descriptors that a process waits for, into the lists of :class:`probes.events.Batch`.

select and pselect6 overwrite their sets, so what was asked is read at the entry and what came back at
the exit; poll keeps the two apart in its array. At most 256 entries are kept, those that are ready first.
Sources: select(2), poll(2), epoll_wait(2), epoll_ctl(2).
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from probes.events import Flag
from probes.ptrace.abi import INFO_ARGUMENT
from probes.ptrace.memory import LIMIT, read, read_exactly
from probes.table import Call, Decode

if TYPE_CHECKING:
    from probes.ptrace.plan import Enter, Exit
    from probes.ptrace.tasks import Thread

ENTRIES_KEPT = 256

_POLLIN, _POLLPRI, _POLLOUT = 1, 2, 4
#: The bit of poll(2) that each of select's three sets stands for.
_SELECT_BITS = (_POLLIN, _POLLOUT, _POLLPRI)
_POLL = struct.Struct("<iHH")
#: struct epoll_event is packed on x86-64 only (linux/eventpoll.h).
_EPOLL = struct.Struct("<IQ" if platform.machine() == "x86_64" else "<I4xQ")
_FIRST, _SECOND, _FOURTH = INFO_ARGUMENT, INFO_ARGUMENT + 1, INFO_ARGUMENT + 3


def pending(thread: Thread) -> tuple[list[int] | None, int]:
    """Return what an unfinished call waits for, and flags: for PENDING rows, at any time of the call."""
    plan = thread.plan
    if plan is None or thread.foreign:
        return None, 0
    if plan.name in ("poll", "ppoll"):
        return _poll_entries(thread, thread.info, False)
    if plan.name in ("select", "pselect6"):
        return _select_entries(thread.kept, None)
    return thread.watch, 0


def _select_asked(call: Call) -> Enter:
    def enter(thread: Thread, info: tuple[int, ...]) -> None:
        thread.kept = _read_select(thread, info)

    return enter


def _select_done(call: Call) -> Exit:
    def leave(thread: Thread, info: tuple[int, ...], ret: int) -> None:
        done = _read_select(thread, info) if ret > 0 else None
        thread.watch, flags = _select_entries(thread.kept, done)
        if ret > 0 and done is None:
            flags |= Flag.WATCH_UNSEEN
        thread.flags |= flags

    return leave


def _read_select(thread: Thread, info: tuple[int, ...]) -> bytes | None:
    """Return the three bit maps one after the other, each of the same length; absent ones are zero."""
    count = min(max(info[_FIRST] & 0xFFFFFFFF, 0), LIMIT)
    size = (count + 63) // 64 * 8
    maps = b""
    for address in info[_SECOND : _SECOND + 3]:
        data = read(thread.tid, address, size) if address else bytes(size)
        if size and not data:
            return None
        # The kernel looks at no more descriptors than the process can have, nor need the maps be longer.
        maps += data.ljust(size, b"\0")
    return maps


def _select_entries(asked: bytes | int | None, done: bytes | None) -> tuple[list[int] | None, int]:
    if not isinstance(asked, bytes):
        return None, int(Flag.WATCH_UNSEEN)
    events = _by_descriptor(asked)
    ready = _by_descriptor(done) if done else {}
    order = sorted(events, key=lambda fd: (fd not in ready, fd))
    entries = [fd | events[fd] << 32 | ready.get(fd, 0) << 48 for fd in order[:ENTRIES_KEPT]]
    return entries, int(Flag.WATCH_CUT) if len(order) > ENTRIES_KEPT else 0


def _by_descriptor(maps: bytes) -> dict[int, int]:
    size = len(maps) // 3
    found: dict[int, int] = {}
    for place, bit in enumerate(_SELECT_BITS):
        rest = int.from_bytes(maps[place * size : (place + 1) * size], "little")
        while rest:
            lowest = rest & -rest
            fd = lowest.bit_length() - 1
            found[fd] = found.get(fd, 0) | bit
            rest ^= lowest
    return found


def _poll_done(call: Call) -> Exit:
    def leave(thread: Thread, info: tuple[int, ...], ret: int) -> None:
        thread.watch, flags = _poll_entries(thread, info, ret > 0)
        thread.flags |= flags

    return leave


def _poll_entries(thread: Thread, info: tuple[int, ...], answered: bool) -> tuple[list[int] | None, int]:
    """Return the entries; ``answered`` tells that the kernel has filled in what came back."""
    count = info[_SECOND] & 0xFFFFFFFF
    if not count:
        return None, 0
    size = min(count * _POLL.size, LIMIT)
    data = read_exactly(thread.tid, info[_FIRST], size)
    if data is None:
        return None, int(Flag.WATCH_UNSEEN)
    ready, others = [], []
    for fd, events, revents in _POLL.iter_unpack(data):
        if fd < 0:  # an entry that poll is told to ignore
            continue
        if answered and revents:
            ready.append(fd | events << 32 | revents << 48)
        else:
            others.append(fd | events << 32)
    entries = ready + others
    cut = len(entries) > ENTRIES_KEPT or count * _POLL.size > LIMIT
    return entries[:ENTRIES_KEPT], int(Flag.WATCH_CUT) if cut else 0


def _epoll_done(call: Call) -> Exit:
    def leave(thread: Thread, info: tuple[int, ...], ret: int) -> None:
        if ret <= 0:
            return
        kept = min(ret, ENTRIES_KEPT)
        data = read_exactly(thread.tid, info[_SECOND], kept * _EPOLL.size)
        if data is None:
            thread.flags |= Flag.WATCH_UNSEEN
            return
        thread.watch = [value for events, target in _EPOLL.iter_unpack(data) for value in (target, events)]
        if ret > kept:
            thread.flags |= Flag.WATCH_CUT

    return leave


def _epoll_ctl(call: Call) -> Enter:
    def enter(thread: Thread, info: tuple[int, ...]) -> None:
        if not info[_FOURTH]:  # EPOLL_CTL_DEL needs no event
            return
        data = read_exactly(thread.tid, info[_FOURTH], _EPOLL.size)
        if data is None:
            thread.flags |= Flag.WATCH_UNSEEN
            return
        events, target = _EPOLL.unpack(data)
        thread.watch = [target, events]

    return enter


ENTRIES: dict[Decode, Callable[[Call], Enter]] = {
    Decode.SELECT: _select_asked,
    Decode.EPOLL_CTL: _epoll_ctl,
}
EXITS: dict[Decode, Callable[[Call], Exit]] = {
    Decode.SELECT: _select_done,
    Decode.POLL: _poll_done,
    Decode.EPOLL: _epoll_done,
}
