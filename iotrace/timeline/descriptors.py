"""A descriptor's lane: its operations as waiting, data lying unread, and the copy or the accept."""

from __future__ import annotations

import numpy as np

from iotrace.analysis.model import Act, Analysis, Basis
from iotrace.timeline.lanes import Lane, Track, What, track


def weights(analysis: Analysis) -> dict[int, int]:
    """Return {life: operations} of every descriptor that has any."""
    life = analysis.operations["life"]
    life = life[life >= 0]
    count = np.bincount(life) if len(life) else np.zeros(0, np.int64)
    return {int(index): int(count[index]) for index in np.flatnonzero(count)}


def descriptor_lane(analysis: Analysis, life: int) -> Lane:
    """Lay a descriptor's operations end to end; what overlaps an earlier one begins after it."""
    mine = analysis.operations[analysis.operations["life"] == life]
    mine = mine[np.argsort(mine["end_ns"], kind="stable")]
    end = np.maximum.accumulate(mine["end_ns"]) if len(mine) else mine["end_ns"]
    before = np.r_[np.int64(np.iinfo(np.int64).min), end[:-1]] if len(mine) else end
    begin = np.minimum(np.maximum(mine["begin_ns"], before), end)
    ready = np.clip(mine["ready_ns"], begin, end)
    copy = np.clip(mine["copy_ns"], ready, end)

    sends = mine["act"] == Act.SEND
    accepts = mine["act"] == Act.ACCEPT
    receives = ~sends & ~accepts
    ready_bounded = mine["ready_basis"] != Basis.MEASURED
    copy_bounded = mine["copy_basis"] != Basis.MEASURED
    size = mine["bytes"]
    tracks = (
        track(What.WAITING, begin, ready, ~sends, ready_bounded),
        track(What.UNREAD, ready, copy, receives, ready_bounded | copy_bounded),
        track(What.UNREAD, ready, end, accepts, ready_bounded),
        track(What.COPY, copy, end, receives, copy_bounded, None, size),
        track(What.ROOM, begin, end, sends, ready_bounded, None, size),
    )
    marks: tuple[Track, ...] = ()
    if accepts.any():
        at = end[accepts]
        n = len(at)
        marks = (
            Track(What.ACCEPTED, at, at, np.zeros(n, bool), np.full(n, -1, np.int16), np.ones(n, np.int64)),
        )
    what = analysis.descriptors[life]
    opened = analysis.begin_ns if what.open_ns is None else what.open_ns
    closed = analysis.end_ns if what.close_ns is None else what.close_ns
    kept = tuple(each for each in tracks if each is not None)
    return Lane(
        "descriptor", what.tgid, 0, life, What.OPEN, opened, max(opened, closed), kept, marks, len(mine)
    )
