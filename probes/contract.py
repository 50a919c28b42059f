"""What a probe is: the seam between the kernel and the rest of iotrace.

A probe starts a target, or attaches to some that run already, follows its whole process tree, and hands
batches of rows to a sink until the tree has ended or it is told to stop. It owns the loop: the
ptrace probe must sit in ``wait4``, the eBPF probe drains a ring buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from probes.events import Batch

#: What a probe may be able to see. A header's ``evidence`` lists those of this run.
EVIDENCE = (
    "calls",  # entry, exit, arguments, result
    "sleep",  # sleep_ns, running_ns, sleeps: the switch events themselves
    "accounts",  # asleep_ns and queued_ns from schedstat
    "waker",  # waking_ns, waker
    "ready",  # ready_ns, sk: data ready on sockets
    "entry",  # READY_AT_ENTRY / EMPTY_AT_ENTRY
    "copy",  # copy_ns
    "done",  # done_ns
    "signal",  # SIGNAL rows with their time of generation
    "ring",  # RING rows
    "connection",  # CONNECTION rows
    "tasks",  # TASK_* rows
)

#: Takes a batch, whose memory is its own from then on.
Sink = Callable[[Batch], None]


class ProbeError(Exception):
    """A probe cannot run. The message is one line: the cause, then the next step."""


class TargetError(Exception):
    """The target cannot be started. ``status`` is 126 (cannot run) or 127 (not found)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Command:
    """What to start. ``argv[0]`` is looked up in PATH; standard streams, groups and terminal are inherited.

    ``uid``/``gid``/``groups`` are set in the child before exec when given (sudo's invoking user).
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()


@dataclass(frozen=True)
class Options:
    """How to trace. A probe ignores what does not apply to it, and says so in ``notes``."""

    pin: bool = False  # tracer and target on one CPU
    buffer_bytes: int = 64 << 20  # ring buffer (eBPF), a power of two
    withhold: frozenset[str] = frozenset()  # for tests: of EVIDENCE, or the kernel's "types"
    flush_ns: int = 200_000_000  # a batch reaches the sink at the latest this long after its events


@dataclass
class Outcome:
    """How a run ended."""

    status: int | None = None  # wait status of the first process, as from waitpid; None if unknown
    produced: int = 0  # rows the probe tried to write
    lost: int = 0  # rows it could not
    notes: dict[str, object] = field(default_factory=dict)  # probe-specific facts, JSON-able


class Probe(Protocol):
    """One way of watching. Construction is cheap; ``unusable`` costs no privileges and changes nothing."""

    name: str

    @staticmethod
    def unusable() -> str | None:
        """Return None where the probe can run, else one sentence: why not, and what to do."""

    def start(self, command: Command, options: Options) -> int:
        """Prepare everything, start the target stopped before its first own call, and return its pid.

        Raises :class:`ProbeError` or :class:`TargetError`; neither leaves a process behind.
        """

    def attach(self, pids: Sequence[int], options: Options) -> None:
        """Instead of :meth:`start`: follow processes that run already, their threads and descendants.

        Raises :class:`ProbeError`, and then follows none. They go on unharmed however the recording ends: by
        their own end, by :meth:`stop`, by an exception, by the death of the tracer.
        """

    def processes(self) -> list[int]:
        """Return the processes that are followed now."""

    @property
    def header(self) -> dict[str, object]:
        """Facts known at the start: ``probe``, ``evidence`` (list), ``machine``, calibrations, what is lost.

        ``stop_cost_ns`` (ptrace): the calibrated cost of one call's stops. ``missing``: evidence
        that this kernel lacks, with the reason, name → sentence. After :meth:`attach` of the ptrace probe
        ``found_in_calls`` counts the threads that it met in a call, and ``calls_begun_again``,
        ``calls_shortened`` and ``calls_failed`` (name → how many) tell what became of those calls that do not
        go on by themselves: :mod:`probes.ptrace.interrupted`.
        """

    def run(self, sink: Sink) -> Outcome:
        """Let the target go; feed ``sink`` until the last process of the tree has ended or :meth:`stop`."""

    def stop(self) -> None:
        """Ask :meth:`run` to end soon. Callable from a signal handler and from ``sink``.

        The eBPF probe leaves what still runs untouched; the ptrace probe ends what it has started (its filter
        would make the calls fail) with SIGTERM, after a second with SIGKILL, and says so in ``notes``.
        """

    def kill(self) -> None:
        """SIGKILL every process of the target's tree that still runs; :meth:`run` then ends by itself."""
