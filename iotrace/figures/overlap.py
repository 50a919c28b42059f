"""What is wrong with a scene: words off the page, on each other, across a bar's edge or under a line.

Tests run this over every kind of figure. A quiet ground (PANEL, PAPER) may lie under anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from iotrace.figures.metrics import ASCENT, DESCENT
from iotrace.figures.scene import Area, Brace, Dot, Line, Point, Rect, Scene, Text, walk
from iotrace.theme import Meaning

_GROUNDS = (Meaning.PANEL, Meaning.PAPER)

#: Boxes may share so much of an edge (points): letters rarely fill theirs.
_SLACK = 0.5


class Box(NamedTuple):
    """A rectangle by its edges."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Return whether the two share more than an edge."""
        return (
            self.left < other.right - _SLACK
            and other.left < self.right - _SLACK
            and self.top < other.bottom - _SLACK
            and other.top < self.bottom - _SLACK
        )

    def within(self, other: Box) -> bool:
        """Return whether this one lies wholly in the other."""
        return (
            self.left >= other.left - _SLACK
            and self.right <= other.right + _SLACK
            and self.top >= other.top - _SLACK
            and self.bottom <= other.bottom + _SLACK
        )


def box_of(text: Text) -> Box:
    """Return where a text's letters may be."""
    return Box(text.left, text.y - ASCENT * text.size, text.left + text.width, text.y + DESCENT * text.size)


def problems(scene: Scene) -> list[str]:
    """Return one line for each thing that clips or overlaps; none where the scene is sound."""
    drawn = list(walk(scene.items))
    page = Box(0, 0, scene.width, scene.height)
    texts = [(item, box_of(item)) for item in drawn if isinstance(item, Text)]
    found = [f"{_name(text)} leaves the page" for text, box in texts if not box.within(page)]
    found += [f"{item} leaves the page" for item in drawn if not _on_page(item, page)]
    ordered = sorted(texts, key=lambda pair: pair[1].left)
    for index, (text, box) in enumerate(ordered):
        for other, its in ordered[index + 1 :]:
            if its.left >= box.right:
                break
            if box.meets(its):
                found.append(f"{_name(text)} lies on {_name(other)}")
    rects = [
        (item, Box(item.x, item.y, item.x + item.width, item.y + item.height))
        for item in drawn
        if isinstance(item, Rect) and item.meaning not in _GROUNDS
    ]
    segments = [segment for item in drawn if isinstance(item, Line) for segment in pairwise(item.points)]
    braces = [item for item in drawn if isinstance(item, Brace)]
    for text, box in texts:
        found += _across(text, box, rects)
        if any(_crosses(start, stop, box) for start, stop in segments):
            found.append(f"{_name(text)} is crossed by a line")
        if any(_box_of_brace(brace).meets(box) for brace in braces):
            found.append(f"{_name(text)} lies on a brace")
    return found


def _across(text: Text, box: Box, rects: Sequence[tuple[Rect, Box]]) -> Iterator[str]:
    under = [(rect, its) for rect, its in rects if box.meets(its)]
    for rect, its in under:
        if not box.within(its):
            yield f"{_name(text)} crosses the edge of {rect}"
    if under and text.inside is not under[-1][0].meaning:
        yield f"{_name(text)} stands on {under[-1][0].meaning}, and is written for {text.inside}"
    if not under and text.inside is not None and text.inside not in _GROUNDS:
        yield f"{_name(text)} is written for {text.inside}, and stands on nothing"


def _on_page(item: Rect | Line | Area | Brace | Dot | Text, page: Box) -> bool:
    match item:
        case Rect():
            return Box(item.x, item.y, item.x + item.width, item.y + item.height).within(page)
        case Line() | Area():
            return all(Box(x, y, x, y).within(page) for x, y in item.points)
        case Brace():
            return _box_of_brace(item).within(page)
        case Dot():
            half = item.size / 2
            return Box(item.x - half, item.y - half, item.x + half, item.y + half).within(page)
        case Text():
            return True


def _box_of_brace(brace: Brace) -> Box:
    left = brace.x if brace.right else brace.x - brace.depth
    return Box(left, brace.top, left + brace.depth, brace.bottom)


def _crosses(start: Point, stop: Point, box: Box) -> bool:
    """Return whether a segment passes through a box (Liang and Barsky's clipping)."""
    left, top, right, bottom = box.left + 1, box.top + 2, box.right - 1, box.bottom - 2
    low, high = 0.0, 1.0
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    for change, room in (
        (-dx, start[0] - left),
        (dx, right - start[0]),
        (-dy, start[1] - top),
        (dy, bottom - start[1]),
    ):
        if change == 0:
            if room < 0:
                return False
        elif change < 0:
            low = max(low, room / change)
        else:
            high = min(high, room / change)
    return low < high


def _name(text: Text) -> str:
    return f"“{text.words[:60]}” ({text.left:.0f}, {text.y:.0f})"
