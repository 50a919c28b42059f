"""BPF maps as numpy arrays: shared memory with the kernel, read without a system call."""

from __future__ import annotations

import mmap

import numpy as np
from numpy.typing import NDArray

from probes.batches import chosen, copied
from probes.events import EVENT

PAGE = mmap.PAGESIZE

#: ``struct aux`` of ``probes/bpf/event.h``; ``enter_ns``, ``cpu`` and ``kind`` are where EVENT has them.
AUX = np.dtype(
    [
        ("enter_ns", "<u8"),
        ("values", "<u8", 14),
        ("part", "<i4"),
        ("tid", "<u4"),
        ("tgid", "<u4"),
        ("list", "<u4"),
        ("count", "<u4"),
        ("unused", "<u2", 4),
        ("cpu", "<u2"),
        ("kind", "u1"),
        ("parts", "u1"),
    ]
)
AUX_KIND = 255

ACCOUNT = np.dtype(
    [
        ("produced", "<u8"),
        ("calls", "<u8"),
        ("lost", "<u8"),
        ("gap_first_ns", "<u8"),
        ("gap_last_ns", "<u8"),
        ("gap_rows", "<u8"),
        ("ready_sk", "<u8"),
        ("ready_ns", "<u8"),
        ("ready_tid", "<u4"),
        ("closed", "<u4"),
        ("unused", "<u8", 7),
    ]
)

PLACES = np.dtype([("slot", "<u2", 4)])

RUN = np.dtype([("tasks", "<u8"), ("refused", "<u8"), ("unused", "<u8", 14)])

_RECORD = np.dtype([("length", "<u4"), ("page_offset", "<u4"), ("row", EVENT)])
_BUSY, _DISCARD = 1 << 31, 1 << 30


def map_array(fd: int, dtype: np.dtype[np.void], entries: int) -> NDArray[np.void]:
    """Map an array map made with BPF_F_MMAPABLE: (entries,) of ``dtype``, whose size is a multiple of 8."""
    length = -(-entries * dtype.itemsize // PAGE) * PAGE
    memory = mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    return np.frombuffer(memory, dtype, entries)


class RingBuffer:
    """The consumer's end of a BPF ring buffer whose records are all one EVENT long.

    Layout (kernel/bpf/ringbuf.c): a writable page with the consumer's position; a page with the
    producer's; the data, mapped twice in a row so that no record is ever cut.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._size = size
        self._consumer = np.frombuffer(
            mmap.mmap(fd, PAGE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE), "<u8", 1
        )
        memory = mmap.mmap(fd, PAGE + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=PAGE)
        self._producer = np.frombuffer(memory, "<u8", 1)
        self._data = memory
        self._position = int(self._consumer[0])

    def drain(self, most: int) -> NDArray[np.void]:
        """Take up to ``most`` finished records: (n,) EVENT, a copy. Frees their room in the buffer."""
        waiting = (int(self._producer[0]) - self._position) // _RECORD.itemsize
        count = min(waiting, most)
        if count <= 0:
            return np.empty(0, EVENT)
        start = PAGE + self._position % self._size
        records = np.frombuffer(self._data, _RECORD, count, start)
        lengths = records["length"].copy()
        busy = np.flatnonzero(lengths & _BUSY)
        if len(busy):
            records, lengths = records[: busy[0]], lengths[: busy[0]]
        rows = copied(records["row"])
        self._position += len(records) * _RECORD.itemsize
        self._consumer[0] = self._position
        discarded = lengths & _DISCARD != 0
        return chosen(rows, ~discarded) if discarded.any() else rows
