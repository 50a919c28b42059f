"""Why the kernel does not let us trace a process: ptrace(2), "Ptrace access mode checking", and Yama."""

from __future__ import annotations

import errno
import os
import threading

from probes.contract import ProbeError
from probes.ptrace.proc import text

_SCOPE = "/proc/sys/kernel/yama/ptrace_scope"
#: linux/sched.h: kernel threads, and the workers of io_uring, make no system calls and cannot be traced.
_PF_IO_WORKER, _PF_KTHREAD = 0x10, 0x200000


def refusal(pid: int, number: int) -> ProbeError:
    """Say in one line why PTRACE_SEIZE of process ``pid`` failed with ``number``, and what to do."""
    if number == errno.ESRCH or not os.path.exists(f"/proc/{pid}"):
        return ProbeError(f"no process {pid}: it has ended")
    tracer = text(f"/proc/{pid}/status", "TracerPid")
    if tracer not in ("", "0"):
        return ProbeError(
            f"process {pid} is traced already, by {_name(tracer)} ({tracer}), and a process has one tracer: "
            "end that one first, or use the eBPF probe"
        )
    return ProbeError(_reason(pid, text(_SCOPE), os.geteuid()) or f"ptrace: {os.strerror(number)}")


def concerns(tgid: int, tid: int) -> bool:
    """Tell whether the calls of a task that was refused are missed: it is not ours, ended, or a worker."""
    if text(f"/proc/{tgid}/task/{tid}/status", "TracerPid") == str(threading.get_native_id()):
        return False  # made by a task that is ours, so seized by the kernel already
    _, _, words = text(f"/proc/{tgid}/task/{tid}/stat").rpartition(")")
    fields = words.split()
    if len(fields) < 7 or fields[0] in "ZX":
        return False
    return not int(fields[6]) & (_PF_IO_WORKER | _PF_KTHREAD)


def _reason(pid: int, scope: str, user: int) -> str:
    again = f"sudo iotrace attach {pid}"
    owner = text(f"/proc/{pid}/status", "Uid").split()[:1]
    if user == 0:
        return (
            f"ptrace of process {pid} is refused to root too: "
            "in a container, allow it (docker run --cap-add=SYS_PTRACE), else attach from the host"
        )
    if owner and owner != [str(user)]:
        return f"process {pid} belongs to user {owner[0]}, and you are user {user}: {again}"
    if scope == "1":
        return (
            f"kernel.yama.ptrace_scope is 1, which lets a process trace its own children only: {again}, "
            "or sudo sysctl kernel.yama.ptrace_scope=0"
        )
    if scope == "2":
        return f"kernel.yama.ptrace_scope is 2, which lets only root trace: {again}"
    if scope == "3":
        return "kernel.yama.ptrace_scope is 3, which forbids ptrace until the next boot: use the eBPF probe"
    return (
        f"process {pid} has privileges that you have not, or has made itself undumpable (prctl(2)): {again}"
    )


def _name(pid: str) -> str:
    name = text(f"/proc/{pid}/comm")
    return "".join(c if c.isprintable() else "?" for c in name) or "a process of another namespace"
