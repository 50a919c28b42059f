"""The page that every figure stands on: title, one line under it, the figure's area, small print below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iotrace.analysis.model import Analysis
from iotrace.escape import clean, escaped
from iotrace.figures.metrics import fit, known, width
from iotrace.figures.provenance import small_print
from iotrace.figures.scene import (
    HEIGHTS,
    WIDTH,
    Anchor,
    Dot,
    Group,
    Item,
    Line,
    Rect,
    Scene,
    Shape,
    Text,
    numbered,
)
from iotrace.fonts import machine_has
from iotrace.language import _
from iotrace.theme import Meaning

#: Sizes of text, in points: what is read from the back row, and the small print.
TITLE, BODY, SMALL = 28.0, 18.0, 11.0
MARGIN = 40.0

#: What a line of body text needs, from baseline to baseline.
LINE = 24.0


#: How large a sign on a lane is.
SIGN = 11.0


class NothingToDraw(Exception):
    """The recording has nothing of what a figure shows. One line: the cause, then the next step."""


@dataclass(frozen=True)
class Request:
    """What is to be drawn: recordings with what to call them, on a page of an aspect.

    ``operation`` counts from 1 in the order of their begin; None lets the figure choose.
    """

    recordings: tuple[tuple[str, Analysis], ...]
    aspect: str = "16:9"
    operation: int | None = None

    @property
    def analysis(self) -> Analysis:
        """The first recording's."""
        return self.recordings[0][1]


@dataclass(frozen=True)
class Page:
    """The room for a figure's own items, in points."""

    height: float
    left: float = MARGIN
    right: float = WIDTH - MARGIN
    top: float = 98.0

    @property
    def bottom(self) -> float:
        """Where the figure must end."""
        return self.height - 46.0

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left


def page(aspect: str) -> Page:
    """Return the page of an aspect of :data:`~iotrace.figures.scene.HEIGHTS`."""
    return Page(HEIGHTS[aspect])


def compose(
    kind: str,
    paper: Page,
    title: str,
    subtitle: str,
    items: Sequence[Item],
    analyses: Sequence[Analysis],
    description: str,
) -> Scene:
    """Put a figure's items onto their page. Title and subtitle are cleaned and shortened here."""
    title, subtitle = legible(title), legible(subtitle)
    facts, key = map(legible, small_print(analyses))
    room = paper.width
    frame: list[Item] = [
        Rect(0, 0, WIDTH, paper.height, Meaning.PAPER, outlined=False),
        Text(paper.left, 50, fit(title, room, TITLE, True), TITLE, bold=True),
        Text(paper.left, 78, fit(subtitle, room, BODY), BODY, Meaning.MUTED),
        *items,
        Text(paper.left, paper.height - 26, fit(facts, room, SMALL), SMALL, Meaning.MUTED),
        Text(paper.left, paper.height - 11, fit(key, room, SMALL), SMALL, Meaning.MUTED),
    ]
    words = "\n".join((*map(legible, description.splitlines()), facts, key))
    return Scene(kind, WIDTH, paper.height, title, words, numbered(frame), subtitle)


def legible(words: str) -> str:
    """Return words with all their signs in sight: what is unprintable, and what no font here has, is escaped.

    The narrow blank of our own numbers stays. The fonts are those of :mod:`iotrace.fonts`, for every format:
    what a picture says does not hang on where it is opened.
    """
    if words.isascii() and words.isprintable():
        return words
    words = "\u202f".join(clean(part) for part in words.split("\u202f"))
    if known(words):
        return words
    return "".join(sign if known(sign) or machine_has(sign) else escaped(sign) for sign in words)


def legend(meanings: Sequence[tuple[Meaning | Shape, str]], x: float, y: float, room: float) -> list[Item]:
    """Return swatches with their words in rows, the first with its baseline at ``y``.

    IDLE is drawn as the line that it is, a sign as itself.
    """
    items: list[Item] = []
    at = x
    for meaning, words in meanings:
        words = fit(words, room - 34, BODY)
        needed = 26 + 8 + width(words, BODY) + 20
        if at > x and at + needed - 20 > x + room:
            at, y = x, y + LINE
        if isinstance(meaning, Shape):
            items.append(Dot(at + 13, y - 6, SIGN, Meaning.COPY, meaning))
        elif meaning is Meaning.IDLE:
            items.append(Line(((at, y - 6), (at + 26, y - 6)), meaning, 1.5))
        else:
            items.append(Rect(at, y - 14, 26, 16, meaning))
        items.append(Text(at + 34, y, words, BODY, Meaning.MUTED))
        at += needed
    return [Group(tuple(items), _("what the fills mean"))] if items else []


def legend_rows(meanings: Sequence[tuple[Meaning | Shape, str]], room: float) -> int:
    """Return how many rows :func:`legend` takes."""
    rows, at = (1, 0.0) if meanings else (0, 0.0)
    for _meaning, words in meanings:
        needed = 34 + width(fit(words, room - 34, BODY), BODY) + 20
        if at and at + needed - 20 > room:
            rows, at = rows + 1, 0.0
        at += needed
    return rows


def centred(x: float, y: float, words: str, room: float, inside: Meaning | None = None) -> list[Item]:
    """Return body text centred in a room, on a plate of ``inside`` so that no hatch runs through it."""
    words = fit(words, room - 8, BODY)
    if not words:
        return []
    text = Text(x, y, words, BODY, anchor=Anchor.MIDDLE, bold=True, inside=inside)
    if inside is None:
        return [text]
    wide = min(room, text.width + 8)
    plate = Rect(x - wide / 2, y - 15, wide, 20, inside, outlined=False, plain=True, radius=3)
    return [plate, text]
