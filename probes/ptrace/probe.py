"""The ptrace probe: every I/O call of a process tree, without privileges.

What it sees, it sees at the entry and the exit of a call; the scheduler's accounts say how much of the
time between them the thread slept and queued. It does not see when data arrived, who woke a thread, nor
the copy: those columns stay 0, and :attr:`PtraceProbe.header` says so.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import threading
import time

from probes.contract import Command, Options, Outcome, ProbeError, Sink
from probes.ptrace import accounts, calibration, child, witness
from probes.ptrace import filter as seccomp
from probes.ptrace.abi import AUDIT_ARCH, OPTIONS, PTRACE_SEIZE, ptrace
from probes.ptrace.exec import wait_for_exec
from probes.ptrace.plan import plans
from probes.ptrace.rows import Rows
from probes.ptrace.stops import PENDING_NS, Loop
from probes.ptrace.ticks import Ticks
from probes.ptrace.tree import Tree
from probes.table import by_number

_PERIOD_NS = 100_000_000
_GRACE_NS = 1_000_000_000

#: Why a probe at the entry and the exit of calls cannot have these.
_MISSING = {
    "sleep": "ptrace sees a call's entry and exit, not when the thread left the CPU and came back",
    "waker": "ptrace does not see who wakes a thread, nor when",
    "ready": "ptrace does not see when data reach a socket",
    "copy": "ptrace does not see the copy; the time on a CPU bounds it from above",
    "done": "ptrace does not see the socket layer finish a receive",
    "signal": "ptrace sees a signal's delivery, not its generation",
    "ring": "io_uring's requests make no system call; only io_uring_enter is seen",
    "connection": "ptrace does not see the states of connections",
}
_NO_ACCOUNTS = (
    "this kernel keeps no /proc/PID/schedstat (CONFIG_SCHED_INFO): durations are known, sleeps are not"
)
_NO_ENTRY = (
    "this kernel or container refuses pidfd_getfd (Linux 5.6): whether data were there at entry is not known"
)
_WITHHELD = "withheld on request"


class PtraceProbe:
    """Trace a command by ptrace. One run per instance; ``start`` and ``run`` belong to one thread."""

    name = "ptrace"

    def __init__(self) -> None:
        self._options = Options()
        self._header: dict[str, object] = {"probe": self.name, "evidence": [], "machine": platform.machine()}
        self._notes: dict[str, object] = {}
        self._evidence: set[str] = set()
        self._affinity: set[int] | None = None
        self._pid = 0
        self._path = b""
        self._tree: Tree | None = None
        self._stopping_ns = 0  # when stop() was called; 0: it was not
        self._killing = False

    @staticmethod
    def unusable() -> str | None:
        """Return None where the probe can run, else one sentence: why not, and what to do."""
        machine = platform.machine()
        if machine not in AUDIT_ARCH:
            return f"the ptrace probe knows x86_64 and aarch64, not {machine}"
        if _text("/proc/sys/kernel/yama/ptrace_scope") == "3":
            return "ptrace is forbidden until the next boot: set kernel.yama.ptrace_scope below 3 and reboot"
        # No process has this id: a kernel that lets us ask says so, a sandbox refuses the question.
        if ptrace(PTRACE_SEIZE, 0x7FFFFFFF, 0, OPTIONS) != 0 and ctypes.get_errno() != errno.ESRCH:
            return "ptrace is refused here: allow it in the container (docker run --cap-add=SYS_PTRACE)"
        if _text("/proc/self/status", "TracerPid") not in ("", "0"):
            return "this process is itself being traced, and a process has one tracer: run it without one"
        return None

    def start(self, command: Command, options: Options) -> int:
        """Start the target, stopped in its exec. Raises :class:`ProbeError` or :class:`TargetError`."""
        reason = self.unusable()
        if reason is not None:
            raise ProbeError(reason)
        self._options = options
        try:
            if options.pin:
                self._pin()
            self._evidence = self._available()
            cost = calibration.calibrate("accounts" in self._evidence)
            self._start(command)
        except BaseException:
            self._unpin()
            raise
        self._header = self._facts(cost)
        self._notes["no_new_privs"] = _text(f"/proc/{self._pid}/status", "NoNewPrivs") == "1"
        return self._pid

    @property
    def header(self) -> dict[str, object]:
        """Facts known at the start; see :class:`probes.contract.Probe`.

        ``stop_cost_ns`` is what the stops add to a row's duration, ``traced_call_ns`` what tracing a call
        costs the target altogether: medians of a call that does nothing.
        """
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

    def _available(self) -> set[str]:
        found = {"calls", "tasks"}
        if accounts.available():
            found.add("accounts")
        if witness.available():
            found.add("entry")
        return found - (self._options.withhold - {"calls"})

    def _facts(self, cost: calibration.Cost) -> dict[str, object]:
        missing = dict(_MISSING)
        for name, reason in (("accounts", _NO_ACCOUNTS), ("entry", _NO_ENTRY), ("tasks", "")):
            if name not in self._evidence:
                missing[name] = _WITHHELD if name in self._options.withhold else reason
        order = ("calls", "accounts", "entry", "tasks")
        return {
            "probe": self.name,
            "evidence": [name for name in order if name in self._evidence],
            "machine": platform.machine(),
            "stop_cost_ns": cost.in_call_ns,
            "traced_call_ns": cost.call_ns,
            "missing": missing,
        }


def _text(path: str, name: str = "") -> str:
    """Return the text of a small file, or of the line ``name:`` in it; empty where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                if not name or key == name:
                    return (value if name else line).strip()
    except OSError:
        return ""
    return ""
