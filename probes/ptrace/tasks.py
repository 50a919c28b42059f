"""Threads and processes as the ptrace probe knows them."""

from __future__ import annotations

from enum import IntEnum

from probes.ptrace import accounts, witness
from probes.ptrace.plan import Plan


class Joining(IntEnum):
    """How far a thread that ran before us has come."""

    JOINED = 0  # it has stopped once, and stops at its calls from then on
    SEIZED = 1  # it is ours, and has not stopped yet
    ASKED = 2  # it was told to stop (PTRACE_INTERRUPT)
    PUT_OFF = 3  # it was not told yet: it is in a call that a stop cuts short
    SHORTENED = 4  # it was told all the same


class Process:
    """What the threads of one thread group share."""

    __slots__ = ("kinds", "pidfd", "tgid", "threads")

    def __init__(self, tgid: int, kinds: dict[int, bool]) -> None:
        self.tgid = tgid
        self.threads = 0
        self.pidfd = witness.UNKNOWN
        self.kinds = (
            kinds  # by descriptor: can it be asked for data; shared by processes that share descriptors
        )


class Thread:
    """A traced thread, and the call that it is in.

    ``plan`` is None between calls. The decoded columns and lists are valid while a plan is set.
    """

    __slots__ = (
        "a",
        "accounts",
        "b",
        "before",
        "blob",
        "c",
        "enter_ns",
        "flags",
        "foreign",
        "found",
        "info",
        "joining",
        "kept",
        "making",
        "plan",
        "process",
        "reported",
        "tgid",
        "tid",
        "watch",
    )

    def __init__(self, tid: int, process: Process) -> None:
        self.tid = tid
        self.tgid = process.tgid
        self.process = process
        self.accounts = accounts.UNKNOWN  # descriptor of its schedstat
        self.plan: Plan | None = None
        self.joining = Joining.JOINED
        self.found = 0  # where it was in its program, in a call that goes on after its first stop
        self.making: Plan | None = None  # that call, which will return a descriptor
        self.foreign = False  # the call is of another architecture
        self.info: tuple[int, ...] = ()  # abi.ENTRY_INFO of the call
        self.before = b""  # accounts at the entry
        self.enter_ns = 0
        self.flags = 0
        self.a = self.b = self.c = 0
        self.watch: list[int] | None = None
        self.blob: bytes | None = None
        self.kept: bytes | int | None = None  # what the entry keeps for the exit
        self.reported = False  # a PENDING row of the call was written
