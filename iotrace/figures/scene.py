"""A scene: a picture without a medium. Exporters draw it with a theme, in SVG, PDF, slides or a page.

Units are points (1/72 inch), x to the right, y down. A scene is 960 wide, the width of a slide of 13.33
inches, so a text of size 18 is 18 points on that slide. Nothing here has a colour: items carry a
:class:`~iotrace.theme.Meaning`, and a :class:`~iotrace.theme.Theme` says how it looks.

Items are drawn in order, later ones above. To add an exporter, handle each type of :data:`Item`:

- :class:`Rect` fill + hatch (unless ``plain``) + outline (where ``outlined``) of its meaning's swatch;
- :class:`Line`, :class:`Brace`, :class:`Dot`: in the colour that :func:`line_colour` answers;
- :class:`Area`: fill of its meaning's swatch, its upper bound as a line;
- :class:`Text`: in ``word``, or, with ``inside``, in that meaning's ``ink``;
- :class:`Group`: a container with a tooltip; nothing is drawn for itself.

Strings are clean already: nothing in them is unprintable. They still need the medium's own quoting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from iotrace.figures import metrics
from iotrace.theme import Meaning, Theme

#: All scenes are so wide; heights by the name of the aspect.
WIDTH = 960.0
HEIGHTS = {"16:9": 540.0, "4:3": 720.0, "1:1": 960.0}

Point: TypeAlias = tuple[float, float]


class Stroke(Enum):
    """How a line or an outline is drawn: solid is measured, dashed bounded, dotted unseen."""

    SOLID = "solid"
    DASHED = "dashed"
    DOTTED = "dotted"


class Anchor(Enum):
    """Which end of a text its x is."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


class Shape(Enum):
    """Signs that are told apart without colour."""

    CIRCLE = "circle"
    SQUARE = "square"
    TRIANGLE = "triangle"
    DIAMOND = "diamond"


@dataclass(frozen=True)
class Rect:
    """A bar. ``plain``: without its hatch; ``radius`` of its corners; ``stroke`` is the outline's."""

    x: float
    y: float
    width: float
    height: float
    meaning: Meaning
    outlined: bool = True
    plain: bool = False
    radius: float = 0.0
    stroke: Stroke = Stroke.SOLID
    weight: float = 1.0


@dataclass(frozen=True)
class Line:
    """A way through points, with an arrow's head at its end where ``head``."""

    points: tuple[Point, ...]
    meaning: Meaning = Meaning.TEXT
    weight: float = 1.5
    stroke: Stroke = Stroke.SOLID
    head: bool = False


@dataclass(frozen=True)
class Area:
    """What lies between a line through points and ``floor``: a level over time."""

    points: tuple[Point, ...]
    floor: float
    meaning: Meaning


@dataclass(frozen=True)
class Brace:
    """A curly brace from ``top`` to ``bottom`` beside a bar; its point looks left or right (``right``)."""

    x: float
    top: float
    bottom: float
    right: bool = True
    depth: float = 12.0
    meaning: Meaning = Meaning.MUTED
    weight: float = 1.5


@dataclass(frozen=True)
class Dot:
    """A sign of ``size`` across, its middle at (x, y)."""

    x: float
    y: float
    size: float
    meaning: Meaning
    shape: Shape = Shape.CIRCLE


@dataclass(frozen=True)
class Text:
    """One line of words; ``y`` is its baseline. ``inside`` is the meaning whose fill it stands on.

    ``width`` is the room that it takes in the widest of the usual fonts.
    """

    x: float
    y: float
    words: str
    size: float = 18.0
    meaning: Meaning = Meaning.TEXT
    anchor: Anchor = Anchor.START
    bold: bool = False
    inside: Meaning | None = None

    @property
    def width(self) -> float:
        """The room it takes, in points."""
        return metrics.width(self.words, self.size, self.bold)

    @property
    def left(self) -> float:
        """Where it begins."""
        if self.anchor is Anchor.START:
            return self.x
        return self.x - (self.width / 2 if self.anchor is Anchor.MIDDLE else self.width)


@dataclass(frozen=True)
class Group:
    """Items that belong together: ``title`` says what they are, ``evidence`` where that is known from.

    ``step`` is when they appear in a figure that is built up; 0 is always there. ``link`` names the moment
    in the recording, in nanoseconds from its begin (-1: none).
    """

    items: tuple[Item, ...]
    title: str = ""
    evidence: str = ""
    step: int = 0
    at_ns: int = -1


Item: TypeAlias = Rect | Line | Area | Brace | Dot | Text | Group


@dataclass(frozen=True)
class Scene:
    """A picture: ``title`` and ``description`` are for who cannot see it (and for a slide's notes).

    ``subtitle``: the line under the title, which says what was chosen and what was left out.
    """

    kind: str
    width: float
    height: float
    title: str
    description: str
    items: tuple[Item, ...]
    subtitle: str = ""

    @property
    def steps(self) -> int:
        """How many stages it is built up in."""
        return max((item.step for item in groups(self.items)), default=0)

    def until(self, step: int) -> Scene:
        """Return the scene as it is at a stage: what comes later is left out."""
        return replace(self, items=_until(self.items, step))


def walk(items: Sequence[Item]) -> Iterator[Rect | Line | Area | Brace | Dot | Text]:
    """Yield everything that is drawn, in order."""
    for item in items:
        if isinstance(item, Group):
            yield from walk(item.items)
        else:
            yield item


def groups(items: Sequence[Item]) -> Iterator[Group]:
    """Yield all groups, also those within others."""
    for item in items:
        if isinstance(item, Group):
            yield item
            yield from groups(item.items)


def numbered(items: Sequence[Item]) -> tuple[Item, ...]:
    """Return the items with their steps counted 1, 2, 3 …, whatever numbers they had in that order."""
    used = sorted({group.step for group in groups(items)} - {0})
    new = {0: 0, **{step: number for number, step in enumerate(used, 1)}}

    def renumber(some: Sequence[Item]) -> tuple[Item, ...]:
        return tuple(
            replace(item, step=new[item.step], items=renumber(item.items))
            if isinstance(item, Group)
            else item
            for item in some
        )

    return renumber(items)


def line_colour(theme: Theme, meaning: Meaning) -> str:
    """Return the colour of a line in this meaning."""
    if meaning is Meaning.RULE:
        return theme[meaning].fill
    return theme[meaning].word if meaning in (Meaning.TEXT, Meaning.MUTED) else theme[meaning].edge


def _until(items: Sequence[Item], step: int) -> tuple[Item, ...]:
    kept: list[Item] = []
    for item in items:
        if isinstance(item, Group):
            if item.step > step:
                continue
            item = replace(item, items=_until(item.items, step))
        kept.append(item)
    return tuple(kept)
