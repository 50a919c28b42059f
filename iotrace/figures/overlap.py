"""What is wrong with a scene: words off the page, on each other, across a bar's edge or under a line.

Tests run this over every kind of figure. A quiet ground (PANEL, PAPER) may lie under anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from iotrace.figures.metrics import ASCENT, DESCENT
from iotrace.figures.scene import Area, Brace, Dot, Line, Point, Rect, Scene, Text, walk
from iotrace.theme import Meaning

_GROUNDS = (Meaning.PANEL, Meaning.PAPER)

_Mark: TypeAlias = Rect | Line | Area | Brace | Dot

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
    texts = [(at, item, box_of(item)) for at, item in enumerate(drawn) if isinstance(item, Text)]
    found = [f"{_name(text)} leaves the page" for _, text, box in texts if not box.within(page)]
    found += [f"{item} leaves the page" for item in drawn if not _on_page(item, page)]
    ordered = sorted(texts, key=lambda each: each[2].left)
    for index, (_, text, box) in enumerate(ordered):
        for _, other, its in ordered[index + 1 :]:
            if its.left >= box.right:
                break
            if box.meets(its):
                found.append(f"{_name(text)} lies on {_name(other)}")
    marks = [(at, item) for at, item in enumerate(drawn) if not isinstance(item, Text)]
    for at, text, box in texts:
        found += _against(at, text, box, marks)
    return found


def _against(at: int, text: Text, box: Box, marks: Sequence[tuple[int, _Mark]]) -> Iterator[str]:
    """Look at what is drawn above a text, and, from the last ground that holds all of it, below."""
    ground, bottom = None, -1
    for index, mark in marks:
        if index < at and isinstance(mark, Rect) and box.within(_box_of_rect(mark)):
            ground, bottom = mark, index
    for index, mark in marks:
        if index > bottom and _meets(mark, box):
            yield f"{_name(text)} is {'crossed' if index < at else 'covered'} by {mark}"
    stands = None if ground is None or ground.meaning in _GROUNDS else ground.meaning
    if stands is not (None if text.inside in _GROUNDS else text.inside):
        yield f"{_name(text)} stands on {stands}, and is written for {text.inside}"


def _meets(mark: _Mark, box: Box) -> bool:
    match mark:
        case Rect():
            return box.meets(_box_of_rect(mark))
        case Line():
            return any(_crosses(start, stop, box) for start, stop in pairwise(mark.points))
        case Area():
            return any(_crosses(start, stop, box) for start, stop in pairwise(mark.points))
        case Brace():
            return box.meets(_box_of_brace(mark))
        case Dot():
            half = mark.size / 2
            return box.meets(Box(mark.x - half, mark.y - half, mark.x + half, mark.y + half))


def _box_of_rect(rect: Rect) -> Box:
    return Box(rect.x, rect.y, rect.x + rect.width, rect.y + rect.height)


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
