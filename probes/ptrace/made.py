"""What a call has made that was under way when we came: accept returns a connection that no row tells of.

The call itself is not recorded, for when it began is unknown. What it returned is a fact all the same, and
told as one: a row of kind DESCRIPTOR, as of what was open before (proc(5), ``fd`` and ``fdinfo``).
"""

from __future__ import annotations

import contextlib
import os
import re
import socket

from probes.ptrace import witness
from probes.ptrace.tasks import Thread
from probes.table import Role

_FLAGS = re.compile(rb"^flags:\s*([0-7]+)", re.MULTILINE)


def described(thread: Thread, fd: int, role: Role) -> tuple[int, bytes] | None:
    """Return the open flags of a descriptor and what it is; None where it cannot be looked at."""
    folder = b"/proc/%d" % thread.tid
    try:
        link = os.readlink(folder + b"/fd/%d" % fd)
        with open(folder + b"/fdinfo/%d" % fd, "rb") as file:
            flags = _FLAGS.search(file.read())
    except OSError:
        return None
    if flags is None:
        return None
    if role is Role.ACCEPT:
        link = _connection(thread.process.pidfd, fd) or link
    return int(flags[1], 8), link


def _connection(pidfd: int, fd: int) -> bytes:
    """Return what an accepted socket is and where it leads; empty where no duplicate can be asked."""
    duplicate = witness.duplicate(pidfd, fd) if pidfd != witness.UNKNOWN else -1
    if duplicate < 0:
        return b""
    with contextlib.suppress(OSError), socket.socket(fileno=duplicate) as asked:
        if asked.family == socket.AF_UNIX:
            return b"unix"
        if asked.family in (socket.AF_INET, socket.AF_INET6) and asked.type == socket.SOCK_STREAM:
            here, there = _address(asked.getsockname()), _address(asked.getpeername())
            return f"tcp {here} ← {there}".encode()
    return b""


def _address(name: tuple[str, int]) -> str:
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
