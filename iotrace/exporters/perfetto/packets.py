"""Packets of a Perfetto trace: one a message for what is rare, one a row for events.

All packets are of one sequence: they share one table of interned words, and the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from iotrace.exporters.perfetto.fields import (
    DebugAnnotation,
    EventName,
    InternedData,
    SequenceFlags,
    Trace,
    TracePacket,
    TrackEvent,
    Type,
)
from iotrace.exporters.perfetto.wire import (
    FIXED64,
    VARINT,
    Chosen,
    Part,
    constant,
    fixed64s,
    messages,
    nested,
    number,
    numbers,
    only,
    tag,
    text,
    varints,
)

#: Our one sequence. 0 is no sequence.
SEQUENCE = 1

_OF_SEQUENCE = number(TracePacket.TRUSTED_PACKET_SEQUENCE_ID, SEQUENCE) + number(
    TracePacket.SEQUENCE_FLAGS, SequenceFlags.SEQ_NEEDS_INCREMENTAL_STATE
)

#: Interned words of one packet.
_WORDS = 1000


def packet(*fields: bytes) -> bytes:
    """Return one packet."""
    return nested(Trace.PACKET, *fields)


def of_sequence(*fields: bytes) -> bytes:
    """Return one packet that may name interned words."""
    return packet(_OF_SEQUENCE, *fields)


class Words:
    """Words of one kind, numbered from 1 as they come up."""

    def __init__(self, field: InternedData) -> None:
        self._field = field
        self._numbers: dict[str, int] = {}
        self._told = 0

    def __getitem__(self, word: str) -> int:
        """Return the number of a word."""
        return self._numbers.setdefault(word, len(self._numbers) + 1)

    def column(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers of many words; 0 for an empty one."""
        return np.array([self[word] if word else 0 for word in words], np.int64)

    def news(self) -> list[bytes]:
        """Return what was not told yet as fields of InternedData."""
        fresh = list(self._numbers.items())[self._told :]
        self._told = len(self._numbers)
        return [
            nested(self._field, number(EventName.IID, iid), text(EventName.NAME, word)) for word, iid in fresh
        ]


class Interned:
    """All words that packets name by number."""

    def __init__(self) -> None:
        self.categories = Words(InternedData.EVENT_CATEGORIES)
        self.events = Words(InternedData.EVENT_NAMES)
        self.names = Words(InternedData.DEBUG_ANNOTATION_NAMES)
        self.values = Words(InternedData.DEBUG_ANNOTATION_STRING_VALUES)

    def news(self) -> bytes:
        """Return packets with the words that came up since the last time: they must come before their use."""
        fresh = [each for words in vars(self).values() for each in words.news()]
        return b"".join(
            of_sequence(nested(TracePacket.INTERNED_DATA, *fresh[at : at + _WORDS]))
            for at in range(0, len(fresh), _WORDS)
        )


class Annotations:
    """The annotations of events, a column each. ``parts`` go into the events' packets."""

    def __init__(self, interned: Interned) -> None:
        self._interned = interned
        self.parts: list[Part] = []

    def number(self, name: str, values: NDArray[Any], chosen: Chosen) -> Self:
        """Add whole numbers (n,) in the chosen rows."""
        return self._add(
            [constant(self._name(name) + tag(DebugAnnotation.INT_VALUE, VARINT))], values, chosen
        )

    def numbers(self, names: NDArray[np.int64], values: NDArray[Any], chosen: Chosen) -> Self:
        """Add whole numbers whose name is another in each row: ``names`` are interned."""
        before = numbers(DebugAnnotation.NAME_IID, names)
        return self._add([*before, constant(tag(DebugAnnotation.INT_VALUE, VARINT))], values, chosen)

    def word(self, name: str, words: NDArray[np.int64]) -> Self:
        """Add interned words (n,), in the rows in which they are not 0."""
        before = constant(self._name(name) + tag(DebugAnnotation.STRING_VALUE_IID, VARINT))
        return self._add([before], words, words > 0)

    def _name(self, name: str) -> bytes:
        return number(DebugAnnotation.NAME_IID, self._interned.names[name])

    def _add(self, before: list[Part], values: NDArray[Any], chosen: Chosen) -> Self:
        if chosen.any():
            field = messages(TrackEvent.DEBUG_ANNOTATIONS, [*before, varints(np.where(chosen, values, 0))])
            self.parts += only(chosen, field)
        return self


def event(
    kind: Type,
    time_ns: NDArray[np.int64],
    track: NDArray[np.int64],
    name: NDArray[np.int64] | None = None,
    category: int = 0,
    more: Sequence[Part] = (),
) -> list[Part]:
    """Return a packet with a track event in each row: times, tracks and interned names are (n,)."""
    fixed = number(TrackEvent.TYPE, kind) + (number(TrackEvent.CATEGORY_IIDS, category) if category else b"")
    inner = [constant(fixed), *numbers(TrackEvent.TRACK_UUID, track)]
    if name is not None:
        inner += numbers(TrackEvent.NAME_IID, name)
    return messages(
        Trace.PACKET,
        [
            *numbers(TracePacket.TIMESTAMP, time_ns),
            constant(_OF_SEQUENCE),
            *messages(TracePacket.TRACK_EVENT, [*inner, *more]),
        ],
    )


def begin(
    time_ns: NDArray[np.int64],
    track: NDArray[np.int64],
    name: NDArray[np.int64],
    category: int,
    more: Sequence[Part] = (),
) -> list[Part]:
    """Return the begin of a slice in each row."""
    return event(Type.TYPE_SLICE_BEGIN, time_ns, track, name, category, more)


def end(time_ns: NDArray[np.int64], track: NDArray[np.int64]) -> list[Part]:
    """Return the end of a slice in each row."""
    return event(Type.TYPE_SLICE_END, time_ns, track)


def flows(field: TrackEvent, numbers: NDArray[np.int64]) -> list[Part]:
    """Return the flow that begins or ends with each row's event (n,); 0 for none."""
    return only(numbers > 0, [constant(tag(field, FIXED64)), fixed64s(numbers)])


def annotated(facts: Mapping[str, str]) -> bytes:
    """Return annotations of one event, by their own names."""
    return b"".join(
        nested(
            TrackEvent.DEBUG_ANNOTATIONS,
            text(DebugAnnotation.NAME, name),
            text(DebugAnnotation.STRING_VALUE, words),
        )
        for name, words in facts.items()
    )
