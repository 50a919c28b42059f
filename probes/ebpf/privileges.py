"""Whether this process may load programs and attach them to tracepoints (capabilities(7)), and why not.

Without CAP_BPF and CAP_PERFMON (Linux 5.8; CAP_SYS_ADMIN before) no tracepoint program can be loaded,
whatever kernel.unprivileged_bpf_disabled and kernel.perf_event_paranoid say. With them both calls can still
be refused: by a seccomp filter, in a user namespace, by a security module. So they are tried.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from pathlib import Path

from probes.capabilities import Capability, held

_BPF = {"x86_64": 321, "aarch64": 280}
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
_MAP_CREATE, _ARRAY = 0, 2
_SOFTWARE, _DUMMY = 1, 9  # include/uapi/linux/perf_event.h
_FD_CLOEXEC = 8
_ATTRIBUTES = 128  # room for bpf_attr and perf_event_attr, zero where unused


def missing_privileges() -> str | None:
    """Return the names of the capabilities that are missing, None where there are enough."""
    effective = held().effective
    if effective >> Capability.SYS_ADMIN & 1:
        return None
    needed = (Capability.BPF, Capability.PERFMON)
    return " and ".join(f"CAP_{each.name}" for each in needed if not effective >> each & 1) or None


def refusal() -> str | None:
    """Try the two system calls, leaving nothing behind; return None, or who refuses which, and a remedy."""
    for name, problem in (("bpf(2)", _try_bpf()), ("perf_event_open(2)", _try_perf())):
        if problem:
            return (
                f"{_cause(problem)} forbids {name}: allow it (docs/permissions.md), run iotrace on the host,"
                " or use --probe ptrace"
            )
    return None


def in_initial_pid_namespace() -> bool:
    """Return whether tids here are those that tracepoints tell (pid_namespaces(7), PROC_PID_INIT_INO)."""
    return Path("/proc/self/ns/pid").stat().st_ino == 0xEFFFFFFC


def _cause(problem: int) -> str:
    """Return who it may be that says no."""
    status = Path("/proc/self/status").read_text()
    if problem == errno.ENOSYS and "Seccomp:\t2" not in status:
        return "this kernel, built without it,"
    if "Seccomp:\t2" in status:
        return f"a seccomp filter, as containers have ({os.strerror(problem)}),"
    if Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]:
        return f"this user namespace, whose capabilities are not the kernel's ({os.strerror(problem)}),"
    return f"a security module or the kernel's lockdown ({os.strerror(problem)})"


def _try_bpf() -> int:
    """Make a map of one entry; return errno, 0 where it worked."""
    return _tried(_BPF, _MAP_CREATE, struct.pack("=IIII", _ARRAY, 4, 8, 1), _ATTRIBUTES)


def _try_perf() -> int:
    """Open a counter of nothing for all processes on this CPU; return errno, 0 where it worked."""
    event = struct.pack("=IIQ", _SOFTWARE, _ATTRIBUTES, _DUMMY)
    cpu = min(os.sched_getaffinity(0))
    return _tried(_PERF_EVENT_OPEN, event, -1, cpu, -1, _FD_CLOEXEC)


def _tried(numbers: dict[str, int], *arguments: int | bytes) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    rooms = [
        ctypes.create_string_buffer(each, _ATTRIBUTES) if isinstance(each, bytes) else ctypes.c_long(each)
        for each in arguments
    ]
    fd = libc.syscall(ctypes.c_long(numbers[platform.machine()]), *rooms)
    if fd < 0:
        return ctypes.get_errno()
    os.close(fd)
    return 0
