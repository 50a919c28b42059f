"""Rows between the thread that traces and the one that stores them: no slow disk makes a target wait.

What the disk does not take for too long is dropped and counted, and each gap is told by a GAP row.
"""

from __future__ import annotations

import queue
import time

import numpy as np

from probes.contract import Sink
from probes.events import EVENT, Batch, Kind, batch

#: Rows that wait to be stored at most: about 180 MB.
LIMIT = 1_000_000


class Backlog:
    """Batches on their way from one thread to another: ``produced`` rows came, ``lost`` were dropped."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.produced = 0
        self.lost = 0
        self._limit = limit
        self._batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._put = self._taken = 0  # each written by one thread only
        self._added_ns = time.monotonic_ns()
        self._gap: tuple[int, int, int] | None = None  # first ns, last ns, rows

    def add(self, rows: Batch) -> None:
        """Put rows in, or drop them where too many wait."""
        count, now = len(rows.rows), time.monotonic_ns()
        self.produced += count
        if self._put - self._taken + count > self._limit:
            first, _, dropped = self._gap or (self._added_ns, 0, 0)
            self._gap = first, now, dropped + count
            self.lost += count
        else:
            self._tell_of_gap()
            self._put += count
            self._batches.put(rows)
        self._added_ns = now

    def close(self) -> None:
        """Let :meth:`drain` end after what there is."""
        self._tell_of_gap()
        self._batches.put(None)

    def drain(self, sink: Sink) -> None:
        """Give ``sink`` what comes until :meth:`close`. What it raises passes; then nothing more is taken."""
        while (rows := self._batches.get()) is not None:
            sink(rows)
            self._taken += len(rows.rows)

    def _tell_of_gap(self) -> None:
        if self._gap is None:
            return
        row = np.zeros(1, EVENT)
        row["kind"], row["fd"] = Kind.GAP, -1
        row["enter_ns"], row["exit_ns"], row["a"] = self._gap
        self._gap = None
        self._put += 1
        self._batches.put(batch(row))
