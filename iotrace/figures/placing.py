"""Room for labels: each as near to its own place as the others allow, none on another."""

from __future__ import annotations

from collections.abc import Sequence


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Return the middles of labels of given sizes, in order, within [low, high], none on another.

    ``wanted`` are the middles that they would like, ascending. Neighbours that collide form a block, which
    takes the mean of their wishes (pool adjacent violators): the sum of squared shifts is least. Where all
    of them need more room than there is, they begin at ``low`` and are evenly too close.
    """
    if not wanted:
        return []
    total = sum(sizes)
    if total > high - low:
        shrink = (high - low) / total
        sizes = [size * shrink for size in sizes]
    blocks: list[list[float]] = []  # [first label's top wished by the block, weight, labels, room]
    for middle, size in zip(wanted, sizes, strict=True):
        blocks.append([middle - size / 2, 1.0, 1.0, size])
        while len(blocks) > 1 and blocks[-2][0] + blocks[-2][3] > blocks[-1][0]:
            last = blocks.pop()
            before = blocks[-1]
            wish = (before[0] * before[1] + (last[0] - before[3]) * last[1]) / (before[1] + last[1])
            blocks[-1] = [wish, before[1] + last[1], before[2] + last[2], before[3] + last[3]]
        blocks[-1][0] = min(max(blocks[-1][0], low), high - blocks[-1][3])
    _push(blocks, low, high)
    placed: list[float] = []
    for top, _, labels, _ in blocks:
        for size in sizes[len(placed) : len(placed) + int(labels)]:
            placed.append(top + size / 2)
            top += size
    return placed


def _push(blocks: list[list[float]], low: float, high: float) -> None:
    """Move apart what the bounds pushed onto each other: down from the top, then up from the bottom."""
    edge = low
    for block in blocks:
        block[0] = max(block[0], edge)
        edge = block[0] + block[3]
    edge = high
    for block in reversed(blocks):
        block[0] = min(block[0], edge - block[3])
        edge = block[0]
