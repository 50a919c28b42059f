"""Wait for a stop so that no signal is lost, should we be killed before it is served.

A wait that reports the delivery of a signal takes the signal out of the task (kernel/exit.c,
``wait_task_stopped``): from then until the task is resumed with it, it exists only in the tracer. So what
runs already is looked at first, with WNOWAIT: a delivery is left as it is, and to resume the task makes the
report vanish; were the tracer to die before, the kernel would deliver the signal. Everything else is waited
for as usual.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Container

from probes.ptrace.abi import WEXITED, WNOHANG, WNOWAIT, WSTOPPED, wait4_at_once, waitid

_P_ALL = 0
_LOOK = WEXITED | WSTOPPED | WNOWAIT
_CLD_TRAPPED = 4
#: siginfo_t of SIGCHLD on 64-bit: si_signo, si_errno, si_code, si_pid, si_uid, si_status.
_SIGINFO = struct.Struct("<iii4xiIi")
_SYSCALL_STOP = 0x80


class Peek:
    """Has the signature of ``wait4``, and its results; ``status`` is where its statuses go.

    ``known``: whose deliveries are served at once. Those of others are waited for, or they would come for
    ever.
    """

    def __init__(self, status: ctypes.c_int, known: Container[int]) -> None:
        self._known = known
        self._status = status
        self._status_reference = ctypes.byref(status)
        self._info = ctypes.create_string_buffer(128)
        self._info_reference = ctypes.byref(self._info)

    def wait(self, _pid: int, _status: object, options: int, _usage: object) -> int:
        """Wait for any task, as ``options`` of wait4 say."""
        _SIGINFO.pack_into(self._info, 0, 0, 0, 0, 0, 0, 0)
        if waitid(_P_ALL, 0, self._info_reference, options | _LOOK) != 0:
            return -1
        _, _, code, tid, _, status = _SIGINFO.unpack_from(self._info)
        if not tid:
            return 0
        if code == _CLD_TRAPPED and status < _SYSCALL_STOP and tid in self._known:
            self._status.value = status << 8 | 0x7F
            return int(tid)
        return int(wait4_at_once(tid, self._status_reference, options | WNOHANG, None))


def is_delivery(status: int) -> bool:
    """Tell whether a wait status is the delivery of a signal: it comes again until it is served."""
    return status & 0x7F == 0x7F and status >> 8 < _SYSCALL_STOP
