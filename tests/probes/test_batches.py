"""Rows copied as pieces of memory are the rows that numpy copies field by field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probes.batches import chosen, copied, joined
from probes.events import EVENT, batch


def _rows(n: int, seed: int = 23) -> NDArray[np.void]:
    return np.random.default_rng(seed).integers(0, 256, n * EVENT.itemsize, np.uint8).view(EVENT)


def test_a_copy_is_contiguous_and_of_its_own() -> None:
    framed = np.zeros(7, np.dtype([("header", "<u8"), ("row", EVENT)]))
    framed["row"] = _rows(7)
    copy = copied(framed["row"])
    assert copy.dtype == EVENT
    assert copy.flags.c_contiguous
    framed["row"] = 0
    assert copy.tobytes() == _rows(7).tobytes()


def test_chosen_rows_are_those_of_the_mask() -> None:
    rows, which = _rows(5), np.array([True, False, False, True, True])
    assert chosen(rows, which).tobytes() == rows[which].tobytes()
    assert len(chosen(rows, np.zeros(5, bool))) == 0


def test_joined_batches_keep_their_sets_and_bytes() -> None:
    first = batch(_rows(3, 1), {0: [1, 2], 2: [3]}, {1: b"path"})
    second = batch(_rows(2, 2), {1: [4, 5, 6]}, {0: b"/", 1: b"else"})
    whole = joined([first, second, batch(_rows(0))])
    assert whole.rows.tobytes() == first.rows.tobytes() + second.rows.tobytes()
    assert whole.watch_offsets.tolist() == [0, 2, 2, 3, 3, 6]
    assert whole.watch.tolist() == [1, 2, 3, 4, 5, 6]
    assert whole.blob_offsets.tolist() == [0, 0, 4, 4, 5, 9]
    assert whole.blob.tobytes() == b"path/else"
    assert whole.watch_offsets.dtype == whole.blob_offsets.dtype == np.int32


def test_offsets_that_begin_later_are_joined_too() -> None:
    """A batch may be a slice of a longer one: its offsets need not begin at 0."""
    part = batch(_rows(2, 3), {0: [7], 1: [8, 9]})._replace(watch_offsets=np.array([4, 5, 7], np.int32))
    assert joined([part, part]).watch_offsets.tolist() == [0, 1, 3, 4, 6]
