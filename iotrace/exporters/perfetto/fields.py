"""Field numbers of Perfetto's trace format, as far as it is written here.

Source: ``protos/perfetto/trace/`` of https://github.com/google/perfetto: ``trace.proto``,
``trace_packet.proto``, ``trace_packet_defaults.proto``, ``clock_snapshot.proto``, ``system_info.proto``,
``interned_data/interned_data.proto`` and ``track_event/*.proto``. A class is a message, a member a field.
"""

from __future__ import annotations

from enum import IntEnum


class Trace(IntEnum):
    """The file."""

    PACKET = 1


class TracePacket(IntEnum):
    """One thing said."""

    CLOCK_SNAPSHOT = 6
    TIMESTAMP = 8
    TRUSTED_PACKET_SEQUENCE_ID = 10
    TRACK_EVENT = 11
    INTERNED_DATA = 12
    SEQUENCE_FLAGS = 13
    SYSTEM_INFO = 45
    COMPRESSED_PACKETS = 50
    TRACE_PACKET_DEFAULTS = 59
    TRACK_DESCRIPTOR = 60
    FIRST_PACKET_ON_SEQUENCE = 87


class TracePacketDefaults(IntEnum):
    """What holds for all packets of a sequence that do not say otherwise."""

    TIMESTAMP_CLOCK_ID = 58


class ClockSnapshot(IntEnum):
    """Clocks read at one moment."""

    CLOCKS = 1
    PRIMARY_TRACE_CLOCK = 2


class Clock(IntEnum):
    """``ClockSnapshot.Clock``."""

    CLOCK_ID = 1
    TIMESTAMP = 2


class SystemInfo(IntEnum):
    """The machine."""

    UTSNAME = 1


class Utsname(IntEnum):
    """What uname(2) says."""

    SYSNAME = 1
    RELEASE = 3
    MACHINE = 4


class TrackDescriptor(IntEnum):
    """A track."""

    UUID = 1
    NAME = 2
    PROCESS = 3
    THREAD = 4
    PARENT_UUID = 5
    COUNTER = 8
    CHILD_ORDERING = 11
    SIBLING_ORDER_RANK = 12


class ProcessDescriptor(IntEnum):
    """What makes a track a process."""

    PID = 1
    CMDLINE = 2
    PROCESS_NAME = 6


class ThreadDescriptor(IntEnum):
    """What makes a track a thread."""

    PID = 1
    TID = 2
    THREAD_NAME = 5


class CounterDescriptor(IntEnum):
    """What makes a track a counter."""

    UNIT = 3


class InternedData(IntEnum):
    """Words that later packets name by number."""

    EVENT_CATEGORIES = 1
    EVENT_NAMES = 2
    DEBUG_ANNOTATION_NAMES = 3
    DEBUG_ANNOTATION_STRING_VALUES = 29


class EventName(IntEnum):
    """A number and its word: so are EventCategory, DebugAnnotationName and InternedString."""

    IID = 1
    NAME = 2


class TrackEvent(IntEnum):
    """A slice's begin or end, an instant, or a counter's value."""

    CATEGORY_IIDS = 3
    DEBUG_ANNOTATIONS = 4
    TYPE = 9
    NAME_IID = 10
    TRACK_UUID = 11
    COUNTER_VALUE = 30
    FLOW_IDS = 47
    TERMINATING_FLOW_IDS = 48


class DebugAnnotation(IntEnum):
    """A named value of an event."""

    NAME_IID = 1
    INT_VALUE = 4
    STRING_VALUE = 6
    NAME = 10
    STRING_VALUE_IID = 17


class Type(IntEnum):
    """``TrackEvent.Type``."""

    TYPE_SLICE_BEGIN = 1
    TYPE_SLICE_END = 2
    TYPE_INSTANT = 3
    TYPE_COUNTER = 4


class SequenceFlags(IntEnum):
    """``TracePacket.SequenceFlags``."""

    SEQ_INCREMENTAL_STATE_CLEARED = 1
    SEQ_NEEDS_INCREMENTAL_STATE = 2


class BuiltinClock(IntEnum):
    """``BuiltinClock`` (``protos/perfetto/common/builtin_clock.proto``)."""

    BUILTIN_CLOCK_REALTIME = 1
    BUILTIN_CLOCK_MONOTONIC = 3


class ChildTracksOrdering(IntEnum):
    """``TrackDescriptor.ChildTracksOrdering``."""

    EXPLICIT = 3


class Unit(IntEnum):
    """``CounterDescriptor.Unit``."""

    UNIT_SIZE_BYTES = 3
