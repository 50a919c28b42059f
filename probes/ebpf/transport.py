"""From what the ring buffer carries to the rows of the contract: sets and bytes joined to their rows."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from probes.batches import chosen
from probes.ebpf.mapped import AUX, AUX_KIND
from probes.events import Batch, Flag

_Value = TypeVar("_Value", bound=np.generic)
_WATCH, _BLOB = 0, 1
_UNSEEN = np.uint16(Flag.WATCH_UNSEEN)
_KEY = np.dtype([("tid", "<u4"), ("enter_ns", "<u8")])


class Joiner:
    """Join AUX records with their rows, across drains: a row's pieces always come before it."""

    def __init__(self) -> None:
        self._waiting = np.empty(0, AUX)
        self.pieces = 0  # AUX records seen

    def join(self, records: NDArray[np.void]) -> Batch:
        """Return the rows among ``records`` (n,) EVENT with their sets and bytes.

        Pieces whose row has not come yet are kept for a later call; where a row misses a piece, its
        set is left out and WATCH_UNSEEN set.
        """
        is_piece = records["kind"] == AUX_KIND
        if not len(self._waiting) and not is_piece.any():
            return _plain(records)
        rows = chosen(records, ~is_piece)
        arrived = chosen(records, is_piece).view(AUX)
        self.pieces += len(arrived)
        pieces = np.concatenate([self._waiting, arrived]) if len(self._waiting) else arrived
        owners = np.flatnonzero(rows["parts"])
        owner = _find(_keys(rows[["tid", "enter_ns"]][owners]), _keys(pieces))
        self._waiting = _recent(chosen(pieces, owner < 0))
        here = np.flatnonzero(owner >= 0)
        here = here[np.lexsort((pieces["part"][here], owner[here]))]
        owner = owners[owner[here]]
        missing = np.bincount(owner, minlength=len(rows)) < rows["parts"]
        rows["flags"][missing] |= _UNSEEN
        rows["parts"] = 0
        keep = ~missing[owner]
        here, owner = here[keep], owner[keep]
        watch = pieces["list"][here] == _WATCH
        count, values = pieces["count"], pieces["values"]
        of_watch, of_blob = here[watch], here[~watch]
        return Batch(
            rows,
            *_flatten(len(rows), owner[watch], count[of_watch], values[of_watch]),
            *_flatten(len(rows), owner[~watch], count[of_blob], _bytes(values[of_blob])),
        )


def _plain(rows: NDArray[np.void]) -> Batch:
    none = np.zeros(len(rows) + 1, np.int32)
    if (lacking := rows["parts"] > 0).any():
        rows["flags"][lacking] |= _UNSEEN
        rows["parts"] = 0
    return Batch(rows, none, np.empty(0, np.uint64), none.copy(), np.empty(0, np.uint8))


def _keys(records: NDArray[np.void]) -> NDArray[np.void]:
    keys = np.empty(len(records), _KEY)
    keys["tid"] = records["tid"]
    keys["enter_ns"] = records["enter_ns"]
    return keys


def _find(owners: NDArray[np.void], keys: NDArray[np.void]) -> NDArray[np.int64]:
    """Return for each of ``keys`` the index of its equal in ``owners``, -1 where there is none."""
    if not len(owners):
        return np.full(len(keys), -1, np.int64)
    order = np.lexsort((owners["tid"], owners["enter_ns"]))
    times, tids = owners["enter_ns"][order], owners["tid"][order]
    # Calls that begin in the same nanosecond are of different CPUs: at most a few candidates.
    place = np.searchsorted(times, keys["enter_ns"], "left")
    found = np.full(len(keys), -1, np.int64)
    while True:
        inside = place < len(times)
        at = np.minimum(place, len(times) - 1)
        same_time = inside & (times[at] == keys["enter_ns"])
        same = same_time & (tids[at] == keys["tid"])
        found[same & (found < 0)] = order[at[same & (found < 0)]]
        pending = same_time & (found < 0)
        if not pending.any():
            return found
        place = np.where(pending, place + 1, len(times))


def _recent(pieces: NDArray[np.void]) -> NDArray[np.void]:
    """Drop pieces whose row was lost: a row follows its pieces within microseconds."""
    if not len(pieces):
        return np.empty(0, AUX)
    latest = int(pieces["enter_ns"].max())
    return pieces[-4096:] if latest else np.empty(0, AUX)


def _bytes(values: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), AUX["values"].itemsize)


def _flatten(
    rows: int, owner: NDArray[np.int64], counts: NDArray[np.uint32], values: NDArray[_Value]
) -> tuple[NDArray[np.int32], NDArray[_Value]]:
    """Return Arrow offsets (rows + 1,) and the first ``counts`` values of every piece, in order."""
    offsets = np.zeros(rows + 1, np.int32)
    if len(owner):
        offsets[1:] = np.cumsum(np.bincount(owner, counts, rows))
    widest = int(counts.max(initial=0))
    return offsets, values[:, :widest][np.arange(widest) < counts[:, None]]
