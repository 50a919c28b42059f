"""Follow a process tree through every stop that is not a call's: births, execs, signals, group-stops, deaths.

Facts of ptrace(2) that shape this module:

- A new task's first stop can be reported before its parent's event. It is kept (``_early``) until the parent
  says whose it is; a parent that was killed in between never does, so :meth:`Tree.settle` adopts it then.
- After an exec by a thread other than the leader that thread is reported under the leader's id, and its old
  id and the leader vanish without a word.
- A stop with PTRACE_EVENT_STOP and a stopping signal is a group-stop: the task must stay stopped, yet hear
  SIGCONT, which is what PTRACE_LISTEN is for.
- ESRCH from any request means that the task was killed: its end is reported later, and nothing is to be done.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import struct
import time

from ptrace.binding import func
from ptrace.error import PtraceError

from probes.events import Kind
from probes.ptrace import accounts, made, witness
from probes.ptrace.abi import (
    INFO_ARGUMENT,
    PTRACE_CONT,
    PTRACE_EVENT_CLONE,
    PTRACE_EVENT_EXEC,
    PTRACE_EVENT_FORK,
    PTRACE_EVENT_STOP,
    PTRACE_EVENT_VFORK,
    PTRACE_LISTEN,
    PTRACE_SYSCALL,
    SYSCALL_STOP,
    WALL,
    WNOTHREAD,
    ptrace,
    wait4,
)
from probes.ptrace.interrupted import Interrupted
from probes.ptrace.memory import read_exactly
from probes.ptrace.rows import Rows
from probes.ptrace.sets import pending
from probes.ptrace.tasks import Joining, Process, Thread

_BIRTHS = (PTRACE_EVENT_FORK, PTRACE_EVENT_VFORK, PTRACE_EVENT_CLONE)
_STOPPING = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
#: Which end a call of their own accord, also where nothing handles them: signal(7).
_STOPS = (*_STOPPING, signal.SIGCONT)
_PTRACE_GETSIGINFO: int = func.PTRACE_GETSIGINFO
# linux/sched.h
_CLONE_VM, _CLONE_FILES, _CLONE_VFORK, _CLONE_THREAD = 0x100, 0x400, 0x4000, 0x10000
_CLONE_ARGS_FLAGS = struct.Struct("<Q")
_SIGINFO = struct.Struct("<i4xi4xi")  # siginfo_t on 64-bit: si_signo, si_code, si_pid
#: Codes of signals whose si_pid is a process (sigaction(2)); SIGCHLD has one with every code of its own.
_SENT = (0, -1, -6)  # SI_USER, SI_QUEUE, SI_TKILL
_ORPHAN_NS = 50_000_000


class Tree:
    """The traced threads and processes. ``threads`` is by tid, ``processes`` by tgid."""

    def __init__(
        self,
        rows: Rows,
        *,
        keep_accounts: bool,
        keep_tasks: bool,
        look_at_entry: bool,
        interrupted: Interrupted | None = None,
    ) -> None:
        """``interrupted``: the tasks run already and have no filter; it looks at their first stops."""
        self.threads: dict[int, Thread] = {}
        self.processes: dict[int, Process] = {}
        self.root = 0
        self.root_status: int | None = None
        self._rows = rows
        self._early: dict[int, tuple[int, int]] = {}  # tid → its unexplained stop or end, and when
        self._keep_accounts = keep_accounts
        self._keep_tasks = keep_tasks
        self._look_at_entry = look_at_entry
        self._interrupted = interrupted
        self._between_calls = PTRACE_CONT if interrupted is None else PTRACE_SYSCALL
        self._siginfo = ctypes.create_string_buffer(128)
        self._limits: tuple[int, int] | None = None  # of open files, before they were raised

    def begin(self, pid: int, path: bytes, now: int) -> None:
        """Take over a stopped process that has just become its program (or, with no path, is one of ours)."""
        self.root = pid
        self._add(pid, Process(pid, {}))
        if self._keep_tasks and path:
            self._rows.fact(Kind.TASK_EXEC, pid, pid, now, blob=path)

    def adopt(self, tid: int, tgid: int) -> Thread:
        """Take over a task that runs already, and was seized."""
        return self._add(tid, self.processes.get(tgid) or Process(tgid, {}))

    def alive(self) -> bool:
        """Tell whether any task is known that has not ended."""
        return bool(self.threads or self._early)

    def other(self, tid: int, status: int, now: int) -> None:
        """Act on a status that is neither the entry nor the exit of a call in the table."""
        thread = self.threads.get(tid)
        if thread is None:
            self._early[tid] = status, now
        elif status & 0x7F != 0x7F:
            self._ended(thread, status, now)
        else:
            self._stopped(thread, status, now)

    def settle(self, now: int) -> None:
        """Adopt tasks whose parent never announced them."""
        for tid, (status, since) in list(self._early.items()):
            if now - since > _ORPHAN_NS:
                self._adopt_orphan(tid, status, now)

    def interrupted(self) -> None:
        """Write what is still in flight, at the end of a run that ends before its target does."""
        for thread in list(self.threads.values()):
            self.report(thread)

    def report(self, thread: Thread) -> None:
        """Write a PENDING row for the call that ``thread`` is in, once a call."""
        if thread.plan is not None and not thread.reported:
            thread.reported = True
            self._rows.pending(thread, *pending(thread))

    def made(self, thread: Thread, fd: int, now: int) -> None:
        """Write what the call has made in which ``thread`` was found, and which has returned now."""
        plan, thread.making = thread.making, None
        if plan is None or fd < 0:
            return
        thread.process.kinds.pop(fd, None)
        told = made.described(thread, fd, plan.role)
        if told is not None:
            flags, blob = told
            self._rows.fact(Kind.DESCRIPTOR, thread.tid, thread.tgid, now, fd=fd, a=flags, blob=blob)

    def signal(self, number: int) -> int:
        """Send a signal to every living process and return how many there were."""
        sent = 0
        for tgid in list(self.processes):
            try:
                os.kill(tgid, number)
                sent += 1
            except OSError:
                continue
        return sent

    def end(self) -> None:
        """Kill what is left and wait for it: after an exception; otherwise there is nothing left."""
        self.signal(signal.SIGKILL)
        status = ctypes.c_int()
        while self.processes:
            tid = wait4(-1, ctypes.byref(status), WALL | WNOTHREAD, None)
            if tid < 0 and ctypes.get_errno() == errno.ECHILD:
                break
            thread = self.threads.get(tid)
            if thread is not None and status.value & 0x7F != 0x7F:
                self._ended(thread, status.value, time.monotonic_ns())
            elif tid > 0 and status.value & 0x7F == 0x7F:
                os.kill(tid, signal.SIGKILL)

    def close(self) -> None:
        """Close what is open for threads and processes."""
        for thread in self.threads.values():
            accounts.close_accounts((thread.accounts,))
        for process in self.processes.values():
            if process.pidfd != witness.UNKNOWN:
                os.close(process.pidfd)
        self.threads.clear()
        self.processes.clear()
        if self._limits is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)

    # ---- stops

    def _stopped(self, thread: Thread, status: int, now: int) -> None:
        number, event = status >> 8 & 0xFF, status >> 16
        if thread.joining is not Joining.JOINED:
            self._joined(thread, event in (0, PTRACE_EVENT_STOP) and number not in _STOPPING)
        if event in _BIRTHS:
            self._born(thread, event, now)
        elif event == PTRACE_EVENT_EXEC:
            thread = self._executed(thread, now)
        elif event == PTRACE_EVENT_STOP and number in _STOPPING:
            ptrace(PTRACE_LISTEN, thread.tid, 0, 0)
            return
        elif event == 0 and status != SYSCALL_STOP:
            self._delivered(thread, number, now)
            if self._interrupted is not None and number not in _STOPS:
                self._interrupted.signalled(thread)
            self._resume(thread, number)
            return
        self._resume(thread, 0)

    def _joined(self, thread: Thread, interrupted: bool) -> None:
        if interrupted and self._interrupted is not None:
            self._interrupted.joined(thread)
        thread.joining = Joining.JOINED

    def _resume(self, thread: Thread, number: int) -> None:
        # In a call, the next thing wanted is its exit.
        ptrace(self._between_calls if thread.plan is None else PTRACE_SYSCALL, thread.tid, 0, number)

    def _delivered(self, thread: Thread, number: int, now: int) -> None:
        code = sender = 0
        if ptrace(_PTRACE_GETSIGINFO, thread.tid, 0, ctypes.byref(self._siginfo)) == 0:
            _, code, sender = _SIGINFO.unpack_from(self._siginfo)
            if code not in _SENT and number != signal.SIGCHLD:
                sender = 0
        self._rows.fact(
            Kind.SIGNAL, thread.tid, thread.tgid, 0, exit_ns=now, a=number, b=code, waker=max(sender, 0)
        )

    def _born(self, parent: Thread, event: int, now: int) -> None:
        try:
            tid: int = func.ptrace_geteventmsg(parent.tid)
        except PtraceError:
            return  # the parent was killed; settle() will find the child
        if tid in self.threads:
            return
        flags = self._clone_flags(parent, event)
        if flags & _CLONE_THREAD:
            process = parent.process
        else:
            shared = flags & _CLONE_FILES
            process = Process(tid, parent.process.kinds if shared else dict(parent.process.kinds))
        self._add(tid, process)
        self._announce(tid, process.tgid, parent.tid, parent.tgid, flags, now)
        if tid in self._early:
            status, since = self._early.pop(tid)
            self.other(tid, status, since)

    def _clone_flags(self, parent: Thread, event: int) -> int:
        name = "" if parent.plan is None or parent.foreign else parent.plan.name
        if name == "clone":
            return parent.info[INFO_ARGUMENT] & 0xFFFFFFFF
        if name == "clone3":
            data = read_exactly(parent.tid, parent.info[INFO_ARGUMENT], _CLONE_ARGS_FLAGS.size)
            if data:
                return int(_CLONE_ARGS_FLAGS.unpack(data)[0])
        if event == PTRACE_EVENT_VFORK:
            return _CLONE_VM | _CLONE_VFORK | signal.SIGCHLD
        if event == PTRACE_EVENT_FORK:
            return int(signal.SIGCHLD)
        return _CLONE_VM | _CLONE_FILES | _CLONE_THREAD

    def _adopt_orphan(self, tid: int, status: int, now: int) -> None:
        del self._early[tid]
        facts = _status_file(tid)
        if status & 0x7F != 0x7F or not facts:
            return  # it has ended already, or was never ours: nothing that it did is known
        tgid, parent = facts["Tgid"], facts["PPid"]
        process = self.processes.get(tgid)
        if process is not None:
            parent = tgid
        self._add(tid, process or Process(tgid, {}))
        self._announce(tid, tgid, parent, parent, _CLONE_THREAD if process else 0, now)
        self.other(tid, status, now)

    def _announce(self, tid: int, tgid: int, parent: int, parent_tgid: int, flags: int, now: int) -> None:
        if self._keep_tasks:
            self._rows.fact(Kind.TASK_NEW, tid, tgid, now, a=parent, b=flags, waker=parent_tgid)

    def _executed(self, thread: Thread, now: int) -> Thread:
        """Return the thread that goes on after an exec; ``thread`` is the one with the leader's id."""
        try:
            former_tid: int = func.ptrace_geteventmsg(thread.tid)
        except PtraceError:
            return thread
        process = thread.process
        former = self.threads.get(former_tid, thread)
        path = _exec_path(former)
        for other in [other for other in self.threads.values() if other.process is process]:
            if other is not former:
                self.report(other)
                self._remove(other)
        if former_tid != thread.tid:
            del self.threads[former_tid]
            former.tid = thread.tid
            self.threads[former.tid] = former
            accounts.close_accounts((former.accounts,))
            self._open_accounts(former)
            former.before = b""  # of another account
        process.threads = 1
        process.kinds = {}
        if self._keep_tasks:
            a = former_tid if former_tid != former.tid else 0
            self._rows.fact(Kind.TASK_EXEC, former.tid, former.tgid, now, a=a, blob=path)
        return former

    def _ended(self, thread: Thread, status: int, now: int) -> None:
        self.report(thread)
        self._remove(thread)
        last = thread.tid == thread.tgid
        if last and thread.tgid == self.root:
            self.root_status = status
        if self._keep_tasks:
            self._rows.fact(Kind.TASK_EXIT, thread.tid, thread.tgid, now, ret=status, a=int(last))

    # ---- what is known of them

    def _add(self, tid: int, process: Process) -> Thread:
        thread = Thread(tid, process)
        if not process.threads:
            self.processes[process.tgid] = process
            if self._look_at_entry:
                process.pidfd = witness.open_process(process.tgid)
        process.threads += 1
        self.threads[tid] = thread
        self._open_accounts(thread)
        return thread

    def _remove(self, thread: Thread) -> None:
        del self.threads[thread.tid]
        accounts.close_accounts((thread.accounts,))
        thread.accounts = accounts.UNKNOWN
        process = thread.process
        process.threads -= 1
        if not process.threads:
            self.processes.pop(process.tgid, None)
            if process.pidfd != witness.UNKNOWN:
                os.close(process.pidfd)
                process.pidfd = witness.UNKNOWN

    def _open_accounts(self, thread: Thread) -> None:
        thread.accounts = accounts.UNKNOWN
        if not self._keep_accounts:
            return
        try:
            thread.accounts = accounts.open_accounts(thread.tgid, thread.tid)
        except OSError:
            # Out of descriptors. The target was started with the limit as it was; ours may be raised.
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            if soft != hard:
                self._limits = soft, hard
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
                self._open_accounts(thread)


def _exec_path(thread: Thread) -> bytes:
    if thread.plan is not None and thread.plan.name in ("execve", "execveat") and thread.blob:
        return thread.blob
    try:
        return os.readlink(b"/proc/%d/exe" % thread.tid)
    except OSError:
        return b""


def _status_file(tid: int) -> dict[str, int]:
    try:
        with open(f"/proc/{tid}/status", encoding="utf-8", errors="replace") as file:
            lines = (line.partition(":") for line in file)
            return {name: int(text) for name, _, text in lines if name in ("Tgid", "PPid")}
    except OSError:
        return {}
