"""Columns become the bytes that Google's own protobuf reads, by the numbers that Perfetto publishes."""

from __future__ import annotations

import inspect
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as published

from iotrace.exporters.perfetto import fields
from iotrace.exporters.perfetto.arguments import NAMES
from iotrace.exporters.perfetto.fields import TrackEvent, Type
from iotrace.exporters.perfetto.layers import layers
from iotrace.exporters.perfetto.packets import Annotations, Interned, event, flows, packet
from iotrace.exporters.perfetto.wire import join, number, only, repeated_fixed64s, text, varint
from probes.table import CALLS, Decode

MESSAGES = {"Clock": "ClockSnapshot.Clock"}
ENUMS = {
    "Type": "TrackEvent.Type",
    "SequenceFlags": "TracePacket.SequenceFlags",
    "BuiltinClock": "BuiltinClock",
    "ChildTracksOrdering": "TrackDescriptor.ChildTracksOrdering",
    "Unit": "CounterDescriptor.Unit",
}
NUMBERS = [
    each
    for _, each in inspect.getmembers(fields, inspect.isclass)
    if issubclass(each, IntEnum) and each is not IntEnum
]

INT64 = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-300, 300))
UNSIGNED = st.one_of(st.integers(0, 2**63 - 1), st.integers(0, 300))


@pytest.mark.parametrize("ours", NUMBERS, ids=lambda each: str(each.__name__))
def test_the_numbers_are_those_that_perfetto_publishes(ours: type[IntEnum]) -> None:
    path = ENUMS.get(ours.__name__) or MESSAGES.get(ours.__name__, ours.__name__)
    theirs: Any = published
    for name in path.split("."):
        theirs = getattr(theirs, name)
    for member in ours:
        if ours.__name__ in ENUMS:
            assert theirs.Value(member.name) == member
        else:
            assert theirs.DESCRIPTOR.fields_by_name[member.name.lower()].number == member


@given(
    st.lists(
        st.tuples(UNSIGNED, UNSIGNED, UNSIGNED, INT64, st.booleans(), st.lists(UNSIGNED, max_size=3)),
        max_size=9,
    )
)
@example([(127, 128, 16383, -1, True, [1]), (0, 0, 16384, 0, False, [])])
@example([(0, 1, 2, 2**63 - 1, True, [])])
def test_protobuf_reads_what_the_columns_hold(
    rows: list[tuple[int, int, int, int, bool, list[int]]],
) -> None:
    ints = [np.array([row[at] for row in rows], np.int64) for at in range(4)]
    told = np.array([row[4] for row in rows], bool)
    count = np.array([len(row[5]) for row in rows], np.int64)
    flat = np.array([each for row in rows for each in row[5]], np.int64)
    interned = Interned()
    found = Annotations(interned).number("value", ints[3], told)
    found.word("word", np.where(told, ints[2], 0))
    more = [
        *repeated_fixed64s(TrackEvent.FLOW_IDS, flat, count),
        *flows(TrackEvent.TERMINATING_FLOW_IDS, ints[1]),
        *found.parts,
    ]
    data = join(event(Type.TYPE_SLICE_BEGIN, ints[0], ints[1], ints[2], 7, more), len(rows))
    trace = published.Trace.FromString(data)
    assert trace.ByteSize() == len(data)  # no longer than the encoding that protobuf itself chooses
    assert len(trace.packet) == len(rows)
    for each, row in zip(trace.packet, rows, strict=True):
        said = each.track_event
        assert (each.timestamp, said.track_uuid, said.name_iid) == row[:3]
        assert (said.type, list(said.category_iids)) == (said.TYPE_SLICE_BEGIN, [7])
        assert list(said.flow_ids) == row[5]
        assert list(said.terminating_flow_ids) == [row[1]] * (row[1] > 0)
        assert [note.int_value for note in said.debug_annotations if note.name_iid == 1] == [row[3]] * row[4]
        words = [note.string_value_iid for note in said.debug_annotations if note.name_iid == 2]
        assert words == [row[2]] * (row[4] and row[2] > 0)


