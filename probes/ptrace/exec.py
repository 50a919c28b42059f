"""Bring a seized child to the exec that makes it the target."""

from __future__ import annotations

import ctypes
import os
import platform

from probes.ptrace.abi import (
    ENTRY_INFO,
    INFO_ARGUMENT,
    INFO_NR,
    INFO_SIZE,
    PTRACE_CONT,
    PTRACE_EVENT_EXEC,
    PTRACE_EVENT_STOP,
    PTRACE_GET_SYSCALL_INFO,
    PTRACE_LISTEN,
    WALL,
    ptrace,
)
from probes.ptrace.memory import read
from probes.table import BY_NAME

_PATH_LIMIT = 4096  # PATH_MAX
_SIGTRAP = 5


def wait_for_exec(pid: int) -> tuple[int | None, bytes]:
    """Let ``pid`` go until an exec succeeds: return (None, its path), the child being stopped there.

    Where it ends before, return (its wait status, b"").
    """
    execve = getattr(BY_NAME["execve"], platform.machine())
    info = ctypes.create_string_buffer(INFO_SIZE)
    path = b""
    while True:
        _, status = os.waitpid(pid, WALL)
        if not os.WIFSTOPPED(status):
            return status, b""
        event, number = status >> 16, status >> 8 & 0xFF
        if event == PTRACE_EVENT_EXEC:
            return None, path
        if event == PTRACE_EVENT_STOP and number != _SIGTRAP:
            ptrace(PTRACE_LISTEN, pid, 0, 0)
            continue
        if event and ptrace(PTRACE_GET_SYSCALL_INFO, pid, INFO_SIZE, ctypes.byref(info)) > 0:
            entry = ENTRY_INFO.unpack_from(info)
            if entry[INFO_NR] == execve:
                path = read(pid, entry[INFO_ARGUMENT], _PATH_LIMIT).partition(b"\0")[0]
        ptrace(PTRACE_CONT, pid, 0, 0 if event else number)
