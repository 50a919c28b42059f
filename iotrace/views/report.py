"""``iotrace report``: the verdict and everything that it stands on."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rich.console import RenderableType
from rich.text import Text

from iotrace.analysis.model import Analysis
from iotrace.views import header, lessons, matrix, sleeps, tables, verdict
from iotrace.views.glyphs import Pen
from iotrace.views.layout import Lines


def report(analysis: Analysis, ascii: bool = False) -> RenderableType:
    """Return header, verdicts, proof matrix, order, calls, sleeps, stalls, descriptors and lessons."""

    def draw(width: int, pen: Pen) -> Iterable[Text]:
        sections = (
            header.draw(analysis, width, pen),
            (*verdict.draw(analysis, width, pen), *lessons.order(analysis, width, pen)),
            matrix.draw(analysis, width, pen),
            tables.calls(analysis, width, pen),
            sleeps.draw(analysis, width, pen),
            sleeps.stalled(analysis, width, pen),
            tables.descriptors(analysis, width, pen),
            lessons.draw(analysis, width, pen),
        )
        yield from spaced(sections)

    return Lines(draw, ascii)


def asleep(
    analysis: Analysis, threads: Collection[int] = (), fds: Collection[int] = (), ascii: bool = False
) -> RenderableType:
    """Return the header, and where the threads slept: each call on each descriptor, and all stalls."""

    def draw(width: int, pen: Pen) -> Iterable[Text]:
        sections = (
            header.draw(analysis, width, pen),
            sleeps.draw(analysis, width, pen, threads, fds, whole=True),
            () if threads or fds else sleeps.stalled(analysis, width, pen, 100),
        )
        yield from spaced(sections)

    return Lines(draw, ascii)


def spaced(sections: Iterable[Iterable[Text]]) -> Iterable[Text]:
    """Yield the sections that have any line, with an empty line between them."""
    first = True
    for section in sections:
        lines = list(section)
        if lines and not first:
            yield Text()
        yield from lines
        first = first and not lines
