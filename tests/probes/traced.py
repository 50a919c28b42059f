"""Run a small program under the ptrace probe, in this process, and look at its rows by name."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from iotrace.columns import from_batches
from probes.contract import Command, Options, Outcome, Sink
from probes.events import Batch, Flag, Kind
from probes.ptrace_probe import PtraceProbe
from probes.table import CALLS
from tests.orderly import check_events

LIMIT_S = 30.0


@dataclass(frozen=True)
class Row:
    """One row with its lists, as plain Python values."""

    kind: Kind
    name: str
    tid: int
    tgid: int
    enter_ns: int
    exit_ns: int
    ret: int
    fd: int
    a: int
    b: int
    c: int
    waker: int
    asleep_ns: int
    queued_ns: int
    flags: Flag
    watch: tuple[int, ...]
    blob: bytes


@dataclass(frozen=True)
class Recording:
    """What a run gave."""

    rows: tuple[Row, ...]
    outcome: Outcome
    header: dict[str, object]
    pid: int
    batches: tuple[Batch, ...]

    def calls(self, *names: str, fd: int | None = None) -> list[Row]:
        """Return the finished calls of these names, on descriptor ``fd`` if given."""
        rows = [row for row in self.rows if row.kind is Kind.CALL and row.name in names]
        return [row for row in rows if fd is None or row.fd == fd]

    def of(self, kind: Kind) -> list[Row]:
        """Return the rows of one kind."""
        return [row for row in self.rows if row.kind is kind]

    def counts(self) -> Counter[str]:
        """Count the finished calls by name."""
        return Counter(row.name for row in self.rows if row.kind is Kind.CALL)


def python(code: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs ``code`` in a bare interpreter."""
    return (sys.executable, "-I", "-S", "-c", textwrap.dedent(code), *arguments)


def trace(
    argv: tuple[str, ...],
    options: Options | None = None,
    *,
    command: Command | None = None,
    during: Callable[[PtraceProbe], None] | None = None,
    sink: Sink | None = None,
) -> Recording:
    """Trace a command to its end; ``during`` is called with the probe before the run."""
    probe = PtraceProbe()
    batches: list[Batch] = []
    pid = probe.start(command or Command(argv, dict(os.environ)), options or Options())
    watchdog = threading.Timer(LIMIT_S, probe.kill)
    watchdog.start()
    try:
        if during is not None:
            during(probe)
        outcome = probe.run(sink or batches.append)
    finally:
        watchdog.cancel()
        watchdog.join()
    rows = tuple(row for batch in batches for row in _rows(batch))
    assert outcome.produced == len(rows) or sink is not None
    check_events(from_batches(batches, probe.header))
    return Recording(rows, outcome, probe.header, pid, tuple(batches))


def _rows(batch: Batch) -> list[Row]:
    rows, watch_at, watch, blob_at, blob = batch
    assert watch_at[-1] == len(watch)
    assert blob_at[-1] == len(blob)
    # What this probe cannot see stays unseen.
    for column in ("sleep_ns", "waking_ns", "running_ns", "copy_ns", "done_ns", "ready_ns", "sk", "parts"):
        assert not np.any(rows[column])
    found = []
    for index, row in enumerate(rows):
        kind = Kind(int(row["kind"]))
        code = int(row["code"])
        named = kind in (Kind.CALL, Kind.PENDING) and code < len(CALLS)
        found.append(
            Row(
                kind=kind,
                name=CALLS[code].name if named else "",
                tid=int(row["tid"]),
                tgid=int(row["tgid"]),
                enter_ns=int(row["enter_ns"]),
                exit_ns=int(row["exit_ns"]),
                ret=int(row["ret"]),
                fd=int(row["fd"]),
                a=int(row["a"]),
                b=int(row["b"]),
                c=int(row["c"]),
                waker=int(row["waker"]),
                asleep_ns=int(row["asleep_ns"]),
                queued_ns=int(row["queued_ns"]),
                flags=Flag(int(row["flags"])),
                watch=tuple(int(value) for value in watch[watch_at[index] : watch_at[index + 1]]),
                blob=bytes(blob[blob_at[index] : blob_at[index + 1]]),
            )
        )
    return found
