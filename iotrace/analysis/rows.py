"""Rows one at a time, for the views that print them: made when they are looked at, a few hundred at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iotrace.columns import Events

_AT_ONCE = 512
_COLUMNS = (
    "kind", "code", "enter_ns", "exit_ns", "ret", "fd", "a", "b", "c", "tid", "tgid", "flags", "asleep_ns",
    "queued_ns", "sleeps", "running_ns", "copy_ns", "waker", "cpu",
)  # fmt: skip

#: The columns that rows are made of, for :meth:`iotrace.recording.streaming.Stream.batches`.
READ = frozenset((*_COLUMNS, "watch", "blob"))


class Row(NamedTuple):
    """One row of a recording; every field as in :data:`probes.events.EVENT`."""

    kind: int
    code: int
    enter_ns: int
    exit_ns: int
    ret: int
    fd: int
    a: int
    b: int
    c: int
    tid: int
    tgid: int
    flags: int
    asleep_ns: int
    queued_ns: int
    sleeps: int
    running_ns: int
    copy_ns: int
    waker: int
    cpu: int
    watch: list[int]
    blob: bytes


def rows_of(events: Events, chosen: NDArray[np.int64]) -> Iterator[Row]:
    """Yield the rows at the positions ``chosen``, (n,) int64."""
    for start in range(0, len(chosen), _AT_ONCE):
        part = chosen[start : start + _AT_ONCE]
        watch = _ragged(events.watch_offsets, part)
        blob = _ragged(events.blob_offsets, part)
        columns = [events[name][part].tolist() for name in _COLUMNS]
        watches = [events.watch[i:j].tolist() if j > i else [] for i, j in watch]
        blobs = [events.blob[i:j].tobytes() if j > i else b"" for i, j in blob]
        yield from map(Row._make, zip(*columns, watches, blobs, strict=True))


def _ragged(offsets: NDArray[np.int64], part: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    return zip(offsets[part].tolist(), offsets[part + 1].tolist(), strict=True)
