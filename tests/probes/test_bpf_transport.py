"""Joining the pieces of sets and bytes with their rows, as the ring buffer brings them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probes.ebpf.mapped import AUX, AUX_KIND
from probes.ebpf.transport import Joiner
from probes.events import EVENT, Flag, Kind


def _row(tid: int, enter_ns: int, parts: int = 0) -> NDArray[np.void]:
    row = np.zeros(1, EVENT)
    row["kind"], row["tid"], row["enter_ns"], row["parts"] = Kind.CALL, tid, enter_ns, parts
    return row


def _piece(tid: int, enter_ns: int, part: int, values: list[int] | bytes) -> NDArray[np.void]:
    piece = np.zeros(1, AUX)
    piece["kind"], piece["tid"], piece["enter_ns"], piece["part"] = AUX_KIND, tid, enter_ns, part
    piece["list"], piece["count"] = int(isinstance(values, bytes)), len(values)
    if isinstance(values, bytes):
        values = np.frombuffer(values.ljust(112, b"\0"), "<u8").tolist()
    piece["values"][0, : len(values)] = values
    return piece.view(EVENT)


def test_pieces_join_their_rows_in_order() -> None:
    joiner = Joiner()
    joined = joiner.join(
        np.concatenate(
            [
                _piece(7, 100, 1, [3, 4]),
                _row(9, 100),
                _piece(7, 100, 0, [1, 2]),
                _piece(8, 100, 0, b"/path"),
                _row(8, 100, parts=1),
                _row(7, 100, parts=2),
            ]
        )
    )
    assert joined.rows["tid"].tolist() == [9, 8, 7]
    assert joined.watch_offsets.tolist() == [0, 0, 0, 4]
    assert joined.watch.tolist() == [1, 2, 3, 4]
    assert joined.blob_offsets.tolist() == [0, 0, 5, 5]
    assert joined.blob.tobytes() == b"/path"
    assert not joined.rows["parts"].any()
    assert not joined.rows["flags"].any()
    assert joiner.pieces == 3


def test_a_row_that_comes_later_finds_its_pieces() -> None:
    joiner = Joiner()
    assert not len(joiner.join(_piece(7, 100, 0, [1])).rows)
    assert joiner.join(_row(7, 99)).watch.tolist() == []
    joined = joiner.join(_row(7, 100, parts=1))
    assert joined.watch.tolist() == [1]
    assert joined.rows["flags"].tolist() == [0]


def test_a_missing_piece_leaves_the_set_out_and_says_so() -> None:
    joined = Joiner().join(np.concatenate([_piece(7, 100, 1, [3]), _row(7, 100, parts=2), _row(8, 100)]))
    assert joined.watch.tolist() == []
    assert joined.rows["flags"].tolist() == [Flag.WATCH_UNSEEN, 0]


def test_rows_without_pieces_pass_as_they_are() -> None:
    rows = np.concatenate([_row(1, 5), _row(2, 6)])
    joined = Joiner().join(rows)
    assert joined.rows["tid"].tolist() == [1, 2]
    assert joined.watch_offsets.tolist() == joined.blob_offsets.tolist() == [0, 0, 0]
