"""Operations as columns: half a million of them are a normal recording, and few columns are used at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: One operation a row: one act of input, from the moment the process, or the kernel on its behalf, began
#: to wait for it until its data were in the process. ``call`` and ``wait`` are row numbers in the
#: recording's events (-1: none).
OPERATION = np.dtype(
    [
        ("act", "u1"),  # Act
        ("model", "u1"),  # Model
        ("at_once", "?"),  # the data were there when it was asked for: phase 1 is empty
        ("by_worker", "?"),  # a kernel thread copied
        ("by_ring", "?"),  # io_uring_enter came before it, and may have told it: this probe cannot see
        ("begin_basis", "u1"),
        ("ready_basis", "u1"),
        ("copy_basis", "u1"),
        ("end_basis", "u1"),
        ("begin_ns", "i8"),
        ("arrived_ns", "i8"),  # when the data truly became ready, also before begin; 0 unseen
        ("ready_ns", "i8"),  # phase 1 is begin..ready
        ("copy_ns", "i8"),  # ready..copy is the wake-up: neither phase
        ("end_ns", "i8"),  # phase 2 is copy..end
        ("bytes", "i8"),
        ("call", "i8"),  # the receive, accept, or io_uring request that completed it
        ("wait", "i8"),  # the select, poll or epoll_wait that announced it, or the peek that slept for it
        ("tries", "i4"),  # failed tries (EAGAIN) before
        ("life", "i4"),  # index in Analysis.descriptors
        ("fd", "i4"),
        ("tid", "i4"),  # the thread that received
        ("waiter", "i4"),  # the thread that waited
        ("tgid", "i4"),
        ("free_ns", "i8"),  # phase 1, by place of the waiter; the eight add up to ready - begin
        ("polling_ns", "i8"),
        ("queued_ns", "i8"),
        ("in_wait_ns", "i8"),
        ("in_transfer_ns", "i8"),
        ("in_signal_ns", "i8"),
        ("in_ring_ns", "i8"),
        ("in_other_ns", "i8"),
        ("blocked2_ns", "i8"),  # phase 2 during which the process was inside the copying call
    ]
)


class Operations:
    """A table with the columns of :data:`OPERATION`.

    ``table["bytes"]`` is a column, (n,); ``table[7]`` one row as a dictionary; ``table[mask]`` and
    ``table[indices]`` are tables. A column that was never set is all zero and takes no memory.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._columns: dict[str, NDArray[Any]] = {}

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, key: str) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: NDArray[Any]) -> Operations: ...
    def __getitem__(self, key: str | int | NDArray[Any]) -> NDArray[Any] | dict[str, Any] | Operations:
        if isinstance(key, str):
            column = self._columns.get(key)
            return column if column is not None else np.broadcast_to(OPERATION[key].type(0), (self._count,))
        if isinstance(key, np.ndarray):
            return self._select(key)
        if not -self._count <= key < self._count:
            raise IndexError(key)
        return {name: self[name][key] for name in OPERATION.names or ()}

    def __setitem__(self, name: str, values: ArrayLike) -> None:
        kind = OPERATION[name]
        array = np.asarray(values)
        if not array.ndim and not array:
            self._columns.pop(name, None)
            return
        array = array.astype(kind, copy=False)
        self._columns[name] = array if array.ndim else np.broadcast_to(array, (self._count,))

    def place(self, name: str, at: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Set some rows of a column, the others to zero."""
        column = np.zeros(self._count, OPERATION[name])
        column[at] = values
        self._columns[name] = column

    def _select(self, key: NDArray[Any]) -> Operations:
        if key.dtype == np.bool_:
            if key.all():
                return self
            key = np.flatnonzero(key)
        chosen = Operations(len(key))
        chosen._columns = {name: column[key] for name, column in self._columns.items()}
        return chosen


def join(parts: Sequence[Operations]) -> Operations:
    """Return the rows of several tables as one."""
    filled = [part for part in parts if len(part)]
    if len(filled) == 1:
        return filled[0]
    whole = Operations(sum(map(len, filled)))
    for name in OPERATION.names or ():
        if filled and any(part[name].any() for part in filled):
            whole[name] = np.concatenate([part[name] for part in filled])
    return whole
