"""The loop: wait for a stop, stamp it, classify it, act.

A child of ours stops where its filter says: only the calls of the table. What runs already takes no filter
from us, so every call of it stops twice (PTRACE_SYSCALL), and those that are not in the table are let go at
once.

Two stops make a call, and everything between them that is ours would be counted as the call's. Hence
the order: at the entry, all work first, the time last, then resume; at the exit, the time first, then
the accounts, resume, and only then the row, which is packed while the target runs again. The accounts
are read after the first request to the stopped task, because the kernel lets a request wait until the
task is off its CPU: before that its accounts still move.

With several threads, wait4 hands out the stops of whichever comes first in the kernel's list, so a
busy thread could starve the others: all that is pending is drained into a queue, each with its own time.

Between the target's stop and our stamp lies our own way back onto a CPU, which takes milliseconds where
others compete for it. The kernel keeps that account as well: what the loop itself has queued since it
began to wait was no sleep of the target's.
"""

from __future__ import annotations

import ctypes
import errno
import os
import time
from collections import deque
from collections.abc import Callable

from probes.contract import ProbeError
from probes.events import Flag, Kind
from probes.ptrace import accounts, witness
from probes.ptrace.abi import (
    CALL_ROW,
    ENTRY_INFO,
    EXIT_INFO,
    EXIT_INFO_OFFSET,
    INFO_ARCH,
    INFO_ENTRY,
    INFO_EXIT,
    INFO_NONE,
    INFO_NR,
    INFO_SECCOMP,
    INFO_SIZE,
    POINTER_INFO,
    POINTER_INFO_OFFSET,
    PTRACE_CONT,
    PTRACE_GET_SYSCALL_INFO,
    PTRACE_SYSCALL,
    SECCOMP_STOP,
    SYSCALL_STOP,
    WALL,
    WNOHANG,
    WNOTHREAD,
    ptrace,
    wait4,
)
from probes.ptrace.pace import EPOCH, FAST_NS, Pace
from probes.ptrace.peek import Peek, is_delivery
from probes.ptrace.plan import Plan, foreign_plan
from probes.ptrace.rows import Rows
from probes.ptrace.tasks import Thread
from probes.ptrace.tree import Tree

_WAIT = WALL | WNOTHREAD
_LOOK = _WAIT | WNOHANG
_ACCOUNTS_SIZE = 64
#: How old the reading of our own accounts may be; a reading at every stop costs as much as the target's.
_OWN_NS = 100_000
_INT_END = 1 << 31
#: MSG_OOB and MSG_ERRQUEUE: data that poll's POLLIN does not speak of.
_OTHER_QUEUES = 0x1 | 0x2000
#: A call in flight for longer gets a PENDING row.
PENDING_NS = 500_000_000


