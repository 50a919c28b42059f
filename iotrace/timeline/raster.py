"""From segments to cells: which thing fills a cell, and which rare thing must not be lost in it.

Per kind, the time before each of the width + 1 cell edges comes from one running sum over the sorted
segments; their differences are each cell's share. Nothing is done per segment in Python, and the cost
of a lane is linear in its segments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iotrace.timeline.lanes import Ints, Lane, Track, What

_KINDS = len(What)

#: What is marked in a cell even where something else fills it.
_RARE = (What.COPY, What.ACCEPTED, What.POLLING)


@dataclass(frozen=True)
class Run:
    """Cells ``first`` to ``last`` (inclusive) that one thing dominates; ``code`` is its main call."""

    first: int
    last: int
    what: What
    bounded: bool
    code: int = -1


@dataclass(frozen=True)
class Mark:
    """A cell that holds a copy or an accept: ``count`` of them begin there, ``value`` bytes in all."""

    cell: int
    what: What
    count: int
    value: int
    bounded: bool


@dataclass(frozen=True)
class Raster:
    """A lane at one width: ``what`` (width,) uint8 dominates each cell, ``bounded`` (width,) its basis."""

    what: NDArray[np.uint8]
    bounded: NDArray[np.bool_]
    runs: tuple[Run, ...]
    marks: tuple[Mark, ...]


def edges_of(from_ns: int, to_ns: int, width: int) -> Ints:
    """Return the (width + 1,) edges of the cells."""
    whole, rest = divmod(to_ns - from_ns, width)  # years of nanoseconds times a width would not fit
    number = np.arange(width + 1, dtype=np.int64)
    return from_ns + number * whole + number * rest // width


def rasterise(
    lane: Lane, from_ns: int, to_ns: int, width: int, gaps: tuple[tuple[int, int, int], ...] = ()
) -> Raster:
    """Merge a lane to ``width`` cells over [from_ns, to_ns)."""
    edges = edges_of(from_ns, to_ns, width)
    cell = np.diff(edges)
    time = np.zeros((_KINDS, width), np.int64)
    bounded = np.zeros((_KINDS, width), np.int64)
    for each in lane.tracks:
        here, unsure = _shares(each, edges)
        time[each.what] += here
        bounded[each.what] += unsure
    inside = np.clip(np.minimum(edges[1:], lane.end_ns) - np.maximum(edges[:-1], lane.begin_ns), 0, None)
    busy = time.sum(axis=0)
    time[What.ABSENT] = np.clip(cell - np.maximum(inside, busy), 0, None)
    time[lane.base] += np.clip(inside - busy, 0, None)
    what = time.argmax(axis=0).astype(np.uint8)
    unsure_cells = bounded[what, np.arange(width)] * 2 > time[what, np.arange(width)]
    known = _known_until(lane, gaps)
    for (first_ns, last_ns, _), until in zip(gaps, known, strict=True):
        touched = (edges[:-1] <= last_ns) & (edges[1:] > first_ns)
        touched |= (what == lane.base) & (edges[:-1] >= until) & (edges[:-1] < first_ns)
        touched &= inside > 0  # what had ended, or not begun, lost nothing
        what[touched] = What.LOST
        unsure_cells[touched] = False
    marks = tuple(
        mark
        for each in (*lane.tracks, *lane.marks)
        if each.what in _RARE
        for mark in _marks(each, edges, what)
    )
    return Raster(what, unsure_cells, _runs(lane, edges, what, unsure_cells), marks)


def _known_until(lane: Lane, gaps: tuple[tuple[int, int, int], ...]) -> list[int]:
    """Return until when a lane is known before each gap: the end of the last segment.

    A call's row is written when it ends. One that was lost may have begun long before the gap, so what
    looks like the thread's own code, or a descriptor for which nobody waits, may have been that call.
    """
    begin = np.array([first for first, _, _ in gaps], np.int64)
    until = np.full(len(gaps), lane.begin_ns, np.int64)
    for each in lane.tracks:
        ends = np.sort(each.end_ns)
        at = np.searchsorted(ends, begin, "right")
        until = np.where(at > 0, np.maximum(until, ends[np.maximum(at - 1, 0)]), until)
    return [int(each) for each in until]


def _shares(each: Track, edges: Ints) -> tuple[Ints, Ints]:
    """Return (width,) nanoseconds of the track in each cell, and how many of them are bounded."""
    first = int(np.searchsorted(each.end_ns, edges[0], "right"))
    stop = int(np.searchsorted(each.begin_ns, edges[-1], "left"))
    begin, end, unsure = each.begin_ns[first:stop], each.end_ns[first:stop], each.bounded[first:stop]
    if not len(begin):
        none = np.zeros(len(edges) - 1, np.int64)
        return none, none
    length = end - begin
    at = np.searchsorted(begin, edges, "right")
    last = np.maximum(at - 1, 0)
    rest = np.where(at > 0, np.clip(end[last] - edges, 0, None), 0)
    time = np.diff(_before(length, at) - rest)
    if not unsure.any():
        return time, np.zeros_like(time)
    if unsure.all():
        return time, time
    return time, np.diff(_before(length * unsure, at) - rest * unsure[last])


def _before(length: Ints, at: Ints) -> Ints:
    total = np.cumsum(length)
    return np.where(at > 0, total[np.maximum(at - 1, 0)], 0)


def _marks(each: Track, edges: Ints, dominant: NDArray[np.uint8]) -> list[Mark]:
    """Return the cells in which a segment of the track begins, or continues without filling them."""
    at = np.searchsorted(each.begin_ns, edges, "left")
    value = np.r_[np.int64(0), np.cumsum(each.value[at[0] : at[-1]])]
    found = []
    for cell in np.flatnonzero(np.diff(at)).tolist():
        first, stop = int(at[cell]), int(at[cell + 1])
        total = int(value[stop - at[0]]) - int(value[first - at[0]])
        if dominant[cell] == What.LOST:
            continue
        found.append(Mark(cell, each.what, stop - first, total, bool(each.bounded[first:stop].all())))
    return found


def _runs(lane: Lane, edges: Ints, what: NDArray[np.uint8], bounded: NDArray[np.bool_]) -> tuple[Run, ...]:
    both = what.astype(np.int64) * 2 + bounded
    starts = np.r_[0, np.flatnonzero(np.diff(both)) + 1]
    stops = np.r_[starts[1:], len(both)]
    runs = []
    for first, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        kind = What(int(what[first]))
        code = _main_call(lane, kind, int(edges[first]), int(edges[stop]))
        runs.append(Run(first, stop - 1, kind, bool(bounded[first]), code))
    return tuple(runs)


def _main_call(lane: Lane, kind: What, from_ns: int, to_ns: int) -> int:
    """Return the code of the call that takes most of the time of ``kind`` in an interval; -1 for none."""
    best, longest = -1, 0
    for each in lane.tracks:
        if each.what != kind:
            continue
        first = int(np.searchsorted(each.end_ns, from_ns, "right"))
        stop = int(np.searchsorted(each.begin_ns, to_ns, "left"))
        code = each.code[first:stop]
        if not len(code) or code[0] < 0:
            continue
        weight = np.bincount(code, each.end_ns[first:stop] - each.begin_ns[first:stop])
        winner = int(weight.argmax())
        if weight[winner] > longest:
            best, longest = winner, int(weight[winner])
    return best
