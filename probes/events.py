"""The row that every probe writes, and what its columns mean.

One row is one **finished system call** with everything the kernel said while it ran (when the
task left the CPU, when data became ready, when it was woken, when the copy began), or one fact
that belongs to no call (a new task, a signal, a finished io_uring request, a gap).
A row per call rather than per tracepoint costs the target one ring-buffer record instead of
six, and the analysis needs no pairing.

All ``*_ns`` columns are nanoseconds on CLOCK_MONOTONIC; **0 means unseen**, never "at once".
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Kind(IntEnum):
    """What a row is about."""

    CALL = 1  # a finished call of the table
    PENDING = 2  # a call of the table that has not returned: exit_ns is 0, enter_ns tells it apart
    TASK_NEW = 3  # tid/tgid: the new task; a: tid of its parent; b: clone flags; waker: tgid of its parent
    TASK_EXEC = 4  # blob: the path; a: the former tid where a thread other than the leader called exec
    TASK_EXIT = 5  # ret: wait status (as in waitpid) where known, else -1; a: 1 when the process ended too
    SIGNAL = 6  # enter_ns generated, exit_ns delivered (0: unseen); a: signal; b: si_code; waker: sender
    RING = 7  # a finished io_uring request: enter_ns submitted, exit_ns completed; a: opcode; b: user_data;
    #           c: address of its context; ret: result; fd where known; tid: the submitter;
    #           waker: the task that copied. ready/copy/done_ns as for a call.
    COPY = 8  # a socket receive inside no receiving call of its own: fields as for a call
    READY = 9  # data or a connection arrived: enter_ns, sk (listening sockets only)
    CONNECTION = 10  # sk changed state: a: new TCP state (1 established, 10 listening); blob: addresses,
    #                  see ADDRESSES below
    GAP = 11  # rows lost: enter_ns first, exit_ns last; a: how many; cpu: on which CPU
    DESCRIPTOR = 12  # tgid's fd as /proc shows it at enter_ns: blob: the link's text; a: its open flags
    NOTE = 13  # blob: a JSON object about the run as a whole


class Flag(IntFlag):
    """Facts about one row that have no column of their own."""

    READY_AT_ENTRY = 1  # the probe looked at entry: data (or a connection) were there
    EMPTY_AT_ENTRY = 2  # the probe looked at entry: nothing was there
    WATCH_CUT = 4  # the set was longer than what is stored in watch
    WATCH_UNSEEN = 8  # the set could not be read, or its record was lost
    BY_WORKER = 16  # the copy was made by a kernel worker thread (iou-wrk, iou-sqp), not by the process
    DISK = 32  # at least one of the sleeps was uninterruptible (state D)
    ACCOUNTED = 64  # asleep_ns and queued_ns come from the scheduler's accounts (schedstat), not from events
    FOREIGN = 128  # a call of another architecture (32-bit): its number is not in the table
    BLOB_CUT = 256  # blob was longer than what is stored
    READY_BY_WAKER = 512  # ready_ns is the last data-ready before the waking, not the socket's own
    SLEEP_BOUNDED = 1024  # a switch or waking was not seen: asleep_ns and queued_ns are bounds


#: One row. ``fd``, ``a``, ``b`` and ``c`` as in :mod:`probes.table`. Packed as the C struct of
#: ``probes/bpf/event.h``.
EVENT = np.dtype(
    [
        ("enter_ns", "<u8"),  # the call began
        ("exit_ns", "<u8"),  # the call returned
        ("ret", "<i8"),  # its result; -errno as the kernel returns it, also -512 and its kin
        ("sleep_ns", "<u8"),  # it left the CPU to sleep for the first time
        ("ready_ns", "<u8"),  # data became ready on its socket: the first since the socket's last receive;
        #                       for a wait for readiness, that which woke it
        ("waking_ns", "<u8"),  # it was woken, for the last time
        ("running_ns", "<u8"),  # it was back on a CPU after that
        ("copy_ns", "<u8"),  # the first copy kernel to user began
        ("done_ns", "<u8"),  # the socket layer finished the receive
        ("asleep_ns", "<u8"),  # total: from leaving the CPU asleep to being woken
        ("queued_ns", "<u8"),  # total: runnable but not on a CPU (woken, or preempted)
        ("sk", "<u8"),  # the kernel's address of the socket; 0 unseen
        ("a", "<i8"),
        ("b", "<i8"),
        ("c", "<i8"),
        ("fd", "<i4"),  # -1: the call has none
        ("tid", "<u4"),
        ("tgid", "<u4"),
        ("waker", "<u4"),  # tid of the task that woke it last
        ("copied", "<u4"),  # bytes announced by the copy events
        ("code", "<u2"),  # index in probes.table.CALLS
        ("flags", "<u2"),
        ("sleeps", "<u2"),  # how often it went to sleep (saturates)
        ("copies", "<u2"),  # how many copy events (saturates)
        ("cpu", "<u2"),  # where the row was written
        ("kind", "u1"),
        ("parts", "u1"),  # how many AUX records belong to it (eBPF transport only; 0 in recordings)
    ]
)

#: ``CONNECTION.blob``: u16 family, u16 local port, u16 remote port (host order), u16 old state,
#: 16 bytes local address, 16 bytes remote address (IPv4 in the first four, the rest zero).
ADDRESSES = np.dtype(
    [
        ("family", "<u2"),
        ("local_port", "<u2"),
        ("remote_port", "<u2"),
        ("old_state", "<u2"),
        ("local", "u1", 16),
        ("remote", "u1", 16),
    ]
)


class Batch(NamedTuple):
    """Rows as they leave a probe, in Arrow's layout for lists.

    ``rows``          (n,) :data:`EVENT`
    ``watch_offsets`` (n+1,) int32 into ``watch``
    ``watch``         (m,) uint64. SELECT and POLL: one value an entry, ``fd | events << 32 | revents << 48``
                      with the bits of poll(2) (readable POLLIN 1, writable POLLOUT 4, exceptional POLLPRI 2);
                      entries that are not ready may follow, as far as they fit.
                      EPOLL and EPOLL_CTL: two values an event, ``data`` and ``events``.
                      RIGHTS: the descriptors that a message passes, in the numbers of who calls.
    ``blob_offsets``  (n+1,) int32 into ``blob``
    ``blob``          (k,) uint8: a sockaddr, a path, or what :class:`Kind` says;
                      of ``listen``, where the probe can ask for it, the socket's own sockaddr
    """

    rows: NDArray[np.void]
    watch_offsets: NDArray[np.int32]
    watch: NDArray[np.uint64]
    blob_offsets: NDArray[np.int32]
    blob: NDArray[np.uint8]


def batch(
    rows: NDArray[np.void],
    watch: dict[int, list[int]] | None = None,
    blob: dict[int, bytes] | None = None,
) -> Batch:
    """Build a :class:`Batch` from rows and the few of them (by index) that have sets or bytes."""
    return Batch(rows, *_lists(len(rows), watch or {}), *_bytes(len(rows), blob or {}))


def _lists(n: int, lists: dict[int, list[int]]) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
    lengths = np.zeros(n + 1, np.int32)
    for index, values in lists.items():
        lengths[index + 1] = len(values)
    flat = [value for index in sorted(lists) for value in lists[index]]
    return np.cumsum(lengths, dtype=np.int32), np.array(flat, np.uint64)


def _bytes(n: int, blobs: dict[int, bytes]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    lengths = np.zeros(n + 1, np.int32)
    for index, value in blobs.items():
        lengths[index + 1] = len(value)
    flat = b"".join(blobs[index] for index in sorted(blobs))
    return np.cumsum(lengths, dtype=np.int32), np.frombuffer(flat, np.uint8)
