"""What the trace says of itself: its clock, its machine, where it comes from, and what was lost."""

from __future__ import annotations

import json

import numpy as np

from iotrace import wording
from iotrace.analysis.model import Analysis
from iotrace.escape import clean
from iotrace.exporters.html.content import short
from iotrace.exporters.perfetto.fields import (
    BuiltinClock,
    Clock,
    ClockSnapshot,
    SequenceFlags,
    SystemInfo,
    TracePacket,
    TracePacketDefaults,
    TrackEvent,
    Type,
    Utsname,
)
from iotrace.exporters.perfetto.layers import layers
from iotrace.exporters.perfetto.names import LOST
from iotrace.exporters.perfetto.packets import (
    SEQUENCE,
    Annotations,
    Interned,
    annotated,
    begin,
    end,
    of_sequence,
    packet,
)
from iotrace.exporters.perfetto.tracks import Tracks
from iotrace.exporters.perfetto.wire import join, nested, number, text
from iotrace.exporters.provenance import provenance
from iotrace.figures.provenance import small_print

#: Of the small print so much is a name; a target's command can be long.
_LONGEST = 300


def head(analysis: Analysis) -> bytes:
    """Return the first packets: they say which clock all the others are on, and begin their sequence."""
    header = analysis.events.header
    begun, wall = header.get("started_ns"), header.get("started_wall_ns")
    clocks = [(BuiltinClock.BUILTIN_CLOCK_MONOTONIC, analysis.begin_ns)]
    if isinstance(begun, int) and isinstance(wall, int) and min(begun, wall) > 0:
        clocks = [
            (BuiltinClock.BUILTIN_CLOCK_MONOTONIC, begun), (BuiltinClock.BUILTIN_CLOCK_REALTIME, wall),
        ]  # fmt: skip
    snapshot = nested(
        TracePacket.CLOCK_SNAPSHOT,
        *(
            nested(ClockSnapshot.CLOCKS, number(Clock.CLOCK_ID, clock), number(Clock.TIMESTAMP, time_ns))
            for clock, time_ns in clocks
        ),
        number(ClockSnapshot.PRIMARY_TRACE_CLOCK, BuiltinClock.BUILTIN_CLOCK_MONOTONIC),
    )
    defaults = nested(
        TracePacket.TRACE_PACKET_DEFAULTS,
        number(TracePacketDefaults.TIMESTAMP_CLOCK_ID, BuiltinClock.BUILTIN_CLOCK_MONOTONIC),
    )
    machine = nested(
        SystemInfo.UTSNAME,
        text(Utsname.SYSNAME, "Linux"),
        text(Utsname.RELEASE, clean(str(header.get("kernel") or ""))),
        text(Utsname.MACHINE, clean(str(header.get("machine") or ""))),
    )
    sequence = number(TracePacket.TRUSTED_PACKET_SEQUENCE_ID, SEQUENCE)
    first = number(TracePacket.FIRST_PACKET_ON_SEQUENCE, 1)
    cleared = number(TracePacket.SEQUENCE_FLAGS, SequenceFlags.SEQ_INCREMENTAL_STATE_CLEARED)
    return b"".join(
        (
            packet(snapshot),
            packet(sequence, cleared, first, defaults),
            packet(nested(TracePacket.SYSTEM_INFO, machine)),
        )
    )


def about(analysis: Analysis, tracks: Tracks, interned: Interned) -> bytes:
    """Return a slice over the whole recording: its name is the small print, its annotations all facts."""
    facts = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in provenance(analysis).items()
        if name != "gaps"  # they are slices
    }
    facts |= {name: short(facts[name]) for name in ("target", "argv")}
    verdicts = {
        f"verdict_{act.label}": clean(f"{wording.verdict(found)}: {found.because}")
        for act, found in analysis.verdicts.items()
    }
    track = number(TrackEvent.TRACK_UUID, tracks.first("iotrace: this recording"))
    name = interned.events[_cut(small_print([analysis])[0])]
    said = annotated({**facts, **verdicts})
    return b"".join(
        of_sequence(number(TracePacket.TIMESTAMP, time_ns), nested(TracePacket.TRACK_EVENT, track, *fields))
        for time_ns, fields in (
            (
                analysis.begin_ns,
                (
                    number(TrackEvent.TYPE, Type.TYPE_SLICE_BEGIN),
                    number(TrackEvent.CATEGORY_IIDS, interned.categories["about"]),
                    number(TrackEvent.NAME_IID, name),
                    said,
                ),
            ),
            (analysis.end_ns, (number(TrackEvent.TYPE, Type.TYPE_SLICE_END),)),
        )
    )


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def lost(analysis: Analysis, tracks: Tracks, interned: Interned) -> bytes:
    """Return a slice for each gap in the recording; those of several CPUs can overlap."""
    known = sum(rows for _, _, rows in analysis.gaps)
    gaps = list(analysis.gaps)
    if analysis.lost > known:  # counted, but nobody knows when: it may have been at any time
        gaps.append((analysis.begin_ns, analysis.end_ns, analysis.lost - known))
    if not gaps:
        return b""
    first, last, rows = np.array(gaps, np.int64).T
    last = np.maximum(first, last)
    layer = layers(np.zeros(len(gaps), np.int64), first, last)
    order = np.lexsort((last, first, layer))
    first, last, rows, layer = first[order], last[order], rows[order], layer[order]
    uuids = np.array([tracks.first(LOST) for _ in range(int(layer.max()) + 1)], np.int64)
    name = np.full(len(gaps), interned.events[LOST], np.int64)
    counted = Annotations(interned).number("lost", rows, rows > 0).parts
    slices = [
        *begin(first, uuids[layer], name, interned.categories["lost"], counted), *end(last, uuids[layer]),
    ]  # fmt: skip
    return join(slices, len(gaps))
