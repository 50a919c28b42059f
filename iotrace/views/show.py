"""``iotrace show``: the timeline, and one operation magnified under it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.text import Text

from iotrace.analysis.model import Analysis
from iotrace.language import _
from iotrace.numbers import duration
from iotrace.timeline import Timeline, build, magnify, typical
from iotrace.views import header, lanes, magnifier
from iotrace.views.glyphs import Pen
from iotrace.views.layout import Lines, wrap
from iotrace.views.legend import Seen
from iotrace.views.report import spaced


def show(
    analysis: Analysis,
    window: tuple[int, int] | None = None,
    fd: int | None = None,
    thread: int | None = None,
    ascii: bool = False,
    operation: int | None = None,
) -> RenderableType:
    """Return header, timeline and one operation magnified.

    ``window`` is (from, to) in nanoseconds since the recording's begin; ``operation`` an index in
    ``analysis.operations``, by default the most typical one.
    """
    timeline = build(analysis, window, fd, thread)
    nothing = ""
    if thread is not None and not any(lane.tid == thread for lane in timeline.lanes):
        nothing = _("thread {tid} is not in this recording: its threads are {tids}").format(
            tid=thread, tids=", ".join(str(each[1]) for each in analysis.threads[:8])
        )
    elif fd is not None and not any(lane.kind == "descriptor" for lane in timeline.lanes):
        nothing = _("no operation on fd {fd} here: `iotrace report` lists the descriptors").format(fd=fd)
    among = _among(analysis, window, fd, thread)

    def draw(width: int, pen: Pen) -> Iterable[Text]:
        said = wrap(nothing, width, pen, "warning") if nothing else []
        shown = picture(analysis, timeline, operation, width, pen, among)
        yield from spaced((header.draw(analysis, width, pen), said, *shown))

    return Lines(draw, ascii)


def picture(
    analysis: Analysis,
    timeline: Timeline,
    operation: int | None,
    width: int,
    pen: Pen,
    among: NDArray[np.bool_] | None = None,
) -> tuple[Iterable[Text], Iterable[Text]]:
    """Return the lines of the timeline with its legend, and those of the magnified operation."""
    seen = Seen()
    above = list(lanes.draw(analysis, timeline, width, pen, seen))
    scale = lanes.cell_ns(timeline, analysis, width, pen)
    above += seen.draw(width, pen, _("one cell: {time}").format(time=duration(round(scale))))
    index = typical(analysis, among) if operation is None else operation
    if index is None:
        return above, ()
    found = magnify(analysis, index, is_typical=operation is None and among is None)
    return above, magnifier.draw(analysis, found, scale, width, pen)


def _among(
    analysis: Analysis, window: tuple[int, int] | None, fd: int | None, thread: int | None
) -> NDArray[np.bool_] | None:
    """Return (operations,) bool: those that a chosen window, descriptor or thread shows; None for all."""
    operations = analysis.operations
    chosen = np.ones(len(operations), bool)
    if fd is not None:
        chosen &= operations["fd"] == fd
    if thread is not None:
        chosen &= (operations["tid"] == thread) | (operations["waiter"] == thread)
    if window is not None:
        end = operations["end_ns"] - analysis.begin_ns
        chosen &= (end >= window[0]) & (end <= window[1])
    return None if chosen.all() else chosen
