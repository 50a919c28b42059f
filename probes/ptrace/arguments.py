"""Decode arguments that lie in the target's memory: timeouts, lengths, addresses, paths, results.

Sources: the manual page of each call; linux/time_types.h, linux/uio.h, linux/socket.h, linux/io_uring.h.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from probes.events import Flag
from probes.ptrace.abi import INFO_ARGUMENT
from probes.ptrace.memory import read, read_exactly
from probes.table import Call, Decode, Role, Source

if TYPE_CHECKING:
    from probes.ptrace.plan import Enter, Exit
    from probes.ptrace.tasks import Thread

_TWO_WORDS = struct.Struct("<qq")
_VECTOR = struct.Struct("<QQ")
_TWO_INTS = struct.Struct("<II")
_INT = struct.Struct("<i")
_UNSIGNED = struct.Struct("<I")
_MESSAGE = struct.Struct("<16xQQ")  # struct msghdr: after the name, the vectors and their number
_MESSAGE_SIZE = 64  # struct mmsghdr: a msghdr of 56 bytes, the length done, padding
_MESSAGE_DONE = 56
_CONTROL = struct.Struct("<32xQQ")  # struct msghdr: the control data and their length
_CONTROL_HEADER = struct.Struct("<Qii")  # struct cmsghdr: length, level, type
_CONTROL_LIMIT = 2048  # SCM_MAX_FD descriptors are 1012 bytes
_SOL_SOCKET, _SCM_RIGHTS = 1, 1  # asm-generic/socket.h, linux/socket.h
_MAXIMUM = (1 << 63) - 1
_VECTORS_LIMIT = 1024  # UIO_MAXIOV
_ADDRESS_LIMIT = 128  # sizeof(struct sockaddr_storage)
_PATH_LIMIT = 95
_FIONBIO, _FIOASYNC = 0x5421, 0x5452  # asm-generic/ioctls.h
_RING_FLAGS = 8  # offset in struct io_uring_params
#: futex operations whose fourth argument is a timeout (futex(2)); for the others it is a number, or nothing.
_FUTEX_TIMED = frozenset((0, 6, 9, 11, 13))
_FUTEX_COMMAND = 0x7F


def column(name: str, source: Source, call: str) -> Enter:
    """Return what decodes one column at the entry, as :class:`probes.table.Source` says."""
    index = INFO_ARGUMENT + source.argument
    value: Callable[[Thread, tuple[int, ...]], int]
    if source.how == "vlen":

        def value(thread: Thread, info: tuple[int, ...]) -> int:
            return _total(thread.tid, info[index], info[index + 1])

    elif source.how == "msg":

        def value(thread: Thread, info: tuple[int, ...]) -> int:
            header = read_exactly(thread.tid, info[index], _MESSAGE_DONE)
            return _total(thread.tid, *_MESSAGE.unpack_from(header)) if header else 0

    elif source.how == "ms":

        def value(thread: Thread, info: tuple[int, ...]) -> int:
            milliseconds = info[index] & 0xFFFFFFFF
            return -1 if milliseconds >> 31 else milliseconds * 1_000_000

    else:
        unit = 1_000 if source.how == "timeval" else 1
        timed = _FUTEX_TIMED if call == "futex" else None

        def value(thread: Thread, info: tuple[int, ...]) -> int:
            if timed is not None and info[INFO_ARGUMENT + 1] & _FUTEX_COMMAND not in timed:
                return -1
            return _timeout(thread.tid, info[index], unit)

    def enter(thread: Thread, info: tuple[int, ...]) -> None:
        setattr(thread, name, value(thread, info))

    return enter


def _timeout(tid: int, address: int, unit: int) -> int:
    data = read_exactly(tid, address, _TWO_WORDS.size)
    if data is None:
        return -1
    seconds, fraction = _TWO_WORDS.unpack(data)
    nanoseconds: int = seconds * 1_000_000_000 + fraction * unit
    return max(-1, min(nanoseconds, _MAXIMUM))


def _total(tid: int, address: int, count: int) -> int:
    """Return the total length of an array of iovec."""
    data = read(tid, address, min(count, _VECTORS_LIMIT) * _VECTOR.size)
    data = data[: len(data) // _VECTOR.size * _VECTOR.size]
    total: int = sum(length for _, length in _VECTOR.iter_unpack(data))
    return min(total, _MAXIMUM)


def _address_in(call: Call) -> Enter:
    address, length = (4, 5) if call.name == "sendto" else (1, 2)
    address, length = address + INFO_ARGUMENT, length + INFO_ARGUMENT

    def enter(thread: Thread, info: tuple[int, ...]) -> None:
        thread.blob = read(thread.tid, info[address], min(info[length] & 0xFFFFFFFF, _ADDRESS_LIMIT)) or None

    return enter


def _length_before(call: Call) -> Enter:
    _, length = _address_out_arguments(call)

    def enter(thread: Thread, info: tuple[int, ...]) -> None:
        # The kernel puts the address's own length there, which may be more than it wrote.
        data = read_exactly(thread.tid, info[length], _INT.size)
        thread.kept = _INT.unpack(data)[0] if data else 0

    return enter


def _address_out(call: Call) -> Exit:
    address, length = _address_out_arguments(call)

    def leave(thread: Thread, info: tuple[int, ...], ret: int) -> None:
        room = thread.kept
        if ret < 0 or not isinstance(room, int) or room <= 0:
            return
        data = read_exactly(thread.tid, info[length], _INT.size)
        if data:
            size = min(_INT.unpack(data)[0], room, _ADDRESS_LIMIT)
            thread.blob = read(thread.tid, info[address], size) or None

    return leave


def _address_out_arguments(call: Call) -> tuple[int, int]:
    address = 4 if call.name == "recvfrom" else 1
    return INFO_ARGUMENT + address, INFO_ARGUMENT + address + 1


def _path(call: Call) -> Enter:
    index = INFO_ARGUMENT + _argument(call)

    def enter(thread: Thread, info: tuple[int, ...]) -> None:
        path, ended, _ = read(thread.tid, info[index], _PATH_LIMIT + 1).partition(b"\0")
        thread.blob = path[:_PATH_LIMIT] or None
        if not ended:
            thread.flags |= Flag.BLOB_CUT

    return enter


def _pair(call: Call) -> Exit:
    index = INFO_ARGUMENT + _argument(call)

    def leave(thread: Thread, info: tuple[int, ...], ret: int) -> None:
        data = read_exactly(thread.tid, info[index], _TWO_INTS.size) if ret == 0 else None
        if data:
            first, second = _TWO_INTS.unpack(data)
            thread.c = first | second << 32
            thread.process.kinds.pop(first, None)
            thread.process.kinds.pop(second, None)

    return leave


def _word(call: Call) -> Enter:
    index = INFO_ARGUMENT + _argument(call)

    def enter(thread: Thread, info: tuple[int, ...]) -> None:
        if call.name == "ioctl" and info[INFO_ARGUMENT + 1] in (_FIONBIO, _FIOASYNC):
            data = read_exactly(thread.tid, info[index], _INT.size)
            thread.b = _INT.unpack(data)[0] if data else 0

    return enter


def _messages(call: Call) -> Exit:
    def leave(thread: Thread, info: tuple[int, ...], ret: int) -> None:
        data = read(thread.tid, info[INFO_ARGUMENT + 1], ret * _MESSAGE_SIZE)
        starts = range(_MESSAGE_DONE, len(data) - _UNSIGNED.size + 1, _MESSAGE_SIZE)
        thread.c = sum(_UNSIGNED.unpack_from(data, start)[0] for start in starts)

    return leave


def _rights(call: Call) -> Exit:
    index = INFO_ARGUMENT + _argument(call)

    def leave(thread: Thread, info: tuple[int, ...], ret: int) -> None:
        header = read_exactly(thread.tid, info[index], _MESSAGE_DONE) if ret >= 0 else None
        address, size = _CONTROL.unpack_from(header) if header else (0, 0)
        if size < _CONTROL_HEADER.size:
            return
        passed = _passed(read(thread.tid, address, min(size, _CONTROL_LIMIT)))
        if passed:
            thread.watch = passed
        if call.role is Role.RECEIVE:
            for fd in passed:
                thread.process.kinds.pop(fd, None)

    return leave


def _passed(control: bytes) -> list[int]:
    """Return the descriptors in a message's control data."""
    found: list[int] = []
    at = 0
    while at + _CONTROL_HEADER.size <= len(control):
        length, level, kind = _CONTROL_HEADER.unpack_from(control, at)
        if length < _CONTROL_HEADER.size:
            break
        if (level, kind) == (_SOL_SOCKET, _SCM_RIGHTS):
            data = control[at + _CONTROL_HEADER.size : at + length]
            found += [fd for (fd,) in _INT.iter_unpack(data[: len(data) // _INT.size * _INT.size])]
        at += (length + 7) & ~7
    return found


def _ring(call: Call) -> Exit:
    def leave(thread: Thread, info: tuple[int, ...], ret: int) -> None:
        data = read_exactly(thread.tid, info[INFO_ARGUMENT + 1] + _RING_FLAGS, _UNSIGNED.size)
        thread.b = _UNSIGNED.unpack(data)[0] if data else 0

    return leave


def _argument(call: Call) -> int:
    if call.decode_argument is None:
        raise ValueError(f"the table's row of {call.name} names no argument to decode")
    return call.decode_argument


ENTRIES: dict[Decode, Callable[[Call], Enter]] = {
    Decode.ADDRESS_IN: _address_in,
    Decode.ADDRESS_OUT: _length_before,
    Decode.PATH: _path,
    Decode.WORD: _word,
}
EXITS: dict[Decode, Callable[[Call], Exit]] = {
    Decode.ADDRESS_OUT: _address_out,
    Decode.PAIR: _pair,
    Decode.MMSG: _messages,
    Decode.RING_PARAMS: _ring,
    Decode.RIGHTS: _rights,
}
