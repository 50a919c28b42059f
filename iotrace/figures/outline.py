"""The ways of a scene's items: arrow heads, braces, signs and hatches as points, for every exporter alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from iotrace.figures import hatching
from iotrace.figures.scene import Area, Brace, Dot, Line, Point, Rect, Shape
from iotrace.theme import Theme

#: A way: first one point, then one (a straight line to it) or three (a cubic Bézier curve) at a time.
Way: TypeAlias = Sequence[tuple[Point, ...]]

HATCH_WEIGHT = hatching.WEIGHT

#: A head's length and half its width, at weight 1.5.
_HEAD, _HALF = 10.0, 4.5


def hatch(rect: Rect, theme: Theme) -> list[hatching.Segment]:
    """Return the lines of a rectangle's hatch."""
    return hatching.lines(theme[rect.meaning].hatch, rect.x, rect.y, rect.width, rect.height)


def hatch_under(area: Area, theme: Theme) -> list[hatching.Segment]:
    """Return the lines of an area's hatch."""
    return hatching.under(theme[area.meaning].hatch, area.points, area.floor)


def arrow(line: Line) -> tuple[list[Point], list[Point]]:
    """Return a line's points, ending under its head, and the three corners of the head (none without one)."""
    points = list(line.points)
    if not line.head or len(points) < 2:
        return points, []
    (x1, y1), (x2, y2) = points[-2], points[-1]
    length = math.hypot(x2 - x1, y2 - y1) or 1.0
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    scale = max(1.0, line.weight / 1.5)
    head, half = min(_HEAD * scale, length), _HALF * scale
    base = x2 - ux * head, y2 - uy * head
    points[-1] = x2 - ux * head * 0.7, y2 - uy * head * 0.7
    corners = [
        (x2, y2),
        (base[0] - uy * half, base[1] + ux * half),
        (base[0] + uy * half, base[1] - ux * half),
    ]
    return points, corners


def brace(item: Brace) -> Way:
    """Return a curly brace: two hooks and a point in the middle."""
    way = 1 if item.right else -1
    half = item.depth / 2 * way
    middle = (item.top + item.bottom) / 2
    bend = min(abs(half) * 1.4, (item.bottom - item.top) / 4)
    x, inner, tip = item.x, item.x + half, item.x + 2 * half
    return [
        ((x, item.top),),
        ((inner, item.top), (inner, item.top), (inner, item.top + bend)),
        ((inner, middle - bend),),
        ((inner, middle), (inner, middle), (tip, middle)),
        ((inner, middle), (inner, middle), (inner, middle + bend)),
        ((inner, item.bottom - bend),),
        ((inner, item.bottom), (inner, item.bottom), (x, item.bottom)),
    ]


def dot(item: Dot) -> Way:
    """Return the outline of a sign."""
    x, y, half = item.x, item.y, item.size / 2
    if item.shape is Shape.SQUARE:
        half *= 0.88
        return [
            ((x - half, y - half),),
            ((x + half, y - half),),
            ((x + half, y + half),),
            ((x - half, y + half),),
        ]
    if item.shape is Shape.DIAMOND:
        return [((x, y - half),), ((x + half, y),), ((x, y + half),), ((x - half, y),)]
    if item.shape is Shape.TRIANGLE:
        return [((x, y - half),), ((x + half, y + half * 0.8),), ((x - half, y + half * 0.8),)]
    k = half * 0.5523
    return [
        ((x, y - half),),
        ((x + k, y - half), (x + half, y - k), (x + half, y)),
        ((x + half, y + k), (x + k, y + half), (x, y + half)),
        ((x - k, y + half), (x - half, y + k), (x - half, y)),
        ((x - half, y - k), (x - k, y - half), (x, y - half)),
    ]
