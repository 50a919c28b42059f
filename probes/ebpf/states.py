"""The programs' hash maps as numpy arrays: many entries a system call (BPF_MAP_LOOKUP_BATCH, Linux 5.6)."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.events import EVENT

RECEIVE = np.dtype(
    [
        ("sk", "<u8"),
        ("ready_ns", "<u8"),
        ("copy_ns", "<u8"),
        ("done_ns", "<u8"),
        ("ret", "<i8"),
        ("copied", "<u4"),
        ("copies", "<u4"),
    ]
)

#: ``struct task`` of ``probes/bpf/event.h``.
TASK = np.dtype(
    [
        ("call", EVENT),
        ("args", "<u8", 8),
        ("off_ns", "<u8"),
        ("woken_ns", "<u8"),
        ("early_ns", "<u8"),
        ("request", "<u8"),
        ("last_copy_ns", "<u8"),
        ("now", RECEIVE),
        ("receives", RECEIVE, 4),
        ("early_waker", "<u4"),
        ("status", "<i4"),
        ("armed", "u1"),
        ("worker", "u1"),
        ("asleep", "u1"),
        ("role", "u1"),
        ("decode", "u1"),
        ("decode_argument", "u1"),
        ("at_exit", "u1"),
        ("own_sk", "u1"),
        ("receive_head", "u1"),
        ("threaded", "u1"),
        ("slot", "<u2"),
        ("slice", "<u4"),
    ]
)

SIGNAL_KEY = np.dtype("<u8")
SIGNAL_SENT = np.dtype([("sent_ns", "<u8"), ("code", "<i8"), ("sender", "<u4"), ("unused", "<u4")])


def read_hash(
    lib: Any, fd: int, key: np.dtype[Any], value: np.dtype[Any], entries: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the keys and values of a hash map, entry by entry as they were when each was read.

    ``lib`` is libbcc. An entry that comes or goes meanwhile may be missed; none is seen twice.
    """
    keys: list[bytes] = []
    values: list[bytes] = []
    here = (ctypes.c_char * key.itemsize)()
    after = (ctypes.c_char * key.itemsize)()
    room = (ctypes.c_char * value.itemsize)()
    position = lib.bpf_get_first_key(fd, ctypes.byref(here), key.itemsize)
    while position == 0 and len(keys) < entries:
        if lib.bpf_lookup_elem(fd, ctypes.byref(here), ctypes.byref(room)) == 0:
            keys.append(bytes(here))
            values.append(bytes(room))
        position = lib.bpf_get_next_key(fd, ctypes.byref(here), ctypes.byref(after))
        here, after = after, here
    return np.frombuffer(b"".join(keys), key), np.frombuffer(b"".join(values), value)
