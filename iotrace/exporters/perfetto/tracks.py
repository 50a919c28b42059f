"""The tracks of a trace: processes, their threads, their descriptors, buffers, and what belongs to none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iotrace import wording
from iotrace.analysis.model import Analysis, Descriptor
from iotrace.analysis.report import programs
from iotrace.exporters.html.content import short
from iotrace.exporters.perfetto.fields import (
    ChildTracksOrdering,
    CounterDescriptor,
    ProcessDescriptor,
    ThreadDescriptor,
    TracePacket,
    TrackDescriptor,
    Unit,
)
from iotrace.exporters.perfetto.packets import packet
from iotrace.exporters.perfetto.wire import nested, number, text
from iotrace.views.arguments import meaning

#: int32 is what a process's number is stored in.
_MOST_PID = (1 << 31) - 1


class Tracks:
    """Gives out tracks, and says what they are. Numbers of tracks count from 1."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._next = 1
        self._news: list[bytes] = []
        self._processes: dict[int, int] = {}
        self._groups: dict[tuple[int, str], int] = {}
        self._programs = programs(analysis)
        self._first = analysis.threads[0][0] if analysis.threads else -1
        tids = [self._thread(tgid, tid, "thread") for tgid, tid, _ in analysis.threads]
        known = np.array([tid for _, tid, _ in analysis.threads], np.int64)
        order = np.argsort(known)
        self._tids, self._of_tid = known[order], np.array(tids, np.int64)[order]

    def news(self) -> bytes:
        """Return packets about the tracks given out since the last time: they come before their events."""
        news, self._news = b"".join(self._news), []
        return news

    def threads(self, tid: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the track of each thread (n,); 0 where the recording has none of its calls."""
        if not len(self._tids):
            return np.zeros(len(tid), np.int64)
        at = np.minimum(np.searchsorted(self._tids, tid), len(self._tids) - 1)
        return np.where(self._tids[at] == tid, self._of_tid[at], 0)

    def worker(self, tgid: int, tid: int) -> int:
        """Return a new track for a kernel thread that works for a process."""
        return self._thread(tgid, tid, "kernel thread")

    def beside_thread(self, tid: int, name: str) -> int:
        """Return a new track that belongs to a thread."""
        (parent,) = self.threads(np.array([tid], np.int64)).tolist()
        return self._add(name, number(TrackDescriptor.PARENT_UUID, parent) if parent else b"")

    def descriptor(self, what: Descriptor) -> int:
        """Return a new track for a descriptor. Those of one process are in one group, by their numbers."""
        parent = self._group(what.tgid, "descriptors")
        name = f"fd {what.fd} {meaning(what.kind, what.name)}".rstrip()
        return self._add(
            short(name),
            number(TrackDescriptor.PARENT_UUID, parent),
            number(TrackDescriptor.SIBLING_ORDER_RANK, what.fd),
        )

    def unknown(self, tgid: int) -> int:
        """Return a new track for what happened on descriptors of a process that nobody saw."""
        return self._add(
            "descriptor unseen", number(TrackDescriptor.PARENT_UUID, self._group(tgid, "descriptors"))
        )

    def counter(self, tgid: int, name: str) -> int:
        """Return a new track for a number of bytes."""
        parent = self._group(tgid, "buffers")
        unit = nested(TrackDescriptor.COUNTER, number(CounterDescriptor.UNIT, Unit.UNIT_SIZE_BYTES))
        return self._add(name, number(TrackDescriptor.PARENT_UUID, parent), unit)

    def first(self, name: str) -> int:
        """Return a new track of the first process: one of no process is folded away by the user interface."""
        return self._add(name, number(TrackDescriptor.PARENT_UUID, self._process(self._first)))

    def _thread(self, tgid: int, tid: int, name: str) -> int:
        fields = (
            number(ThreadDescriptor.PID, min(tgid, _MOST_PID)),
            number(ThreadDescriptor.TID, tid),
            text(ThreadDescriptor.THREAD_NAME, name),
        )
        parent = number(TrackDescriptor.PARENT_UUID, self._process(tgid))
        return self._add("", parent, nested(TrackDescriptor.THREAD, *fields))

    def _process(self, tgid: int) -> int:
        if tgid not in self._processes:
            first = tgid == self._first
            argv: Sequence[object] = self._analysis.events.header.get("argv") or () if first else ()
            fields = [number(ProcessDescriptor.PID, min(tgid, _MOST_PID))]
            fields += [text(ProcessDescriptor.CMDLINE, short(str(word))) for word in argv]
            fields.append(text(ProcessDescriptor.PROCESS_NAME, self._program(tgid)))
            self._processes[tgid] = self._add("", nested(TrackDescriptor.PROCESS, *fields))
        return self._processes[tgid]

    def _program(self, tgid: int) -> str:
        if tgid == self._first:
            return short(wording.target(self._analysis))
        return short(self._programs.get(tgid, "")) or "process"

    def _group(self, tgid: int, name: str) -> int:
        if (tgid, name) not in self._groups:
            self._groups[tgid, name] = self._add(
                name,
                number(TrackDescriptor.PARENT_UUID, self._process(tgid)),
                number(TrackDescriptor.CHILD_ORDERING, ChildTracksOrdering.EXPLICIT),
            )
        return self._groups[tgid, name]

    def _add(self, name: str, *fields: bytes) -> int:
        uuid, self._next = self._next, self._next + 1
        named = text(TrackDescriptor.NAME, name) if name else b""
        self._news.append(
            packet(nested(TracePacket.TRACK_DESCRIPTOR, number(TrackDescriptor.UUID, uuid), named, *fields))
        )
        return uuid
