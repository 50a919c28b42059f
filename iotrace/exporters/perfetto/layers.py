"""Stretches of time that overlap, told apart: slices of one track must nest, and two receives need not."""

from __future__ import annotations

from itertools import count

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def layers(key: Ints, begin: Ints, end: Ints) -> Ints:
    """Return (n,) a layer for each stretch, so that those of one key and one layer do not overlap.

    In the order of their begins each is in the first layer that is free: all in layer 0 where none overlap.
    """
    layer = np.zeros(len(key), np.int64)
    left = np.lexsort((end, begin, key))
    same = key[left[1:]] == key[left[:-1]]
    if not np.any(same & (begin[left[1:]] < end[left[:-1]])):
        return layer
    times = np.unique(np.r_[begin, end])
    begin, end = np.searchsorted(times, begin), np.searchsorted(times, end)
    for number in count():
        kept = _chain(key[left], begin[left], end[left], len(times))
        layer[left[kept]] = number
        left = left[~kept]
        if not len(left):
            break
    return layer


def _chain(key: Ints, begin: Ints, end: Ints, times: int) -> NDArray[np.bool_]:
    """Return the stretches that are taken when each must begin after the end of the one taken before it.

    They are sorted by key and begin. Which one follows which is found by one search; which ones are reached
    from the first of their key, by steps of 1, 2, 4 … of them.
    """
    n = len(key)
    heads = np.r_[True, key[1:] != key[:-1]]
    number = np.cumsum(heads)
    after = np.searchsorted(number * times + begin, number * times + end)
    after = np.maximum(after, np.arange(1, n + 1))  # one without a length does not follow itself
    taken: NDArray[np.bool_] = np.r_[heads, True]  # the last one stands for the end
    after = np.r_[np.where(np.r_[number, 0][after] == number, after, n), n]
    while (after < n).any():
        taken[after[taken]] = True
        after = after[after]
    return taken[:-1]
