"""Trace processes that run already, and leave them as they were, however this ends.

Facts of ptrace(2), and what follows from them:

- A tracer is a thread. When it ends, in any way, the kernel lets every task go: it is not woken where it
  sleeps, so no call of it is disturbed; a stopped one goes on, a signal that it was to get is delivered,
  and one that SIGSTOP had stopped stays so. To detach by hand, each task would have to be stopped once
  more. So a thread of its own traces, and to detach it returns, once every stop that it has waited for is
  served; the rest the kernel knows better.
- A stopped task waits for its tracer. So that thread does nothing else: it writes to no disk and no
  terminal (which the target may serve itself). Rows reach the sink through a queue, in the thread that
  called :meth:`run`.
"""

from __future__ import annotations

import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from probes.contract import Options, Outcome, ProbeError, Sink
from probes.ptrace import accounts, calibration, evidence
from probes.ptrace.abi import AUDIT_ARCH
from probes.ptrace.backlog import Backlog
from probes.ptrace.interrupted import Interrupted
from probes.ptrace.joining import Joiner
from probes.ptrace.plan import plans
from probes.ptrace.rows import Rows
from probes.ptrace.stops import PENDING_NS, Loop
from probes.ptrace.ticks import Ticks
from probes.ptrace.tree import Tree

_JOINING_PERIOD_NS = 4_000_000
_PERIOD_NS = 100_000_000
_GOING_S = 2.0


class Attached:
    """What :class:`probes.ptrace.probe.PtraceProbe` promises of processes that run already."""

    def __init__(self, pids: Sequence[int], options: Options) -> None:
        self._pids = tuple(pids)
        self._options = options
        self._evidence: set[str] = set()
        self._header: dict[str, object] = {}
        self._notes: dict[str, object] = {}
        self._interrupted = Interrupted()
        self._tree: Tree | None = None
        self._stopping = False
        self._joined = threading.Event()
        self._backlog = Backlog()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._trace, name="iotrace-ptrace", daemon=True)

    def start(self) -> None:
        """Join the processes, all their threads and descendants. Raises :class:`ProbeError`."""
        self._thread.start()
        try:
            self._joined.wait()
        except BaseException:
            self._end()
            raise
        if self._failure is not None:
            self._end()
            raise self._failure
        found = self._interrupted
        self._header["found_in_calls"] = found.under_way
        self._header["calls_begun_again"] = dict(found.again)
        self._header["calls_shortened"] = dict(found.shortened)
        self._header["calls_failed"] = dict(found.failed)

    @property
    def header(self) -> dict[str, object]:
        """Facts known at the start."""
        return self._header

    def processes(self) -> list[int]:
        """Return the processes that are traced now."""
        return [] if self._tree is None else list(self._tree.processes)

    def run(self, sink: Sink) -> Outcome:
        """Feed ``sink`` until the last task has ended, or :meth:`stop`; then nothing is traced any more."""
        try:
            self._backlog.drain(sink)
        finally:
            self._end()
        if self._failure is not None:
            raise self._failure
        return Outcome(None, self._backlog.produced, self._backlog.lost, self._notes)

    def stop(self) -> None:
        """Ask :meth:`run` to end soon. Callable from a signal handler."""
        self._stopping = True

    def kill(self) -> None:
        """SIGKILL every process of the trees."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _end(self) -> None:
        """Return when no task is traced any more: when the kernel has ended the thread, not only Python."""
        self.stop()
        self._thread.join()
        patience = time.monotonic() + _GOING_S
        while os.path.exists(f"/proc/self/task/{self._thread.native_id}") and time.monotonic() < patience:
            time.sleep(0.001)

    def _trace(self) -> None:
        try:
            self._follow()
        except BaseException as error:  # raised again, in the thread that waits for us
            self._failure = error
        finally:
            self._joined.set()
            self._backlog.close()

    def _follow(self) -> None:
        self._evidence = evidence.available(self._options.withhold)
        try:
            cost = calibration.calibrate("accounts" in self._evidence, every_call=True)
        except OSError as error:
            raise ProbeError(f"ptrace cannot be tried here: {error.strerror}") from error
        self._header = evidence.header(self._evidence, self._options.withhold, cost)
        rows = Rows(self._backlog.add)
        tree = Tree(
            rows,
            keep_accounts="accounts" in self._evidence,
            keep_tasks="tasks" in self._evidence,
            look_at_entry="entry" in self._evidence,
            interrupted=self._interrupted,
        )
        loop = Loop(plans(), AUDIT_ARCH[platform.machine()], every_call=True)
        own_accounts = accounts.UNKNOWN
        if "accounts" in self._evidence:
            own_accounts = accounts.open_accounts(os.getpid(), threading.get_native_id())
        try:
            joiner = Joiner(tree, self._pids, time.monotonic_ns())
            joiner.begin()
            self._tree = tree
            self._join(joiner, loop, tree, rows, own_accounts)
            self._joined.set()
            self._record(loop, tree, rows, own_accounts)
            tree.interrupted()
            rows.flush()
        finally:
            tree.close()
            accounts.close_accounts((own_accounts,))
        if joiner.refused:
            self._notes["tasks_refused"] = joiner.refused
        if loop.foreign_calls:
            self._notes["foreign_calls"] = loop.foreign_calls

    def _join(self, joiner: Joiner, loop: Loop, tree: Tree, rows: Rows, own_accounts: int) -> None:
        def tick(now: int) -> None:
            tree.settle(now)
            if joiner.look(now) or self._stopping:
                loop.leave()

        tick(time.monotonic_ns())
        self._serve(loop, tree, rows, _JOINING_PERIOD_NS, tick, own_accounts)

    def _record(self, loop: Loop, tree: Tree, rows: Rows, own_accounts: int) -> None:
        period_ns = max(min(_PERIOD_NS, self._options.flush_ns), 1_000_000)

        def tick(now: int) -> None:
            tree.settle(now)
            for thread in list(tree.threads.values()):
                if thread.plan is not None and not thread.reported and now - thread.enter_ns > PENDING_NS:
                    tree.report(thread)
            rows.flush()
            if self._stopping:
                loop.leave()

        self._serve(loop, tree, rows, period_ns, tick, own_accounts)
        self._notes["ended"] = not tree.alive()

    def _serve(
        self,
        loop: Loop,
        tree: Tree,
        rows: Rows,
        period_ns: int,
        tick: Callable[[int], None],
        own_accounts: int,
    ) -> None:
        ticks = Ticks()
        try:
            ticks.start(period_ns)
            loop.run(tree, rows, period_ns, tick, own_accounts)
        finally:
            ticks.end()
