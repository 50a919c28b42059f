"""The syscall table in the form that the programs index by system call number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probes.table import Call, Decode, Source, by_number

#: ``struct call_meta`` of ``probes/bpf/event.h``.
CALL_META = np.dtype(
    [
        ("known", "u1"),
        ("role", "u1"),
        ("decode", "u1"),
        ("decode_argument", "u1"),
        ("fd", "u1"),
        ("a", "u1"),
        ("b", "u1"),
        ("c", "u1"),
        ("a_how", "u1"),
        ("c_how", "u1"),
        ("at_entry", "u1"),
        ("at_exit", "u1"),
        ("code", "<u2"),
        ("unused", "<u2"),
    ]
)

NUMBERS = 1024  # slots: system call numbers stay below 512 so far
NO_ARGUMENT, NO_FD = 6, 7  # slots of task.args that hold 0 and -1
EXIT_MEMORY, EXIT_SETS = 1, 2  # slots of the program array
_HOW = {"": 0, "vlen": 1, "msg": 2, "ms": 3, "timeval": 4, "timespec": 5}
_FUTEX_TIMESPEC = 6
_SETS = (Decode.SELECT, Decode.POLL, Decode.EPOLL, Decode.EPOLL_CTL)
_EXITS = {"x86_64": (60, 231), "aarch64": (93, 94)}  # exit, exit_group: no calls of the table


def call_metadata(machine: str) -> NDArray[np.void]:
    """Return (NUMBERS,) :data:`CALL_META` by system call number. Raises ``KeyError`` as ``by_number``."""
    table = np.zeros(NUMBERS, CALL_META)
    for number, call in by_number(machine).items():
        table[number] = _entry(call)
    for number in _EXITS[machine]:
        table[number]["known"] = 2
    return table


def _entry(call: Call) -> tuple[int, ...]:
    a_how, c_how = _how(call.a), _FUTEX_TIMESPEC if call.name == "futex" else _how(call.c)
    at_entry = a_how or c_how or call.decode in (Decode.SELECT, Decode.PATH)
    at_exit = 0 if call.decode is Decode.NONE else EXIT_SETS if call.decode in _SETS else EXIT_MEMORY
    return (
        1,
        call.role,
        call.decode,
        _decode_argument(call),
        NO_FD if call.fd is None else call.fd.argument,
        *(NO_ARGUMENT if source is None else source.argument for source in (call.a, call.b, call.c)),
        a_how,
        c_how,
        bool(at_entry),
        at_exit,
        call.code,
        0,
    )


def _how(source: Source | None) -> int:
    return 0 if source is None else _HOW[source.how]


def _decode_argument(call: Call) -> int:
    if call.decode in (Decode.ADDRESS_IN, Decode.ADDRESS_OUT):
        return 4 if call.name in ("sendto", "recvfrom") else 1
    if call.decode in (Decode.MMSG, Decode.RING_PARAMS):
        return 1
    return call.decode_argument or 0
