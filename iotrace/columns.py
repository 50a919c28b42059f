"""The events of a recording in memory: one numpy array a column.

Both ends of the house meet here: probes fill it batch by batch, recordings are read into it,
and every analysis is a pure function of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.events import EVENT, Batch

Array = NDArray[Any]

#: Columns of :data:`probes.events.EVENT` that a recording keeps (``parts`` is transport only).
FIELDS: dict[str, np.dtype[Any]] = {
    name: np.dtype(np.int64) if EVENT[name].kind == "u" and name.endswith("_ns") else EVENT[name]
    for name in EVENT.names or ()
    if name != "parts"
}


@dataclass(frozen=True)
class Events:
    """All rows of a run, in the order in which they were written.

    Every name in :data:`FIELDS` is a key of ``column`` with an array of length n; ``*_ns`` are
    absolute int64 nanoseconds on CLOCK_MONOTONIC, 0 = unseen. ``watch`` and ``blob`` are ragged:
    row i's values are ``watch[watch_offsets[i]:watch_offsets[i + 1]]`` (uint64), and the same for
    ``blob`` (uint8); see :mod:`probes.events` for their meaning.
    """

    column: Mapping[str, Array]
    watch_offsets: NDArray[np.int64]
    watch: NDArray[np.uint64]
    blob_offsets: NDArray[np.int64]
    blob: NDArray[np.uint8]
    header: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[Mapping[str, Any]] = ()

    def __len__(self) -> int:
        return len(self.column["enter_ns"])

    def __getitem__(self, name: str) -> Array:
        return self.column[name]

    def blob_of(self, row: int) -> bytes:
        """Return the bytes of one row."""
        return self.blob[self.blob_offsets[row] : self.blob_offsets[row + 1]].tobytes()


def from_batches(
    batches: Sequence[Batch],
    header: Mapping[str, Any] | None = None,
    notes: Sequence[Mapping[str, Any]] = (),
) -> Events:
    """Join batches as a probe hands them out, without a file between: for tests and live views."""
    rows = np.concatenate([b.rows for b in batches]) if batches else np.zeros(0, EVENT)
    column = {name: rows[name].astype(dtype) for name, dtype in FIELDS.items()}
    return Events(
        column,
        join_offsets([b.watch_offsets for b in batches]),
        np.concatenate([b.watch for b in batches]) if batches else np.zeros(0, np.uint64),
        join_offsets([b.blob_offsets for b in batches]),
        np.concatenate([b.blob for b in batches]) if batches else np.zeros(0, np.uint8),
        header or {},
        notes,
    )


def join_offsets(parts: Sequence[Array]) -> NDArray[np.int64]:
    """Join the offset arrays of ragged columns, each (n+1,), into one that runs on."""
    lengths = [np.diff(offsets.astype(np.int64)) for offsets in parts]
    joined = np.concatenate(lengths) if lengths else np.zeros(0, np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(joined)])
