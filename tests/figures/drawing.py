"""Draw figures of recordings, and look at what is in them."""

from __future__ import annotations

from iotrace.analysis import Analysis
from iotrace.figures import Request, Scene, draw
from iotrace.figures.scene import Dot, Line, Rect, Shape, Text, groups, walk
from iotrace.theme import Meaning


def drawn(kind: str, *analyses: Analysis, aspect: str = "16:9", operation: int | None = None) -> Scene:
    labelled = tuple((f"recording {number}", each) for number, each in enumerate(analyses))
    return draw(kind, Request(labelled, aspect, operation))


def words(scene: Scene) -> list[str]:
    return [item.words for item in walk(scene.items) if isinstance(item, Text)]


def told_fills(scene: Scene) -> set[Meaning | Shape]:
    """Return what a legend's swatches, lines and signs are."""
    found: set[Meaning | Shape] = set()
    for group in groups(scene.items):
        if group.title == "what the fills mean":
            for item in group.items:
                if isinstance(item, Dot):
                    found.add(item.shape)
                elif isinstance(item, (Rect, Line)):
                    found.add(item.meaning)
    return found
