"""Read the memory of a stopped process: one system call a read, no file kept open.

``process_vm_readv`` where it is allowed; some containers forbid it and leave ``/proc/PID/mem``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from probes.ptrace.abi import libc

#: The most that one read returns. 8192 pollfds, 1024 mmsghdrs.
LIMIT = 64 << 10
_PAGE = 4096
_ADDRESS_MASK = (1 << 64) - 1
_VECTORS = struct.Struct("<QQQQ")

_process_vm_readv = libc.process_vm_readv
_process_vm_readv.argtypes = (
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_ulong,
)
_process_vm_readv.restype = ctypes.c_ssize_t

_buffer = bytearray(LIMIT)
_view = (ctypes.c_char * LIMIT).from_buffer(_buffer)
_local = bytearray(struct.pack("<QQ", ctypes.addressof(_view), LIMIT))
_local_view = (ctypes.c_char * 16).from_buffer(_local)
_local_address = ctypes.addressof(_local_view)
_remote = bytearray(_VECTORS.size)
_remote_view = (ctypes.c_char * _VECTORS.size).from_buffer(_remote)
_remote_address = ctypes.addressof(_remote_view)
_refused = False


def read(tid: int, address: int, length: int) -> bytes:
    """Return up to ``length`` bytes (at most :data:`LIMIT`) at ``address``; fewer where memory ends.

    ``address`` may be a signed register. Empty where nothing can be read.
    """
    if length <= 0 or not address:
        return b""
    address &= _ADDRESS_MASK
    length = min(length, LIMIT)
    # A read that fails in one vector still returns those before it: the page that holds the start
    # is a vector of its own, so that a short string at the end of a mapping is read.
    first = min(length, _PAGE - address % _PAGE)
    _VECTORS.pack_into(_remote, 0, address, first, (address + first) & _ADDRESS_MASK, length - first)
    if not _refused:
        count = _process_vm_readv(tid, _local_address, 1, _remote_address, 2 if length > first else 1, 0)
        if count >= 0:
            return bytes(_buffer[:count])
        if ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
            return b""
    return _read_file(tid, address, length)


def read_exactly(tid: int, address: int, length: int) -> bytes | None:
    """Return ``length`` bytes at ``address`` of ``tid``, or None where they cannot all be read."""
    data = read(tid, address, length)
    return data if len(data) == length else None


def _read_file(tid: int, address: int, length: int) -> bytes:
    global _refused
    try:
        descriptor = os.open(f"/proc/{tid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        data = os.pread(descriptor, length, address)
    except (OSError, OverflowError):
        return b""
    finally:
        os.close(descriptor)
    _refused = True  # the file works where the call does not: ask it from now on
    return data
