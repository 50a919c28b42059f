"""The fill of a kernel buffer as a lane: blocks as high as the highest level in their cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.text import Text

from iotrace.analysis.model import Analysis, Level
from iotrace.language import _
from iotrace.numbers import size
from iotrace.timeline import Timeline, highest
from iotrace.views.glyphs import Pen


def label(analysis: Analysis, level: Level) -> str:
    """Name a buffer's lane: ``buffer fd 4 → 3 pipe``."""
    writer, reader = analysis.descriptors[level.writer], analysis.descriptors[level.reader]
    return _("buffer fd {writer} → {reader} {kind}").format(
        writer=writer.fd, reader=reader.fd, kind=writer.kind
    )


def strip(level: Level, timeline: Timeline, cells: int, pen: Pen) -> Text:
    """Draw the level's cells, the lane's own most being the highest block, and say how much that is."""
    values = highest(level, timeline.from_ns, timeline.to_ns, cells)
    blocks = pen.blocks
    steps = -(-values * (len(blocks) - 1) // max(1, level.most))  # what is not empty never looks so
    text = Text("".join(blocks[step] for step in steps.tolist()), "level")
    words = pen(" " + _("most {size}").format(size=size(level.most)) + " ")
    wide = cell_len(words)
    first, room = _longest(steps, wide)
    if room < wide:
        return text
    begin = first + (1 if room > wide + 2 else 0)
    style = "level.ink" if steps[first] == len(blocks) - 1 else "muted"
    return text[:begin].append(words, style).append_text(text[begin + wide :])


def _longest(steps: NDArray[np.int64], wanted: int) -> tuple[int, int]:
    """Return (first cell, length) of the longest stretch of equal cells, an empty one where it has room."""
    starts = np.r_[0, np.flatnonzero(np.diff(steps)) + 1]
    lengths = np.diff(np.r_[starts, len(steps)])
    empty = (steps[starts] == 0) & (lengths >= wanted)
    after = empty & (starts > 0)  # beside what it measures rather than before
    best = int(np.argmax(lengths + len(steps) * (empty.astype(np.int64) + after)))
    return int(starts[best]), int(lengths[best])
