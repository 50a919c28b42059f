"""Rows on their way to the sink: packed one after the other, handed over as one numpy array."""

from __future__ import annotations

import numpy as np

from probes.contract import Sink
from probes.events import EVENT, Flag, Kind, batch
from probes.ptrace.abi import CALL_ROW, FACT_ROW, INFO_NONE
from probes.ptrace.tasks import Thread

_NO_FD = -1


class Rows:
    """Rows until :meth:`flush`: ``buffer`` holds them packed, ``watch`` and ``blob`` their lists by index."""

    def __init__(self, sink: Sink) -> None:
        self.buffer = bytearray()
        self.watch: dict[int, list[int]] = {}
        self.blob: dict[int, bytes] = {}
        self.produced = 0
        self._sink = sink

    def call(
        self, thread: Thread, kind: int, exit_ns: int, ret: int, asleep_ns: int, queued_ns: int, flags: int
    ) -> None:
        """Add the row of the call that ``thread`` is in."""
        plan, info = thread.plan, thread.info
        if plan is None:
            return
        if plan.decoded:
            a, b, c = thread.a, thread.b, thread.c
            if thread.watch:
                self.watch[len(self.buffer) // CALL_ROW.size] = thread.watch
            if thread.blob:
                self.blob[len(self.buffer) // CALL_ROW.size] = thread.blob
        else:
            a, b, c = info[plan.a], info[plan.b], info[plan.c]
        if plan.fd == INFO_NONE:
            fd = _NO_FD
        else:
            fd = info[plan.fd] & 0xFFFFFFFF  # an int in a 64-bit register
            if fd >> 31:
                fd -= 1 << 32
        self.buffer += CALL_ROW.pack(
            thread.enter_ns,
            exit_ns,
            ret,
            asleep_ns,
            queued_ns,
            a,
            b,
            c,
            fd,
            thread.tid,
            thread.tgid,
            plan.code,
            flags,
            kind,
        )

    def pending(self, thread: Thread, watch: list[int] | None, flags: int) -> None:
        """Add a PENDING row for the call that ``thread`` is in."""
        former, thread.watch = thread.watch, watch
        self.call(thread, Kind.PENDING, 0, 0, 0, 0, thread.flags | flags)
        thread.watch = former

    def fact(
        self,
        kind: Kind,
        tid: int,
        tgid: int,
        enter_ns: int,
        *,
        exit_ns: int = 0,
        ret: int = 0,
        a: int = 0,
        b: int = 0,
        waker: int = 0,
        fd: int = _NO_FD,
        blob: bytes = b"",
    ) -> None:
        """Add a row that belongs to no call."""
        if blob:
            self.blob[len(self.buffer) // FACT_ROW.size] = blob[:95]
        flags = int(Flag.BLOB_CUT) if len(blob) > 95 else 0
        self.buffer += FACT_ROW.pack(
            enter_ns, exit_ns, ret, a, b, 0, fd, tid, tgid, waker & 0xFFFFFFFF, 0, flags, kind
        )

    def flush(self) -> None:
        """Hand what there is to the sink. What the sink raises passes through; the rows are then gone."""
        if not self.buffer:
            return
        rows = np.frombuffer(bytes(self.buffer), EVENT)
        watch, blob = self.watch, self.blob
        self.buffer.clear()
        self.watch, self.blob = {}, {}
        self.produced += len(rows)
        self._sink(batch(rows, watch, blob))
