"""Were data there before the call? Asked of a duplicate of the target's descriptor, closed at once.

``pidfd_getfd`` (Linux 5.6) gives the tracer a second reference to the target's open file, and
``poll`` with timeout 0 looks at it without queueing on it. A duplicate that lived on would hold back the
FIN of a connection that the target closes: it would change what is measured. Two kinds of file are not
asked: regular files, which poll always calls ready, and signalfd, where poll looks at the signals of
the asking process.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Callable

from probes.events import Flag
from probes.ptrace.abi import libc, poll, small_syscall

_PIDFD_OPEN = 434  # the same number on every architecture
_PIDFD_GETFD = 438
_POLLIN = 1
_POLLNVAL = 32
_READY = int(Flag.READY_AT_ENTRY)
_EMPTY = int(Flag.EMPTY_AT_ENTRY)

UNKNOWN = -1
_ADDRESS_LIMIT = 110  # sizeof(struct sockaddr_un), unix(7): the longest


_entry = bytearray(8)
_entry_reference = ctypes.byref((ctypes.c_char * 8).from_buffer(_entry))
_ASK = struct.Struct("<ihh")
_ANSWER = struct.Struct("<h")


def available() -> bool:
    """Tell whether this kernel duplicates descriptors between processes, by trying it on this one."""
    pidfd = open_process(os.getpid())
    if pidfd == UNKNOWN:
        return False
    duplicate = small_syscall(_PIDFD_GETFD, pidfd, pidfd, 0)
    os.close(pidfd)
    if duplicate >= 0:
        os.close(duplicate)
    return bool(duplicate >= 0)


def open_process(tgid: int) -> int:
    """Return a pidfd for process ``tgid`` (close-on-exec), or :data:`UNKNOWN`."""
    return int(small_syscall(_PIDFD_OPEN, tgid, 0, 0))


def look(pidfd: int, fd: int, kinds: dict[int, bool]) -> int:
    """Return READY_AT_ENTRY or EMPTY_AT_ENTRY for descriptor ``fd`` of a process, or 0 where neither fits.

    ``kinds`` remembers which descriptors can be asked; the caller forgets those that are closed.
    """
    if not kinds.get(fd, True):
        return 0
    duplicate = small_syscall(_PIDFD_GETFD, pidfd, fd, 0)
    if duplicate < 0:
        return 0
    try:
        if fd not in kinds:
            kinds[fd] = _can_be_asked(duplicate)
            if not kinds[fd]:
                return 0
        _ASK.pack_into(_entry, 0, duplicate, _POLLIN, 0)
        if poll(_entry_reference, 1, 0) < 0:
            return 0
        answer = _ANSWER.unpack_from(_entry, 6)[0]
    finally:
        os.close(duplicate)
    if answer & _POLLNVAL:
        return 0
    return _READY if answer else _EMPTY


def duplicate(pidfd: int, fd: int) -> int:
    """Return a duplicate of a process's descriptor, to be closed at once; negative: there is none."""
    return int(small_syscall(_PIDFD_GETFD, pidfd, fd, 0))


def own_address(pidfd: int, fd: int) -> bytes:
    """Return the sockaddr of a socket of a process (getsockname(2)): the port that bind to 0 gave it."""
    return _address(pidfd, fd, libc.getsockname)


def _address(pidfd: int, fd: int, ask: Callable[..., int]) -> bytes:
    duplicate = small_syscall(_PIDFD_GETFD, pidfd, fd, 0)
    if duplicate < 0:
        return b""
    address, length = ctypes.create_string_buffer(_ADDRESS_LIMIT), ctypes.c_int(_ADDRESS_LIMIT)
    try:
        failed = ask(duplicate, address, ctypes.byref(length))
    finally:
        os.close(duplicate)
    return b"" if failed else address.raw[: min(length.value, _ADDRESS_LIMIT)]


def peer_address(pidfd: int, fd: int) -> bytes:
    """Return the sockaddr of the other end of a connection of a process (getpeername(2))."""
    return _address(pidfd, fd, libc.getpeername)


def _can_be_asked(duplicate: int) -> bool:
    mode = os.fstat(duplicate).st_mode
    if stat.S_IFMT(mode):
        return stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)
    return "signalfd" not in os.readlink(f"/proc/self/fd/{duplicate}")
