"""Run a small program under the eBPF probe and look at what it recorded."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iotrace.columns import from_batches
from probes.bpf_probe import BpfProbe
from probes.contract import Command, Options, Outcome
from probes.events import Batch, Kind
from probes.table import BY_NAME, CALLS
from tests.live import require
from tests.orderly import check_events


@dataclass
class Recorded:
    """What a run left: all rows in one, with their sets and bytes by index."""

    pid: int
    header: dict[str, object]
    outcome: Outcome
    rows: NDArray[np.void]
    watch: list[list[int]]
    blob: list[bytes]

    def calls(self, name: str, kind: Kind = Kind.CALL) -> NDArray[np.void]:
        """Return the rows (n,) of one system call."""
        return self.rows[self._is(name, kind)]

    def indices(self, name: str) -> list[int]:
        """Return where the rows of one system call are."""
        return [int(index) for index in np.flatnonzero(self._is(name, Kind.CALL))]

    def of(self, kind: Kind) -> NDArray[np.void]:
        """Return the rows (n,) of one kind."""
        chosen: NDArray[np.void] = self.rows[self.rows["kind"] == kind]
        return chosen

    def counts(self) -> Counter[str]:
        """Return how often each call was made."""
        return Counter(CALLS[code].name for code in self.rows["code"][self.rows["kind"] == Kind.CALL])

    def _is(self, name: str, kind: Kind) -> NDArray[np.bool_]:
        wanted: NDArray[np.bool_] = (self.rows["kind"] == kind) & (self.rows["code"] == BY_NAME[name].code)
        return wanted


def run(
    argv: list[str],
    options: Options | None = None,
    after: tuple[float, Callable[[BpfProbe], None]] | None = None,
) -> Recorded:
    """Record ``argv`` until its tree has ended; do ``after[1]`` so many seconds after it was started."""
    require("bpf")
    probe = BpfProbe()
    pid = probe.start(Command(tuple(argv), dict(os.environ)), options or Options())
    batches: list[Batch] = []
    header = probe.header
    timer = threading.Timer(after[0], after[1], [probe]) if after else None
    if timer:
        timer.start()
    outcome = probe.run(batches.append)
    if timer:
        timer.join()
    check_events(from_batches(batches, header))
    rows = np.concatenate([batch.rows for batch in batches])
    watch, blob = [], []
    for batch in batches:
        for index in range(len(batch.rows)):
            first, last = batch.watch_offsets[index : index + 2]
            watch.append([int(value) for value in batch.watch[first:last]])
            first, last = batch.blob_offsets[index : index + 2]
            blob.append(batch.blob[first:last].tobytes())
    return Recorded(pid, header, outcome, rows, watch, blob)


def script(folder: Path, text: str) -> list[str]:
    """Write a Python program and return the command that runs it, without site packages' start-up."""
    path = folder / "program.py"
    path.write_text(text)
    return [sys.executable, "-I", "-S", str(path)]
