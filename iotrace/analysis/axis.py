"""Look up "the last event of this group at or before this time" for a million questions at once.

Group and time are folded into one sorted int64 key, so that a question is one step of
``searchsorted``. Where groups x span would not fit 63 bits, time loses its lowest bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

#: So many questions are asked at once: what lies between stays in the cache, and takes no new memory.
_PIECE = 1 << 15


class Axis:
    """Members (group, time), sorted by group, then time, then position.

    ``order`` (n,) int64: original positions in sorted order. All arrays are int64; groups are
    arbitrary integers, times are nanoseconds.
    """

    def __init__(self, group: NDArray[Any], time: NDArray[Any]) -> None:
        group = group.astype(np.int64, copy=False)
        time = time.astype(np.int64, copy=False)
        self.keys, dense = _dense(group)
        self._t0 = int(time.min()) if len(time) else 0
        span = (int(time.max()) - self._t0 + 2) if len(time) else 2
        self._shift = 0
        while (len(self.keys) + 2) * ((span >> self._shift) + 2) >= 1 << 62:
            self._shift += 1
        self._span = (span >> self._shift) + 2
        folded = dense * self._span + ((time - self._t0) >> self._shift)
        if len(folded) and np.all(folded[1:] >= folded[:-1]):
            self.order: Ints = np.arange(len(folded), dtype=np.int64)
            self._folded = folded
        else:
            self.order = np.argsort(folded, kind="stable")
            self._folded = folded[self.order]

    def slot(self, group: NDArray[Any], time: NDArray[Any], before: bool = False) -> Ints:
        """Return (m,) positions in the *sorted* order of the last member at or before ``time``.

        -1 where the group has none. ``before`` asks for strictly earlier members.
        """
        slots = np.full(len(group), -1, np.int64)
        if len(self._folded):
            for start in range(0, len(group), _PIECE):
                part = slice(start, start + _PIECE)
                slots[part] = self._slots(group[part], time[part], before)
        return slots

    def _slots(self, group: NDArray[Any], time: NDArray[Any], before: bool) -> Ints:
        dense = np.searchsorted(self.keys, group)
        dense[dense == len(self.keys)] = 0
        known = self.keys[dense] == group
        at = np.clip((time.astype(np.int64) - self._t0) >> self._shift, -1, self._span - 1)
        asked = dense * self._span + at
        found = np.searchsorted(self._folded, asked, "left" if before else "right") - 1
        known &= found >= 0
        found[~known] = 0
        known &= self._folded[found] >= dense * self._span
        slots: Ints = np.where(known, found, -1)
        return slots

    def last(self, group: NDArray[Any], time: NDArray[Any], before: bool = False) -> Ints:
        """Return the same members as :meth:`slot`, as positions in the arrays given at construction."""
        return take(self.order, self.slot(group, time, before), -1)


def take(values: NDArray[Any], index: Ints, missing: int) -> NDArray[Any]:
    """Return ``values[index]``, and ``missing`` where the index is -1."""
    if not len(values) or not len(index) or index.max() < 0:
        return np.full(len(index), missing, values.dtype)
    return np.where(index >= 0, values[index], values.dtype.type(missing))


def _dense(group: Ints) -> tuple[Ints, Ints]:
    """Return the sorted distinct groups and each member's index among them."""
    if not len(group):
        return group, group
    low = int(group.min())
    extent = int(group.max()) - low
    if extent == 0:
        return group[:1].copy(), np.zeros(len(group), np.int64)
    if extent < 1 << 22:  # process and thread numbers: a table is ten times faster than a sort
        present = np.zeros(extent + 1, bool)
        present[group - low] = True
        place = np.cumsum(present, dtype=np.int64) - 1
        return np.flatnonzero(present) + low, place[group - low]
    keys, dense = np.unique(group, return_inverse=True)
    return keys, dense.astype(np.int64, copy=False)
