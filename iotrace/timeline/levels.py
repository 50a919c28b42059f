"""A buffer's level on the timeline: the highest one in each cell, so that no full buffer is lost in it."""

from __future__ import annotations

import numpy as np

from iotrace.analysis.model import Level
from iotrace.timeline.lanes import Ints
from iotrace.timeline.raster import edges_of


def highest(level: Level, from_ns: int, to_ns: int, width: int) -> Ints:
    """Return (width,) int64 bytes: the highest level within each cell of [from_ns, to_ns)."""
    at = np.searchsorted(level.time_ns, edges_of(from_ns, to_ns, width), "left")
    steps = np.r_[np.int64(0), level.bytes]  # steps[i] holds until time_ns[i]
    # Cell i sees steps[at[i]], the level that it begins with, up to steps[at[i + 1]], the last in it.
    pairs = np.stack([at[:-1], at[1:] + 1], axis=1).ravel()
    found: Ints = np.maximum.reduceat(np.r_[steps, np.int64(0)], pairs)[::2]
    return found
