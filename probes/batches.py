"""Copy, choose and join rows: as pieces of memory, for numpy copies a structured array field by field.

That is seven times as slow, and at some hundred thousand rows a second a good part of what a tracer costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.events import Batch


def copied(rows: NDArray[np.void]) -> NDArray[np.void]:
    """Return a contiguous copy of rows (n,), whatever their stride."""
    return _whole(rows).copy().view(rows.dtype)


def chosen(rows: NDArray[np.void], which: NDArray[np.bool_]) -> NDArray[np.void]:
    """Return a copy of those rows (n,) for which ``which`` (n,) is true."""
    return _whole(rows)[which].view(rows.dtype)


def joined(batches: Sequence[Batch]) -> Batch:
    """Return one or more batches as one, with memory of its own."""
    rows = np.concatenate([_whole(batch.rows) for batch in batches])
    return Batch(
        rows.view(batches[0].rows.dtype),
        _offsets([batch.watch_offsets for batch in batches]),
        np.concatenate([batch.watch for batch in batches]),
        _offsets([batch.blob_offsets for batch in batches]),
        np.concatenate([batch.blob for batch in batches]),
    )


def _whole(rows: NDArray[np.void]) -> NDArray[Any]:
    return rows.view(np.dtype((np.void, rows.dtype.itemsize)))


def _offsets(parts: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    result = np.zeros(1 + sum(len(part) - 1 for part in parts), np.int32)
    at = 1
    for part in parts:
        after = at + len(part) - 1
        np.add(part[1:], result[at - 1] - part[0], out=result[at:after])
        at = after
    return result
