"""What the kernel's tracing interface looks like in memory, and the C functions that the hot loop calls.

python-ptrace's binding names the requests and events it knows and serves the rare ones; the requests
made at every stop (wait, ask, resume) are bound here with fixed argument types, because its
wrappers build an object or two per call. Sources: ptrace(2), linux/ptrace.h, wait(2), pidfd_open(2).
"""

from __future__ import annotations

import ctypes
import struct

from ptrace.binding import func

from probes.events import EVENT

libc = ctypes.CDLL(None, use_errno=True)

# linux/ptrace.h, what python-ptrace 0.9.9 lacks
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
PTRACE_LISTEN = 0x4208
PTRACE_GET_SYSCALL_INFO = 0x420E
PTRACE_EVENT_SECCOMP = 7
PTRACE_EVENT_STOP = 128
PTRACE_O_TRACESECCOMP = 1 << PTRACE_EVENT_SECCOMP
PTRACE_O_EXITKILL = 1 << 20

PTRACE_CONT: int = func.PTRACE_CONT
PTRACE_SYSCALL: int = func.PTRACE_SYSCALL
PTRACE_GETREGS = 12
PTRACE_POKEUSER: int = func.PTRACE_POKEUSER
PTRACE_EVENT_FORK: int = func.PTRACE_EVENT_FORK
PTRACE_EVENT_VFORK: int = func.PTRACE_EVENT_VFORK
PTRACE_EVENT_CLONE: int = func.PTRACE_EVENT_CLONE
PTRACE_EVENT_EXEC: int = func.PTRACE_EVENT_EXEC

#: Of what runs already. SYSGOOD: were the tracer to die at a call's stop, the kernel would find a number
#: there that is no signal's; without it the target would be sent SIGTRAP.
ATTACHED_OPTIONS: int = (
    func.PTRACE_O_TRACESYSGOOD
    | func.PTRACE_O_TRACEFORK
    | func.PTRACE_O_TRACEVFORK
    | func.PTRACE_O_TRACECLONE
    | func.PTRACE_O_TRACEEXEC
)
#: Of our own child. EXITKILL: were the tracer to die, every filtered call would fail with ENOSYS.
OPTIONS: int = ATTACHED_OPTIONS | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL

# wait(2). WNOTHREAD: children that other threads of this process have started are theirs to wait for.
WSTOPPED, WEXITED, WNOWAIT = 2, 4, 0x01000000
WALL = 0x40000000
WNOTHREAD = 0x20000000
WNOHANG = 1

# Whole wait statuses of the two stops that make up a recording.
SECCOMP_STOP = PTRACE_EVENT_SECCOMP << 16 | 5 << 8 | 0x7F
SYSCALL_STOP = (5 | 0x80) << 8 | 0x7F

# No argument types: a ctypes function that has them takes twice as long to call. Without them integers
# travel as C ints (sign-extended in their registers), which fits all requests, ids, sizes and signals
# here; addresses must be given as ``byref(...)``. Only the wait gives other Python threads a turn: the
# rest returns at once.
_at_once = ctypes.PyDLL(None, use_errno=True)
ptrace = _at_once["ptrace"]
poll = _at_once["poll"]
small_syscall = _at_once["syscall"]
wait4 = libc["wait4"]
waitid = libc["waitid"]
wait4_at_once = _at_once["wait4"]

prctl = libc.prctl
prctl.argtypes = (ctypes.c_int,) + (ctypes.c_ulong,) * 4

#: struct ptrace_syscall_info. At a call's entry: op, arch, nr, six arguments, and at a seccomp stop the
#: filter's own data, which is 0 (see :mod:`probes.ptrace.filter`) and stands for "no argument".
INFO_SIZE = 88
ENTRY_INFO = struct.Struct("<B3xI16xQ6qI")
INFO_ARCH, INFO_NR, INFO_ARGUMENT, INFO_NONE = 1, 2, 3, 9
#: At every stop: where the task is in its program.
POINTER_INFO = struct.Struct("<Q")
POINTER_INFO_OFFSET = 8
#: At an exit stop: the result, after op, arch and the two pointers.
EXIT_INFO = struct.Struct("<q")
EXIT_INFO_OFFSET = 24
INFO_ENTRY, INFO_EXIT, INFO_SECCOMP = 1, 2, 3

# linux/audit.h
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

#: A finished call as :data:`probes.events.EVENT` lays it out; what ptrace cannot see is left 0.
#: enter, exit, ret, asleep, queued, a, b, c, fd, tid, tgid, code, flags, kind
CALL_ROW = struct.Struct("<QQq48xQQ8xqqqiII8xHH6xBx")
#: The same with the waker: enter, exit, ret, a, b, c, fd, tid, tgid, waker, code, flags, kind
FACT_ROW = struct.Struct("<QQq48x16x8xqqqiIII4xHH6xBx")
if not CALL_ROW.size == FACT_ROW.size == EVENT.itemsize:
    raise AssertionError("the row's packed forms and probes.events.EVENT differ")
