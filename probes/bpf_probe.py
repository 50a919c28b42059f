"""The eBPF probe: every I/O call of a process tree, from the kernel's own tracepoints."""

from __future__ import annotations

import os
import platform
import select
import signal
import time
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from probes.batches import joined
from probes.contract import Command, Options, Outcome, ProbeError, Sink
from probes.ebpf import library, running, tracefs
from probes.ebpf.loaded import finish_closing
from probes.ebpf.privileges import in_initial_pid_namespace, missing_privileges, refusal
from probes.ebpf.session import Session
from probes.ebpf.target import Target
from probes.events import Batch

_BUSY_S, _IDLE_S = 0.030, 0.050  # pauses between two looks at the ring buffer
_PENDING_NS = 500_000_000  # a call under way for longer than this is written once as PENDING
_PATIENCE_NS = 200_000_000  # for rows being written when the run ends
_EXITING_NS = 2_000_000_000  # for the first process, of which no task is left, to become a zombie
_BIG = 1 << 17  # rows after which a batch goes out before its time


class BpfProbe:
    """Watch with eBPF programs on tracepoints; see :class:`probes.contract.Probe`."""

    name = "bpf"

    def __init__(self) -> None:
        self._session: Session | None = None
        self._target: Target | None = None
        self._options = Options()
        self._stop = False
        self._notes: dict[str, object] = {}

    @staticmethod
    def unusable() -> str | None:
        """Return None where this probe can run, else one sentence: why not, and what to do."""
        if platform.machine() not in ("x86_64", "aarch64"):
            return f"the eBPF probe does not know {platform.machine()}: use the ptrace probe"
        if library.location() is None:
            return library.MISSING
        lacking = missing_privileges()
        if lacking:
            return f"the eBPF probe needs {lacking}: run it as root, or with CAP_BPF and CAP_PERFMON"
        if not in_initial_pid_namespace():
            return "in this container process numbers are not the kernel's: run iotrace on the host"
        if tracefs.events() is None and not tracefs.mountable():
            return tracefs.unreadable()
        return refusal()

    def start(self, command: Command, options: Options) -> int:
        """Attach, start the target stopped before its first own call; see the contract."""
        reason = self.unusable()
        if reason:
            raise ProbeError(reason)
        self._options = options
        finish_closing()
        target = Target(command)
        try:
            session = Session(options, self._notes)
        except BaseException:
            target.abandon()
            raise
        try:
            session.follow(target.pid)
            target.execute()
        except BaseException:
            session.close()
            target.abandon()
            raise
        self._session, self._target = session, target
        return target.pid

    def attach(self, pids: Sequence[int], options: Options) -> None:
        """Follow processes that run already, all their threads and descendants, and touch none of them.

        Raises :class:`ProbeError`. :meth:`run` then ends with the last of them, or by :meth:`stop`.
        """
        reason = self.unusable()
        if reason:
            raise ProbeError(reason)
        self._options = options
        finish_closing()
        session = Session(options, self._notes)
        try:
            refused = running.join(session, pids)
        except BaseException:
            session.close()
            raise
        if refused:
            self._notes["tasks_refused"] = refused
        self._session = session

    def processes(self) -> list[int]:
        """Return the processes that are followed now."""
        return self._running().processes()

    @property
    def header(self) -> dict[str, object]:
        """Facts known at the start; see the contract."""
        session = self._running()
        return {
            "probe": self.name,
            "machine": platform.machine(),
            "evidence": session.evidence,
            "missing": session.missing,
            "lost_means": "rows for which the ring buffer had no room; each gap is a GAP row with its times",
            "buffer_bytes": session.buffer_bytes,
        }

    def run(self, sink: Sink) -> Outcome:
        """Let the target go; feed ``sink`` until its tree has ended or :meth:`stop`."""
        session, target = self._running(), self._target
        outcome = Outcome(notes=self._notes)
        if self._options.pin:
            self._notes["pin"] = "the eBPF probe has no need of --pin, and did not pin"
        waiter = _Waiter(target.pid if target is not None else None)
        if target is not None:
            target.resume()
        try:
            self._follow(session, waiter, sink)
            self._finish(session, sink, outcome)
        finally:
            waiter.close()
            session.close()
        outcome.status = waiter.status
        return outcome

    def can_read(self) -> bool:
        """Return whether the maps can be read with the capabilities that are in effect."""
        return self._running().can_read()

    def stop(self) -> None:
        """Ask :meth:`run` to end soon; what still runs is left untouched."""
        self._stop = True

    def kill(self) -> None:
        """SIGKILL every process of the tree that still runs."""
        session = self._session
        if session is None:
            return
        for tgid in session.processes():
            with suppress(ProcessLookupError):
                os.kill(tgid, signal.SIGKILL)

    def _running(self) -> Session:
        if self._session is None:
            raise ProbeError("the probe was not started: call start() first")
        return self._session

    def _follow(self, session: Session, waiter: _Waiter, sink: Sink) -> None:
        """Drain until the tree has ended, or :meth:`stop`."""
        rows = _Rows(sink)
        flush_at = pending_at = time.monotonic_ns()
        pause = _BUSY_S
        alive_at = time.monotonic_ns()
        while True:
            ended = session.tasks() == 0
            taken = rows.take(session)
            now = time.monotonic_ns()
            if not ended:
                alive_at = now
            if now - pending_at > _PENDING_NS // 2:
                rows.add(session.pending(now - _PENDING_NS))
                pending_at = now
            if rows.count and (now - flush_at >= self._options.flush_ns or rows.count >= _BIG):
                rows.flush()
                flush_at = now
            if not rows.count:
                flush_at = now
            waiter.poll()
            # The kernel says that a task exits before it closes its files (kernel/exit.c, do_exit), which
            # can take long: only then there is a status.
            over = waiter.reaped or now - alive_at > _EXITING_NS
            if self._stop or (ended and not taken and over):
                break
            pause = min(_BUSY_S if taken else pause * 1.5, _IDLE_S, session.fill_s / 4)
            waiter.wait(min(pause, 0.002) if ended else pause)
        rows.flush()

    def _finish(self, session: Session, sink: Sink, outcome: Outcome) -> None:
        session.end()
        rows = _Rows(sink)
        patience = time.monotonic_ns() + _PATIENCE_NS
        while not session.settled() and time.monotonic_ns() < patience:
            rows.take(session)
        if not session.tasks():
            outcome.notes["ended"] = True
        rows.add(session.pending(None))
        rows.add(session.open_gaps())
        rows.add(session.unseen_signals())
        rows.flush()
        outcome.produced, outcome.lost = session.balance(outcome.notes)


