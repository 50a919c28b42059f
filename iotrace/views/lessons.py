"""What this recording teaches, with its evidence, and in which order clients were answered."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from iotrace.analysis.model import Analysis
from iotrace.views.glyphs import Pen
from iotrace.views.layout import wrap


def draw(analysis: Analysis, width: int, pen: Pen, most: int | None = None) -> Iterable[Text]:
    """Yield each lesson, wrapped, at most ``most`` of them."""
    head = "LESSON   "
    for lesson in analysis.lessons[:most]:
        yield from wrap(lesson.evidence, width, pen, "none", Text.assemble((head, "lesson")), len(head))


def order(analysis: Analysis, width: int, pen: Pen) -> Iterable[Text]:
    """Yield the order in which clients were answered; nothing where there is nothing to say."""
    head = "ORDER    "
    if analysis.order:
        yield from wrap(analysis.order, width, pen, "none", Text.assemble((head, "heading")), len(head))
