"""What a lane is: the life of one thread or descriptor, with what happened on it in sorted columns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class What(IntEnum):
    """What a moment on a lane is. Of a thread, of a descriptor, and of both."""

    ABSENT = 0  # the thread or descriptor does not exist
    # A thread:
    OWN = 1  # its own code: between calls
    NAP = 2  # asleep for a reason of its own: a timer, a lock, a child
    BLOCKED_WAIT = 3  # asleep in select, poll, epoll_wait, or waiting for a signal or a completion
    BLOCKED_TRANSFER = 4  # asleep in the receive or accept itself
    BLOCKED_OTHER = 5  # asleep in a send, a connect, a disk
    POLLING = 6  # in a try that fails
    WAKING = 7  # runnable, not on a CPU
    CALL = 8  # on a CPU, in a call
    COPY = 9  # the kernel copies to the process
    # A descriptor:
    OPEN = 10  # nobody waits for it
    WAITING = 11  # an operation has begun, there are no data: phase 1
    UNREAD = 12  # data are ready and lie in the kernel
    ACCEPTED = 13  # a moment: a connection was handed over
    ROOM = 14  # a send waits for room in the buffer
    # Both:
    LOST = 15  # rows were lost: nobody knows


#: Where a thread is asleep on behalf of its I/O.
BLOCKED = (What.BLOCKED_WAIT, What.BLOCKED_TRANSFER, What.BLOCKED_OTHER)


@dataclass(frozen=True)
class Track:
    """All segments of one kind on a lane: (n,) arrays, sorted, not overlapping, none of negative length.

    ``bounded``: the segment's place in time is a bound, not a measurement. ``code`` is the call
    (:data:`probes.table.CALLS`; -1 for none), ``value`` the bytes moved, or the moments' count.
    """

    what: What
    begin_ns: Ints
    end_ns: Ints
    bounded: NDArray[np.bool_]
    code: NDArray[np.int16]
    value: Ints

    def __len__(self) -> int:
        return len(self.begin_ns)


@dataclass(frozen=True)
class Lane:
    """One line of the timeline. ``base`` is what it shows where no track has a segment.

    ``kind`` is "thread", "worker" (a kernel thread that copies for the target) or "descriptor";
    ``tid`` or ``life`` (index in ``Analysis.descriptors``) says which. ``tracks`` never overlap
    each other; ``marks`` are moments that are drawn above them.
    """

    kind: str
    tgid: int
    tid: int
    life: int
    base: What
    begin_ns: int
    end_ns: int
    tracks: tuple[Track, ...]
    marks: tuple[Track, ...] = ()
    weight: int = 0  # how much happens on it: what to show first


def track(
    what: What,
    begin_ns: Ints,
    end_ns: Ints,
    chosen: NDArray[np.bool_],
    bounded: NDArray[np.bool_] | bool = False,
    code: NDArray[np.uint16] | None = None,
    value: Ints | None = None,
) -> Track | None:
    """Make a track of the chosen segments that have a length; None where there are none.

    Where some overlap (two threads that receive from one descriptor), the later begins when the former ends.
    """
    index = np.flatnonzero(chosen & (end_ns > begin_ns))
    if not len(index):
        return None
    if len(index) > 1 and (begin_ns[index[1:]] < end_ns[index[:-1]]).any():
        index = index[np.argsort(begin_ns[index], kind="stable")]
        until = np.maximum.accumulate(end_ns[index])
        begin_ns = begin_ns.copy()
        begin_ns[index[1:]] = np.maximum(begin_ns[index[1:]], until[:-1])
        index = index[end_ns[index] > begin_ns[index]]
    whole = len(index) == len(chosen) and bool((np.diff(index) > 0).all())

    def pick(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return values if whole else values[index]

    n = len(index)
    return Track(
        what,
        pick(begin_ns),  # type: ignore[arg-type]
        pick(end_ns),  # type: ignore[arg-type]
        np.broadcast_to(np.bool_(bounded), n) if isinstance(bounded, bool) else pick(bounded),  # type: ignore[arg-type]
        np.broadcast_to(np.int16(-1), n) if code is None else pick(code).astype(np.int16),
        np.broadcast_to(np.int64(0), n) if value is None else pick(value),  # type: ignore[arg-type]
    )