class _Rows:
    """What was drained and not yet handed on."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._batches: list[Batch] = []
        self.count = 0

    def take(self, session: Session) -> int:
        """Drain once; return how many records came."""
        records = session.drain()
        if len(records):
            self._keep(session.joined(records))
        return len(records)

    def add(self, rows: NDArray[np.void]) -> None:
        """Append rows (n,) EVENT made in user space."""
        if len(rows):
            nothing = np.zeros(len(rows) + 1, np.int32)
            self._keep(Batch(rows, nothing, np.empty(0, np.uint64), nothing.copy(), np.empty(0, np.uint8)))

    def flush(self) -> None:
        """Hand everything to the sink, as one batch."""
        batches, self._batches, self.count = self._batches, [], 0
        if batches:
            self._sink(batches[0] if len(batches) == 1 else joined(batches))

    def _keep(self, batch: Batch) -> None:
        if len(batch.rows):
            self._batches.append(batch)
            self.count += len(batch.rows)


class _Waiter:
    """Wait for time to pass or the first process to end, and reap that one only."""

    def __init__(self, pid: int | None) -> None:
        """``pid`` None: there is no child to be reaped."""
        self._pid = pid or 0
        self.status: int | None = None
        self.reaped = pid is None  # by us or by somebody else
        self._poll = select.poll()
        self._pidfd = -1
        with suppress(OSError):  # Linux before 5.3
            if pid is not None:
                self._pidfd = os.pidfd_open(pid)
        if self._pidfd >= 0:
            self._poll.register(self._pidfd, select.POLLIN)

    def wait(self, seconds: float) -> None:
        """Return after ``seconds``, or when the process has ended."""
        self._poll.poll(max(1, round(seconds * 1000)))

    def poll(self) -> None:
        """Look whether the process has ended; keep its status."""
        if self.reaped:
            return
        try:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
        except ChildProcessError:
            self.reaped = True
            return
        if pid:
            self.status, self.reaped = status, True
            self.close()

    def close(self) -> None:
        """Forget the process."""
        if self._pidfd >= 0:
            self._poll.unregister(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
