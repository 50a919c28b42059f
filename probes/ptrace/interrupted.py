"""A call that is under way when its thread is told to stop, and how it goes on as if nothing had been.

PTRACE_INTERRUPT wakes a thread that sleeps in a call (ptrace(2)). Most calls then return one of the
kernel's own codes and begin again when the thread goes on, with the time that is left: recv, poll, select,
nanosleep, futex, wait4. Of the others (signal(7), "Interruption of system calls and library functions by
stop signals"):

- epoll_wait, a receive or accept under SO_RCVTIMEO, a send under SO_SNDTIMEO, sigtimedwait, semop,
  io_getevents and io_uring_enter fail with EINTR. They had done nothing yet, so they can begin again. The
  stop lies between the call's return and the kernel's decision what to do about its result (x86:
  ``arch_do_signal_or_restart``), and -ERESTARTNOHAND put there instead of -EINTR says: begin again, unless
  a handler is to run. That is what a program sees which is not traced. A time limit begins anew, for
  nothing tells how much of it had passed.
- A write, or a receive with MSG_WAITALL, that has moved a part returns that part. Nothing can be done about
  that afterwards, so a thread that sleeps in one is left alone for as long as can be afforded.
"""

from __future__ import annotations

import ctypes
import platform
import struct
from collections import Counter
from enum import Enum

from probes.ptrace.abi import (
    AUDIT_ARCH,
    ENTRY_INFO,
    INFO_ARCH,
    INFO_SIZE,
    PTRACE_GET_SYSCALL_INFO,
    PTRACE_GETREGS,
    PTRACE_POKEUSER,
    ptrace,
)
from probes.ptrace.tasks import Joining, Thread
from probes.table import BY_NAME, Role, by_number

_EINTR = -4
_NOT_RESTARTED = -514  # ERESTARTNOHAND: begin again, but after a handler fail with EINTR
_RESTARTED = (-512, -513, -514, -516)  # include/linux/errno.h
_MSG_WAITALL = 0x100
_CAN_BEGIN_AGAIN = (
    "epoll_wait epoll_pwait epoll_pwait2 recvfrom recvmsg recvmmsg read readv accept accept4 sendto sendmsg "
    "sendmmsg write writev rt_sigtimedwait io_getevents io_pgetevents io_uring_enter"
).split()
#: Numbers of x86-64 that the table lacks.
_SEMAPHORES = {65: "semop", 220: "semtimedop"}
#: struct user_regs_struct (sys/user.h) in words: the result, the number at the entry, where it is.
_REGISTERS = struct.Struct("<27q")
_RAX, _ORIG_RAX, _RIP = 10, 15, 16


class State(Enum):
    """What a thread does, as far as a stop would touch it."""

    FREE = "a stop does no harm"
    MOVING = "it sleeps in a call that would return a part of what it was asked for"
    GONE = "it has ended"


def state_of(tgid: int, tid: int) -> State:
    """Look at what a thread sleeps in: proc(5), ``syscall``."""
    try:
        with open(f"/proc/{tgid}/task/{tid}/syscall", encoding="ascii") as file:
            words = file.read().split()
    except FileNotFoundError:
        return State.GONE
    except OSError:  # ESRCH too: it ends
        return State.FREE
    call = by_number().get(int(words[0])) if words[0].isdecimal() else None
    if call is None:
        return State.FREE
    moving = call.role in (Role.SEND, Role.TRANSFER)
    if call.name in ("recvfrom", "recvmsg") and call.b is not None:
        moving = bool(int(words[1 + call.b.argument], 16) & _MSG_WAITALL)
    return State.MOVING if moving else State.FREE


class Interrupted:
    """Looks at threads at the stop that PTRACE_INTERRUPT led to; counts what was under way, by name.

    ``again``: begins again, and its time limit anew; ``shortened``: returned a part; ``failed``: with EINTR.
    """

    def __init__(self) -> None:
        self.under_way = 0
        self.again: Counter[str] = Counter()
        self.shortened: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._names = {number: call.name for number, call in by_number().items()} | _SEMAPHORES
        self._can_begin_again = {getattr(BY_NAME[name], platform.machine()) for name in _CAN_BEGIN_AGAIN}
        self._can_begin_again |= set(_SEMAPHORES)
        self._known = platform.machine() == "x86_64"
        self._registers = ctypes.create_string_buffer(512)
        self._info = ctypes.create_string_buffer(INFO_SIZE)

    def joined(self, thread: Thread) -> None:
        """Let the call go on in which ``thread`` was first stopped, and remember where it was."""
        call = self._call(thread)
        if call is None:
            return
        number, ret, pointer = call
        name = self._names.get(number, f"call {number}")
        if ret in _RESTARTED:
            thread.found = pointer
        elif self._begun_again(thread, number, ret):
            thread.found = pointer
            self.again[name] += 1
        elif ret == _EINTR:
            self.failed[name] += 1
        elif ret > 0 and thread.joining is Joining.SHORTENED:
            self.shortened[name] += 1
        else:
            return
        self.under_way += 1

    def signalled(self, thread: Thread) -> None:
        """Let the call go on that a signal has ended, unless a handler is to run.

        A signal that is ignored wakes nobody, except where there is a tracer to be told.
        """
        call = self._call(thread)
        if call is not None:
            self._begun_again(thread, call[0], call[1])

    def _call(self, thread: Thread) -> tuple[int, int, int] | None:
        """Return number, result and place of the call that a thread comes out of, if any."""
        if not self._known or ptrace(PTRACE_GETREGS, thread.tid, 0, ctypes.byref(self._registers)) != 0:
            return None
        registers = _REGISTERS.unpack_from(self._registers)
        if registers[_ORIG_RAX] < 0 or not self._is_native(thread.tid):
            return None
        return registers[_ORIG_RAX], registers[_RAX], registers[_RIP]

    def _begun_again(self, thread: Thread, number: int, ret: int) -> bool:
        if ret != _EINTR or number not in self._can_begin_again:
            return False
        return bool(ptrace(PTRACE_POKEUSER, thread.tid, 8 * _RAX, ctypes.c_long(_NOT_RESTARTED)) == 0)

    def _is_native(self, tid: int) -> bool:
        if ptrace(PTRACE_GET_SYSCALL_INFO, tid, INFO_SIZE, ctypes.byref(self._info)) <= 0:
            return False
        return bool(ENTRY_INFO.unpack_from(self._info)[INFO_ARCH] == AUDIT_ARCH[platform.machine()])
