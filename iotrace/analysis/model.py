"""The words of the analysis: what an operation is, its phases, the proof matrix and the verdict.

Large things are columns (:mod:`iotrace.analysis.operation`); objects exist only for what a person looks at.
Sources: Stevens, UNP vol. 1, section 6.2; POSIX.1 "synchronous I/O operation".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.operation import Operations
from iotrace.columns import Events

if TYPE_CHECKING:
    from iotrace.analysis.calls import Calls
    from iotrace.analysis.stalls import Stalls


class Model(IntEnum):
    """Stevens' five models, and the two honest answers beside them."""

    UNKNOWN = 0
    BLOCKING = 1
    NONBLOCKING = 2
    MULTIPLEXING = 3
    SIGNAL_DRIVEN = 4
    ASYNCHRONOUS = 5
    MIXED = 6  # of a verdict only

    @property
    def label(self) -> str:
        """The name used in reports and JSON."""
        return self.name.lower()


class Basis(IntEnum):
    """How well a boundary is known."""

    UNSEEN = 0  # this probe cannot see it
    BOUNDED = 1  # the true time lies in a known interval; the number is its best bound
    MEASURED = 2  # an event happened at this time

    @property
    def label(self) -> str:
        """The name used in reports and JSON."""
        return self.name.lower()


class Act(IntEnum):
    """What an operation does."""

    RECEIVE = 1
    ACCEPT = 2
    RECEIVE_DATAGRAM = 3
    SEND = 4
    RECEIVE_UPSTREAM = 5  # of a server, on a connection that it made itself: a database, a resolver

    @property
    def label(self) -> str:
        """The name used in reports and JSON."""
        return self.name.lower()


class Place(IntEnum):
    """Where a thread is at a moment; the five shares of a phase are sums over places."""

    FREE = 0  # its own code, or asleep for a reason of its own (a timer, a lock, a child)
    POLLING = 1  # in a try that fails: EAGAIN, or a wait with timeout 0 that finds nothing
    QUEUED = 2  # runnable, not on a CPU
    WAIT = 3  # blocked in select, poll, epoll_wait
    TRANSFER = 4  # blocked in the receive or accept
    SIGNAL = 5  # blocked in sigsuspend, sigtimedwait, pause
    RING = 6  # blocked in io_uring_enter
    OTHER = 7  # blocked in another call: a send, a connect, a disk


#: The columns of operations that hold phase 1 by :class:`Place`, in the order of its values.
PLACES = (
    "free_ns",
    "polling_ns",
    "queued_ns",
    "in_wait_ns",
    "in_transfer_ns",
    "in_signal_ns",
    "in_ring_ns",
    "in_other_ns",
)


#: What stands for the name of a peer that has none: a unix socket that was not bound.
NAMELESS = "(unnamed peer)"


@dataclass(frozen=True)
class Descriptor:
    """One life of a descriptor: from the call that made it to its close.

    ``kind`` is one of tcp, udp, unix, unix-dgram, listen, pipe, eventfd, epoll, signalfd, timerfd,
    io_uring, inotify, pidfd, memfd, file, terminal, netlink, socket, unknown. ``name`` is what a person reads
    (``127.0.0.1:8801 ← 127.0.0.1:53312``, ``/etc/hosts``): **not yet escaped**. None means unseen.
    """

    tgid: int
    fd: int
    kind: str
    name: str
    open_ns: int | None
    close_ns: int | None
    nonblocking: bool | None
    asynchronous: bool | None  # O_ASYNC
    watched_by: tuple[str, ...] = ()  # "select", "epoll (fd 5, edge)"
    model: Model = Model.UNKNOWN
    operations: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Phase:
    """One cell of the proof matrix: where the process was during one phase, summed over operations.

    Shares are 0…1 of ``total_ns`` and add up to 1 where ``total_ns`` > 0. ``blocked_in`` is the
    call in which most of the blocked time passed.
    """

    total_ns: int
    blocked: float
    blocked_in: str | None
    polling: float
    queued: float
    free: float
    basis: Basis


@dataclass(frozen=True)
class MatrixRow:
    """One line of the proof matrix: the operations of one act that followed one model."""

    act: Act
    model: Model
    operations: int
    bytes: int
    phase1: Phase
    phase2: Phase
    wake_ns: int  # data ready until the copy began, summed: waking up, and whatever the server did first


@dataclass(frozen=True)
class Verdict:
    """What the operations of one act prove, and how many support and contradict it."""

    model: Model
    multiplexer: str | None  # "select", "poll", "epoll", "io_uring"
    trigger: str | None  # "level", "edge"; with "+oneshot", "+exclusive" where set
    operations: int
    supporting: int
    contradicting: int
    because: str
    shares: Mapping[Model, int] = field(default_factory=dict)


@dataclass(frozen=True)
class CallStatistics:
    """All calls of one name: durations in nanoseconds, ``errors`` by errno name."""

    name: str
    count: int
    errors: Mapping[str, int]
    bytes: int
    total_ns: int
    wait_ns: int  # asleep
    wake_ns: int  # queued
    copy_ns: int  # first copy until the end, where the copy was seen
    p50_ns: int
    p90_ns: int
    p99_ns: int
    max_ns: int


@dataclass(frozen=True)
class Lesson:
    """Something this recording shows, with its evidence in one sentence."""

    name: str
    evidence: str


@dataclass(frozen=True)
class Level:
    """The bytes in one kernel buffer, from ``writer`` to ``reader`` (indices in ``Analysis.descriptors``).

    ``bytes`` (n,) is the level from each of ``time_ns`` (n,), sorted, until the next; it is 0 before the
    first. Exact while no call on the buffer is in progress, else bounded by that call's bytes.
    """

    writer: int
    reader: int
    time_ns: NDArray[np.int64]
    bytes: NDArray[np.int64]

    @property
    def most(self) -> int:
        """The highest level."""
        return int(self.bytes.max(initial=0))


@dataclass(frozen=True)
class Analysis:
    """Everything worked out of one recording. ``events`` are the rows that it stands on.

    ``operations`` are sorted by ``begin_ns``. ``lives`` maps each event
    row to an index in ``descriptors`` (-1: the row has no descriptor), (rows,) int32; ``roots`` each of
    those to the one whose open file it shares (dup, fork), (descriptors,), ``kinds`` says what each is.
    ``call_columns`` are all calls one by one, ``calls`` how long they took by name.
    """

    events: Events
    call_columns: Calls
    operations: Operations
    lives: NDArray[np.int32]
    descriptors: Sequence[Descriptor]
    matrix: Sequence[MatrixRow]
    verdicts: Mapping[Act, Verdict]
    process_model: str
    calls: Sequence[CallStatistics]
    lessons: Sequence[Lesson]
    begin_ns: int
    end_ns: int
    threads: Sequence[tuple[int, int, str]]  # (tgid, tid, name)
    lost: int
    gaps: Sequence[tuple[int, int, int]]  # (first_ns, last_ns, rows lost)
    memory: Mapping[str, int] = field(default_factory=dict)  # as sampled by the tracer; empty: not sampled
    foreign: int = 0  # calls of another architecture: seen, not decoded
    roots: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    kinds: Sequence[str] = ()
    order: str = ""  # in which order were clients answered, and why; "" where there is nothing to say
    stalls: Stalls | None = None
    levels: Sequence[Level] = ()  # of the buffers that were full for a sender; none where rows were lost
