"""Cells of a lane: their edges, and segments that lie over each other."""

from __future__ import annotations

import numpy as np

from iotrace.timeline import What
from iotrace.timeline.lanes import track
from iotrace.timeline.raster import edges_of

YEAR_NS = 365 * 24 * 3600 * 10**9


def test_edges_are_exact_over_any_time() -> None:
    assert edges_of(100, 110, 4).tolist() == [100, 102, 105, 107, 110]
    edges = edges_of(5, 5 + 60 * YEAR_NS, 197)
    assert edges.tolist() == [5 + 60 * YEAR_NS * cell // 197 for cell in range(198)]


def test_segments_of_two_threads_on_one_descriptor_follow_each_other() -> None:
    begin, end = np.array([10, 0, 30, 12]), np.array([20, 15, 40, 18])
    made = track(What.COPY, begin, end, np.ones(4, bool), value=np.array([1, 2, 3, 4]))
    assert made is not None
    assert made.begin_ns.tolist() == [0, 15, 30]
    assert made.end_ns.tolist() == [15, 20, 40]
    assert made.value.tolist() == [2, 1, 3]
    assert begin.tolist() == [10, 0, 30, 12]  # the analysis's own columns are untouched


def test_segments_in_order_are_taken_as_they_are() -> None:
    begin, end = np.array([0, 15, 30]), np.array([15, 20, 40])
    made = track(What.COPY, begin, end, np.array([True, False, True]))
    assert made is not None
    assert (made.begin_ns.tolist(), made.end_ns.tolist()) == ([0, 30], [15, 40])