class Loop:
    """Serves the stops of a tree until its last task has ended."""

    def __init__(self, plans: dict[int, Plan], architecture: int, *, every_call: bool = False) -> None:
        """``every_call``: the tasks have no filter, and stop at every call."""
        self._plans = plans
        self._architecture = architecture
        self._every_call = every_call
        self._over = False
        self._foreign = foreign_plan()
        self._info = ctypes.create_string_buffer(INFO_SIZE)
        self._status = ctypes.c_int()
        self.foreign_calls = 0

    def resume(self, pid: int) -> None:
        """Let a task go that is stopped where no call is to be recorded."""
        ptrace(PTRACE_CONT, pid, 0, 0)

    def leave(self) -> None:
        """Let :meth:`run` return as soon as every stop that it knows of is served."""
        self._over = True

    def run(
        self, tree: Tree, rows: Rows, period_ns: int, tick: Callable[[int], None], own_accounts: int
    ) -> None:
        """Serve stops until the last task has ended, or :meth:`leave`.

        ``tick`` is called with the time at least every ``period_ns``, also while nothing happens, and only
        when no stop is in hand.

        ``own_accounts``: this thread's (:func:`probes.ptrace.accounts.open_accounts`).
        The caller arranges that ``wait4`` is interrupted that often (:mod:`probes.ptrace.ticks`).
        """
        info_buffer, status = memoryview(self._info).cast("B"), self._status
        info_reference, status_reference = ctypes.byref(self._info), ctypes.byref(status)
        unpack_entry, unpack_exit = ENTRY_INFO.unpack_from, EXIT_INFO.unpack_from
        plans, foreign, architecture = self._plans, self._foreign, self._architecture
        threads, add_row, between, late = tree.threads, rows.call, accounts.between, accounts.queued
        buffer, pack = rows.buffer, CALL_ROW.pack
        clock, pread = time.monotonic_ns, os.pread
        pace = Pace(len(os.sched_getaffinity(0)))
        glances, spent_ns, served = pace.glances, 0, 0
        look, unknown = witness.look, accounts.UNKNOWN
        accounted, foreign_flag, call_kind = int(Flag.ACCOUNTED), int(Flag.FOREIGN), int(Kind.CALL)
        entry_stop, entry_op, go_on = SECCOMP_STOP, INFO_SECCOMP, PTRACE_CONT
        if every_call := self._every_call:
            entry_stop, entry_op, go_on = SYSCALL_STOP, INFO_ENTRY, PTRACE_SYSCALL
        queue: deque[tuple[int, int, int]] = deque()
        wait = Peek(status, threads).wait if every_call else wait4
        self._over = False
        waited, own, own_ns = False, b"", 0
        now = clock()
        due = now + period_ns

        while True:
            if queue:
                tid, stop, now = queue.popleft()
            else:
                if now >= due:
                    tick(now)
                    due = now + period_ns
                if self._over:
                    return
                waited = False
                former = now
                for _ in glances:
                    if tid := wait(-1, status_reference, _LOOK, None):
                        break
                else:
                    waited = own_accounts != unknown
                    if waited and now - own_ns > _OWN_NS:
                        own_ns = now
                        own = pread(own_accounts, _ACCOUNTS_SIZE, 0)
                    tid = wait(-1, status_reference, _WAIT, None)
                now = clock()
                if (spent := now - former) < FAST_NS:
                    spent_ns += spent
                    served += 1
                    if served == EPOCH:
                        glances = pace.next(spent_ns / EPOCH)
                        spent_ns = served = 0
                if tid <= 0:
                    if ctypes.get_errno() == errno.ECHILD:
                        return
                    if not tree.alive() and not self._any_tracee(tree, now):
                        return
                    continue
                stop = status.value
                if len(threads) > 1:
                    while not (every_call and is_delivery(status.value)):
                        other = wait(-1, status_reference, _LOOK, None)
                        if other <= 0:
                            break
                        queue.append((other, status.value, clock()))

            thread = threads.get(tid)

            if stop == entry_stop and thread is not None and (thread.plan is None or not every_call):
                if ptrace(PTRACE_GET_SYSCALL_INFO, tid, INFO_SIZE, info_reference) <= 0:
                    _killed()
                    continue
                info = unpack_entry(info_buffer)
                if info[0] != entry_op:
                    if info[0] == INFO_EXIT:  # of a call that is not recorded
                        if thread.making is not None:
                            tree.made(thread, unpack_exit(info_buffer, EXIT_INFO_OFFSET)[0], now)
                        ptrace(PTRACE_SYSCALL, tid, 0, 0)
                    continue  # otherwise an exec of another thread has taken this id over since
                plan = plans.get(info[INFO_NR]) if info[INFO_ARCH] == architecture else None
                if every_call and (
                    (thread.found and _goes_on(thread, info_buffer, plan))
                    or (plan is None and info[INFO_ARCH] == architecture)
                ):
                    ptrace(PTRACE_SYSCALL, tid, 0, 0)
                    continue
                thread.info = info
                thread.flags = 0
                if plan is None:
                    plan = foreign
                    thread.flags = foreign_flag
                    self.foreign_calls += 1
                thread.plan = plan
                thread.reported = False
                if plan.enter is not None:
                    plan.enter(thread, info)
                if plan.witness and not info[plan.message_flags] & _OTHER_QUEUES:
                    process = thread.process
                    if process.pidfd != unknown:
                        thread.flags |= look(process.pidfd, info[plan.fd], process.kinds)
                if thread.accounts != unknown:
                    thread.before = pread(thread.accounts, _ACCOUNTS_SIZE, 0)
                thread.enter_ns = clock()
                ptrace(PTRACE_SYSCALL, tid, 0, 0)

            elif stop == SYSCALL_STOP and thread is not None and (plan := thread.plan) is not None:
                if ptrace(PTRACE_GET_SYSCALL_INFO, tid, INFO_SIZE, info_reference) <= 0:
                    _killed()
                    continue
                if info_buffer[0] != INFO_EXIT:
                    continue
                ret = unpack_exit(info_buffer, EXIT_INFO_OFFSET)[0]
                before = thread.before
                after = pread(thread.accounts, _ACCOUNTS_SIZE, 0) if thread.accounts != unknown else b""
                if plan.exit is not None:
                    plan.exit(thread, thread.info, ret)
                if plan.forget is not None:
                    plan.forget(thread, ret)
                ptrace(go_on, tid, 0, 0)
                flags = thread.flags
                asleep = queued = 0
                if before and after:
                    asleep, queued = between(before, after, now - thread.enter_ns)
                    if asleep and waited:
                        asleep = max(asleep - late(own, pread(own_accounts, _ACCOUNTS_SIZE, 0)), 0)
                    flags |= accounted
                info = thread.info
                if plan.decoded or not 0 <= (fd := info[plan.fd]) < _INT_END or plan.fd == INFO_NONE:
                    add_row(thread, call_kind, now, ret, asleep, queued, flags)
                else:
                    # The common row, without a call: what the method would do.
                    buffer += pack(
                        thread.enter_ns,
                        now,
                        ret,
                        asleep,
                        queued,
                        info[plan.a],
                        info[plan.b],
                        info[plan.c],
                        fd,
                        tid,
                        thread.tgid,
                        plan.code,
                        flags,
                        call_kind,
                    )
                thread.plan = None

            else:
                tree.other(tid, stop, now)

    def _any_tracee(self, tree: Tree, now: int) -> bool:
        """Tell whether a task is left that nobody knew; other children of this thread do not count."""
        tid = wait4(-1, ctypes.byref(self._status), _LOOK, None)
        if tid > 0:
            tree.other(tid, self._status.value, now)
        return bool(tid > 0)


def _goes_on(thread: Thread, info: memoryview, plan: Plan | None) -> bool:
    """Tell whether a call that begins is the one in which ``thread`` was found, taken up again."""
    found, thread.found = thread.found, 0
    goes_on = bool(POINTER_INFO.unpack_from(info, POINTER_INFO_OFFSET)[0] == found)
    if goes_on and plan is not None and plan.makes:
        thread.making = plan
    return goes_on


def _killed() -> None:
    """Check that a request failed because its task is gone; its end is still to be reported."""
    if ctypes.get_errno() not in (errno.ESRCH, 0):
        raise ProbeError("the ptrace probe needs PTRACE_GET_SYSCALL_INFO: use Linux 5.3 or newer")