@given(st.lists(st.tuples(UNSIGNED, st.booleans(), st.lists(UNSIGNED, max_size=3)), min_size=1, max_size=9))
def test_a_packet_is_there_or_not(rows: list[tuple[int, bool, list[int]]]) -> None:
    time, chosen = np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], bool)
    count = np.array([len(row[2]) for row in rows], np.int64)
    flat = np.array([each for row in rows for each in row[2]], np.int64)
    one = np.ones(len(rows), np.int64)
    ids = repeated_fixed64s(TrackEvent.FLOW_IDS, flat, count)
    parts = [
        *only(chosen, event(Type.TYPE_INSTANT, time, one, one, 1, ids)),
        *event(Type.TYPE_SLICE_END, time, 2 * one),
    ]
    read = published.Trace.FromString(join(parts, len(rows)))
    expected = []
    for when, there, flowing in rows:
        expected += [(when, 1, flowing)] * there + [(when, 2, [])]
    assert [
        (each.timestamp, each.track_event.track_uuid, list(each.track_event.flow_ids)) for each in read.packet
    ] == expected


@given(INT64, st.text(st.characters(exclude_categories=["Cs"])))
def test_single_messages(value: int, words: str) -> None:
    data = packet(number(fields.TracePacket.TIMESTAMP, value))
    assert published.Trace.FromString(data).packet[0].timestamp == value & (1 << 64) - 1
    assert varint(value)[-1] < 0x80
    track = published.TrackDescriptor.FromString(text(fields.TrackDescriptor.NAME, words))
    assert track.name == words


def test_words_are_told_once_and_before_they_are_used() -> None:
    interned = Interned()
    assert [interned.events[word] for word in ("a", "b", "a")] == [1, 2, 1]
    told = published.Trace.FromString(interned.news()).packet[0].interned_data
    assert [(each.iid, each.name) for each in told.event_names] == [(1, "a"), (2, "b")]
    assert interned.news() == b""
    assert interned.values.column(["", "x", "x"]).tolist() == [0, 1, 1]
    told = published.Trace.FromString(interned.news()).packet[0].interned_data
    assert [(each.iid, each.str) for each in told.debug_annotation_string_values] == [(1, b"x")]


STRETCHES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 4)), max_size=30)


@given(STRETCHES)
def test_stretches_of_one_layer_do_not_overlap(stretches: list[tuple[int, int, int]]) -> None:
    key, begin, length = (
        (np.array(each, np.int64) for each in zip(*stretches, strict=True))
        if stretches
        else (np.zeros(0, np.int64),) * 3
    )
    found = layers(key, begin, begin + length)
    assert found.tolist() == one_by_one(key.tolist(), begin.tolist(), (begin + length).tolist())


def one_by_one(key: list[int], begin: list[int], end: list[int]) -> list[int]:
    """Each stretch, in the order of its begin, goes to the first layer that is free: as a loop."""
    free: dict[tuple[int, int], int] = {}
    found = [0] * len(key)
    for at in sorted(range(len(key)), key=lambda at: (key[at], begin[at], end[at])):
        layer = 0
        while free.get((key[at], layer), -1) > begin[at]:
            layer += 1
        free[key[at], layer] = end[at]
        found[at] = layer
    return found


def test_arguments_have_names_where_they_are_recorded() -> None:
    for call in CALLS:
        for column in "abc":
            decoded = (column, call.decode) in (("c", Decode.MMSG), ("b", Decode.RING_PARAMS))
            recorded = decoded or getattr(call, column) is not None
            assert recorded or not NAMES[column][call.code], (call.name, column)
            source = getattr(call, column)
            if source is not None and source.how in ("vlen", "msg"):
                assert NAMES[column][call.code] == "length"
            if source is not None and source.how in ("ms", "timeval") and call.name != "futex":
                assert NAMES[column][call.code] == "timeout_ns"
