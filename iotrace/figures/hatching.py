"""Hatches as lines within a rectangle: drawn so, they look the same in every program that reads them.

Patterns of SVG, PDF and slides differ, and importers drop them; plain lines nobody drops. The lines hang on
the page, not on the rectangle, so that neighbours join.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from iotrace.theme import Hatch

Segment: TypeAlias = tuple[float, float, float, float]

#: Distance of lines, in points, and the weight they are drawn with.
_GAPS = {
    Hatch.RISING: 7.0,
    Hatch.FALLING: 7.0,
    Hatch.CROSS: 8.0,
    Hatch.VERTICAL: 5.0,
    Hatch.HORIZONTAL: 5.0,
    Hatch.GRID: 7.0,
    Hatch.SPARSE: 12.0,
    Hatch.RULED: 8.0,
    Hatch.DOTS: 6.0,
    Hatch.SPECKS: 14.0,
}
WEIGHT = 1.3

#: Narrower rectangles than this (points) are told by their colour alone: two lines would not fit.
_LEAST = 3.0


def lines(hatch: Hatch, x: float, y: float, width: float, height: float) -> list[Segment]:
    """Return the (x1, y1, x2, y2) of a hatch within a rectangle; dots are lines of no length worth naming."""
    if hatch is Hatch.NONE or min(width, height) < _LEAST:
        return []
    gap = _GAPS[hatch]
    if hatch is Hatch.VERTICAL:
        return _upright(x, y, width, height, gap)
    if hatch in (Hatch.HORIZONTAL, Hatch.RULED):
        return _level(x, y, width, height, gap)
    if hatch is Hatch.GRID:
        return _upright(x, y, width, height, gap) + _level(x, y, width, height, gap)
    if hatch in (Hatch.DOTS, Hatch.SPECKS):
        return _dots(x, y, width, height, gap)
    if hatch is Hatch.FALLING:
        return _slanted(x, y, width, height, gap, -1)
    if hatch is Hatch.CROSS:
        return _slanted(x, y, width, height, gap, 1) + _slanted(x, y, width, height, gap, -1)
    return _slanted(x, y, width, height, gap, 1)


def under(hatch: Hatch, points: Sequence[tuple[float, float]], floor: float) -> list[Segment]:
    """Return the level lines of a hatch between a line through points, from left to right, and ``floor``.

    Raises ValueError where the hatch has others: what lies under a line is hatched level.
    """
    if hatch not in (Hatch.HORIZONTAL, Hatch.RULED):
        raise ValueError(f"no area is hatched {hatch.value}")
    top = min(y for _, y in points)
    found = []
    for level in _grid(top, floor - top, _GAPS[hatch]):
        begin = points[0][0] if points[0][1] < level else None
        for (x1, y1), (x2, y2) in pairwise(points):
            if (y1 < level) == (y2 < level):
                continue
            x = x1 + (level - y1) / (y2 - y1) * (x2 - x1)
            if begin is None:
                begin = x
            else:
                found.append((begin, level, x, level))
                begin = None
        if begin is not None:
            found.append((begin, level, points[-1][0], level))
    return found


def _grid(begin: float, length: float, gap: float) -> list[float]:
    """Return the multiples of ``gap`` inside an interval, not on its ends."""
    first = math.floor(begin / gap) + 1
    last = math.ceil((begin + length) / gap) - 1
    return [number * gap for number in range(first, last + 1)]


def _upright(x: float, y: float, width: float, height: float, gap: float) -> list[Segment]:
    return [(at, y, at, y + height) for at in _grid(x, width, gap)]


def _level(x: float, y: float, width: float, height: float, gap: float) -> list[Segment]:
    return [(x, at, x + width, at) for at in _grid(y, height, gap)]


def _dots(x: float, y: float, width: float, height: float, gap: float) -> list[Segment]:
    half = WEIGHT / 2
    return [
        (column - half, row, column + half, row)
        for number, row in enumerate(_grid(y + half, height - 2 * half, gap / 2))
        for column in _grid(x + half + gap / 2 * (number % 2), width - 2 * half - gap / 2 * (number % 2), gap)
    ]


def _slanted(x: float, y: float, width: float, height: float, gap: float, way: int) -> list[Segment]:
    """Return the lines of 45 degrees: x + y (rising) or x - y (falling) is a multiple of the gap."""
    step = gap * math.sqrt(2)
    found = []
    for total in _grid(x + y if way > 0 else x - y - height, width + height, step):
        if way > 0:  # from the lower left to the upper right: x = total - y
            left = max(x, total - y - height)
            right = min(x + width, total - y)
            found.append((left, total - left, right, total - right))
        else:
            left = max(x, total + y)
            right = min(x + width, total + y + height)
            found.append((left, left - total, right, right - total))
    return found
