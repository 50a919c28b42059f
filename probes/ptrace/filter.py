"""The seccomp filter that lets every call pass at full speed except those of the table.

libseccomp builds it (through pyseccomp) in the tracer; the child installs the finished program,
so that nothing but two system calls stands between the filter and the target's exec. A filter needs
CAP_SYS_ADMIN or no_new_privs (seccomp(2)): the privilege is used where there is one, because
no_new_privs would take a set-user-id helper's privilege away and change the target.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Iterable

import pyseccomp

from probes.ptrace.abi import prctl, small_syscall

_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER = 1
_FLAG_SPEC_ALLOW = 4
_INSTRUCTION_SIZE = 8
_BINARY_TREE = 2  # libseccomp's SCMP_FLTATR_CTL_OPTIMIZE: about log2(n) comparisons instead of n

#: The other architectures whose calls the processor can make: 32-bit programs are seen, not decoded.
_FOREIGN = {"x86_64": (pyseccomp.Arch.X86, pyseccomp.Arch.X32), "aarch64": (pyseccomp.Arch.ARM,)}


class _Program(ctypes.Structure):
    """``struct sock_fprog`` (linux/filter.h)."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def build(numbers: Iterable[int]) -> bytes:
    """Build a BPF program that stops calls with these native numbers and allows all others.

    Raises ``OSError`` where libseccomp refuses.
    """
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.ALLOW)
    try:
        rules.set_attr(pyseccomp.Attr.CTL_OPTIMIZE, _BINARY_TREE)
    except OSError as error:  # before libseccomp 2.5
        if error.errno not in (errno.EEXIST, errno.EOPNOTSUPP, errno.EINVAL):
            raise
    for architecture in _FOREIGN.get(platform.machine(), ()):
        rules.add_arch(architecture)
    for number in numbers:
        rules.add_rule(pyseccomp.TRACE(0), number)
    descriptor = os.memfd_create("filter", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "r+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def install(program: bytes) -> None:
    """Install ``program`` for the calling thread, with no_new_privs only where it is needed.

    Raises ``OSError``.
    """
    filter_program = _Program(len(program) // _INSTRUCTION_SIZE, program)
    number = _SECCOMP[platform.machine()]
    for unprivileged in (False, True):
        if unprivileged:
            prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # Without SPEC_ALLOW, kernels before 5.16 would slow the target down against Spectre (seccomp(2)).
        for flags in (_FLAG_SPEC_ALLOW, 0):
            if small_syscall(number, _SET_MODE_FILTER, flags, ctypes.byref(filter_program)) == 0:
                return
            if ctypes.get_errno() != errno.EINVAL:
                break
        if ctypes.get_errno() != errno.EACCES:
            break
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
