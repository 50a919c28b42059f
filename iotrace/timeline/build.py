"""Which lanes a picture has, over which window, and what it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.model import Analysis, Level
from iotrace.timeline import cuts, threads
from iotrace.timeline.descriptors import DescriptorLanes
from iotrace.timeline.lanes import Lane

Window = tuple[int, int]

_MOST_LEVELS = 4


@dataclass(frozen=True)
class Timeline:
    """Lanes over one window. Times are absolute; ``origin_ns`` is where a person's 0 is.

    ``more_threads`` and ``more_descriptors`` are left out for want of room.
    """

    origin_ns: int
    from_ns: int
    to_ns: int
    lanes: Sequence[Lane]
    gaps: tuple[tuple[int, int, int], ...]
    more_threads: int = 0
    more_descriptors: int = 0
    levels: Sequence[Level] = ()


def window_of(analysis: Analysis, window: Window | None) -> Window:
    """Return an absolute window: ``window`` counts from the recording's begin, None is the target's life."""
    begin = analysis.begin_ns
    if window is None:
        return begin, max(alive_until(analysis), begin + 1)
    from_ns = begin + max(0, window[0])
    return from_ns, max(from_ns + 1, begin + window[1])


def build(
    analysis: Analysis,
    window: Window | None = None,
    fd: int | None = None,
    thread: int | None = None,
    most_threads: int = 8,
    most_descriptors: int = 12,
) -> Timeline:
    """Cut the recording into lanes: the busiest threads and descriptors, in the order of their coming.

    ``window`` is (from, to) in nanoseconds since the recording's begin. ``fd`` and ``thread``
    choose one descriptor number or thread; what nobody asked for is then left out.
    """
    from_ns, to_ns = window_of(analysis, window)
    work = cuts.prepare(analysis)
    wanted = [(tgid, tid) for tgid, tid, _ in analysis.threads if thread is None or tid == thread]
    calls = threads.weights(work, [tid for _, tid in wanted])
    shown = busiest(list(range(len(wanted))), calls.__getitem__, most_threads)
    lanes = [threads.thread_lane(work, *wanted[index]) for index in shown]
    lanes += [lane for lane in threads.worker_lanes(analysis) if thread in (None, lane.tid)][:most_threads]

    columns = DescriptorLanes(analysis)
    operations = columns.weights(_wanted(analysis, window and (from_ns, to_ns), fd, thread))
    lives = list(operations)
    chosen = busiest(lives, operations.__getitem__, most_descriptors)
    lanes += [columns.lane(life) for life in chosen]
    return Timeline(
        analysis.begin_ns,
        from_ns,
        to_ns,
        lanes,
        tuple((first, last, rows) for first, last, rows in analysis.gaps),
        len(wanted) - len(shown),
        len(lives) - len(chosen),
        _levels(analysis, (from_ns, to_ns), fd, thread)[:_MOST_LEVELS],
    )


def _levels(analysis: Analysis, window: Window, fd: int | None, thread: int | None) -> list[Level]:
    """Return the buffers that changed within the window, of the descriptor asked for."""
    if thread is not None:
        return []
    return [
        level
        for level in analysis.levels
        if level.time_ns[0] < window[1] and level.time_ns[-1] >= window[0]
        if fd is None or fd in (analysis.descriptors[level.writer].fd, analysis.descriptors[level.reader].fd)
    ]


def alive_until(analysis: Analysis) -> int:
    """Return when the last thread ended; the recording goes on until the tracer has put its things away."""
    ends = [end for _, end in threads.lives_of(analysis).values()]
    return max(ends, default=analysis.end_ns)


def busiest(items: Sequence[int], weight: Callable[[int], int], most: int) -> list[int]:
    """Return at most ``most`` of the items, those with most weight, in their own order."""
    if len(items) <= most:
        return list(items)
    kept = set(sorted(items, key=weight, reverse=True)[:most])
    return [item for item in items if item in kept]


def _wanted(
    analysis: Analysis, window: Window | None, fd: int | None, thread: int | None
) -> NDArray[np.bool_] | None:
    """Return (operations,) bool: those whose descriptors were asked for; None for all."""
    operations = analysis.operations
    if window is None and fd is None and thread is None:
        return None
    wanted = np.ones(len(operations), bool)
    if window is not None:
        wanted &= (operations["begin_ns"] < window[1]) & (operations["end_ns"] >= window[0])
    if fd is not None:
        wanted &= operations["fd"] == fd
    elif thread is not None:
        wanted &= (operations["tid"] == thread) | (operations["waiter"] == thread)
    return wanted
