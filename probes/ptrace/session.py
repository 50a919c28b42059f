"""One run under ptrace, from the fork of the target to the end of its last descendant."""

from __future__ import annotations

import os
import platform
import signal
import threading
import time

from probes.contract import Command, Options, Outcome, ProbeError, Sink
from probes.ptrace import accounts, calibration, child, evidence
from probes.ptrace import filter as seccomp
from probes.ptrace.abi import AUDIT_ARCH, OPTIONS, PTRACE_SEIZE, ptrace
from probes.ptrace.exec import wait_for_exec
from probes.ptrace.plan import plans
from probes.ptrace.proc import text
from probes.ptrace.rows import Rows
from probes.ptrace.stops import PENDING_NS, Loop
from probes.ptrace.ticks import Ticks
from probes.ptrace.tree import Tree
from probes.table import by_number

_PERIOD_NS = 100_000_000
_GRACE_NS = 1_000_000_000


class Session:
    """What :class:`probes.ptrace.probe.PtraceProbe` promises, once it is known that it can be kept."""

    def __init__(self) -> None:
        self._options = Options()
        self._header: dict[str, object] = {}
        self._notes: dict[str, object] = {}
        self._evidence: set[str] = set()
        self._affinity: set[int] | None = None
        self._pid = 0
        self._path = b""
        self._tree: Tree | None = None
        self._stopping_ns = 0  # when stop() was called; 0: it was not
        self._killing = False

    def start(self, command: Command, options: Options) -> int:
        """Start the target, stopped in its exec. Raises :class:`ProbeError` or :class:`TargetError`."""
        self._options = options
        try:
            if options.pin:
                self._pin()
            self._evidence = evidence.available(self._options.withhold)
            cost = calibration.calibrate("accounts" in self._evidence)
            self._start(command)
        except OSError as error:
            self._unpin()
            raise ProbeError(f"the target cannot be prepared: {error.strerror}") from error
        except BaseException:
            self._unpin()
            raise
        self._header = evidence.header(self._evidence, self._options.withhold, cost)
        self._notes["no_new_privs"] = text(f"/proc/{self._pid}/status", "NoNewPrivs") == "1"
        return self._pid

    @property
    def header(self) -> dict[str, object]:
        """Facts known at the start."""
        return self._header

    def run(self, sink: Sink) -> Outcome:
        """Let the target go and feed ``sink`` until its tree has ended."""
        rows = Rows(sink)
        tree = Tree(
            rows,
            keep_accounts="accounts" in self._evidence,
            keep_tasks="tasks" in self._evidence,
            look_at_entry="entry" in self._evidence,
        )
        self._tree = tree
        loop = Loop(plans(), AUDIT_ARCH[platform.machine()])
        period_ns = max(min(_PERIOD_NS, self._options.flush_ns), 1_000_000)
        flushed = began = time.monotonic_ns()
        ticks = Ticks()
        own_accounts = self._own_accounts()

        def tick(now: int) -> None:
            nonlocal flushed
            tree.settle(now)
            for thread in list(tree.threads.values()):
                if thread.plan is not None and not thread.reported and now - thread.enter_ns > PENDING_NS:
                    tree.report(thread)
            if now - flushed + period_ns > self._options.flush_ns:
                flushed = now
                with ticks.paused():
                    rows.flush()
            self._end_what_was_told_to(now)

        try:
            ticks.start(period_ns)
            tree.begin(self._pid, self._path, began)
            loop.resume(self._pid)
            loop.run(tree, rows, period_ns, tick, own_accounts)
        finally:
            accounts.close_accounts((own_accounts,))
            ticks.end()
            try:
                tree.interrupted()
                tree.end()
            finally:
                tree.close()
                self._unpin()
        rows.flush()
        if loop.foreign_calls:
            self._notes["foreign_calls"] = loop.foreign_calls
        return Outcome(tree.root_status, rows.produced, 0, self._notes)

    def processes(self) -> list[int]:
        """Return the processes that are traced now."""
        return [self._pid] if self._tree is None else list(self._tree.processes)

    def stop(self) -> None:
        """End the target with SIGTERM, after a second with SIGKILL. Callable from a signal handler."""
        if not self._stopping_ns:
            self._stopping_ns = time.monotonic_ns()
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL every process of the target's tree."""
        self._killing = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._tree is None:
            if self._pid and number == signal.SIGKILL:
                os.kill(self._pid, number)
            return
        if self._tree.signal(number):
            name = signal.Signals(number).name
            ended = self._notes.setdefault("ended_with", [])
            if isinstance(ended, list) and name not in ended:
                ended.append(name)

    def _own_accounts(self) -> int:
        if "accounts" not in self._evidence:
            return accounts.UNKNOWN
        return accounts.open_accounts(os.getpid(), threading.get_native_id())

    def _end_what_was_told_to(self, now: int) -> None:
        if self._killing:
            self._signal(signal.SIGKILL)
        elif self._stopping_ns:
            if now - self._stopping_ns > _GRACE_NS:
                self._signal(signal.SIGKILL)
            elif "ended_with" not in self._notes:  # it was told before there was a tree
                self._signal(signal.SIGTERM)

    def _start(self, command: Command) -> None:
        program = seccomp.build(by_number())
        target = child.fork(program, child.become(command))
        began = False
        try:
            if ptrace(PTRACE_SEIZE, target.pid, 0, OPTIONS) != 0:
                raise child.refused()
            child.release(target)
            status, path = wait_for_exec(target.pid)
            if status is not None:
                target = target._replace(pid=0)
                raise child.failure(target, command, status)
            self._path = path
            self._pid = target.pid
            began = True
        finally:
            child.discard(target, reap=not began)

    def _pin(self) -> None:
        self._affinity = os.sched_getaffinity(0)
        cpu = max(self._affinity)
        os.sched_setaffinity(0, {cpu})
        self._notes["pinned_to_cpu"] = cpu

    def _unpin(self) -> None:
        if self._affinity is not None:
            os.sched_setaffinity(0, self._affinity)
            self._affinity = None
