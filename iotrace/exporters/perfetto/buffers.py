"""How full kernel buffers were, as counters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from iotrace.analysis.model import Analysis
from iotrace.exporters.html.content import short
from iotrace.exporters.perfetto.fields import TrackEvent, Type
from iotrace.exporters.perfetto.packets import event
from iotrace.exporters.perfetto.tracks import Tracks
from iotrace.exporters.perfetto.wire import join, numbers

#: Values that are encoded at once.
_ROWS = 1 << 14


def levels(analysis: Analysis, tracks: Tracks) -> Iterator[bytes]:
    """Yield the packets of a counter for each buffer that was full for a sender."""
    for level in analysis.levels:
        writer, reader = analysis.descriptors[level.writer], analysis.descriptors[level.reader]
        name = short(f"fd {writer.fd} → {reader.fd} {writer.kind}")
        track = tracks.counter(writer.tgid, name)
        for first in range(0, len(level.time_ns), _ROWS):
            some = slice(first, first + _ROWS)
            value = numbers(TrackEvent.COUNTER_VALUE, level.bytes[some])
            time_ns = level.time_ns[some]
            on = np.full(len(time_ns), track, np.int64)
            yield join(event(Type.TYPE_COUNTER, time_ns, on, more=value), len(time_ns))
