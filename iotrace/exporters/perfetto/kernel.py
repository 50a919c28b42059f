"""What the kernel did outside the calls: copies by its threads or as task work, and signals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.model import Analysis
from iotrace.exporters.perfetto.fields import Type
from iotrace.exporters.perfetto.names import COPYING
from iotrace.exporters.perfetto.packets import Annotations, Interned, begin, end, event
from iotrace.exporters.perfetto.tracks import Tracks
from iotrace.exporters.perfetto.wire import join
from iotrace.timeline.lanes import Track
from iotrace.timeline.threads import copies_of, worker_lanes
from iotrace.views.flags import signal_name
from probes.events import Flag, Kind

#: Slices that are encoded at once.
_ROWS = 1 << 13


def copies(analysis: Analysis, tracks: Tracks, interned: Interned) -> Iterator[bytes]:
    """Yield slices for the copies that kernel threads made, and for those outside a receiving call."""
    for lane in worker_lanes(analysis):
        uuid = tracks.worker(lane.tgid, lane.tid)
        for track in lane.tracks:
            yield from _slices(track, uuid, interned)
    events = analysis.events
    kind = events["kind"]
    rows = np.flatnonzero((kind == Kind.RING) | (kind == Kind.COPY))
    rows = rows[((events["flags"][rows] & Flag.BY_WORKER) == 0) & (events["copy_ns"][rows] > 0)]
    by = np.where(kind[rows] == Kind.RING, events["waker"][rows], events["tid"][rows])
    for tid in np.unique(by).tolist():
        for track in copies_of(analysis, rows[by == tid]):
            yield from _slices(track, tracks.beside_thread(tid, "copies outside a receiving call"), interned)


def signals(analysis: Analysis, tracks: Tracks, interned: Interned) -> Iterator[bytes]:
    """Yield an instant for each signal that was delivered to a thread which made calls."""
    events = analysis.events
    rows = np.flatnonzero((events["kind"] == Kind.SIGNAL) & (events["exit_ns"] > 0))
    uuids = tracks.threads(events["tid"][rows].astype(np.int64))
    rows, uuids = rows[uuids > 0], uuids[uuids > 0]
    numbers, index = np.unique(events["a"][rows], return_inverse=True)
    names = interned.events.column([signal_name(each) for each in numbers.tolist()])
    category = interned.categories["signal"]
    for first in range(0, len(rows), _ROWS):
        some = slice(first, first + _ROWS)
        generated, time_ns = events["enter_ns"][rows[some]], events["exit_ns"][rows[some]]
        more = Annotations(interned).number("after_ns", time_ns - generated, generated > 0).parts
        found = event(Type.TYPE_INSTANT, time_ns, uuids[some], names[index[some]], category, more)
        yield join(found, len(time_ns))


def _slices(track: Track, uuid: int, interned: Interned) -> Iterator[bytes]:
    category, name = interned.categories["part of a call"], interned.events[COPYING]
    for first in range(0, len(track), _ROWS):
        some = slice(first, first + _ROWS)
        size: NDArray[np.int64] = track.value[some]
        moved = Annotations(interned).number("bytes", size, size > 0).parts
        on, named = (np.full(len(size), each, np.int64) for each in (uuid, name))
        found = [*begin(track.begin_ns[some], on, named, category, moved), *end(track.end_ns[some], on)]
        yield join(found, len(size))
