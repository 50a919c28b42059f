"""What a recording is: the columns of the file, its versions, its names.

A recording is an Arrow IPC *stream*, compressed with zstd, one record batch after the other, so
that it can be read while it grows and after its writer died. pyarrow, polars and DuckDB open it
as it is. :mod:`iotrace.recording.writing` writes it, :mod:`iotrace.recording.reading` reads it.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from iotrace.language import _
from probes.events import Kind
from probes.table import CALLS

if TYPE_CHECKING:
    import pyarrow as pa

#: The version of the file format, in the header as ``format``. A reader refuses a greater one.
#:
#: 1  first version
FORMAT = 1

# The columns of the file. ``+`` after the type: the value may be null. ``from`` is the column of
# probes.events.EVENT; an ``offset`` is stored relative to enter_ns, and null where the probe saw
# nothing (in memory: absolute, 0 where unseen), for small numbers compress and subtract nothing.
_COLUMNS = """
# name             type          from        how       meaning
kind               kind          kind        name      call, pending, signal, ...: what the row is about
call               call+         code        name      the system call, by name
enter_ns           int64         enter_ns    plain     when it began: nanoseconds on CLOCK_MONOTONIC
duration_ns        int64+        exit_ns     offset    how long it took; null: not returned
ret                int64         ret         plain     its result; -errno
sleep_after_ns     int64+        sleep_ns    offset    when it left the CPU to sleep, for the first time
ready_after_ns     int64+        ready_ns    offset    when data became ready: negative if before the call
waking_after_ns    int64+        waking_ns   offset    when it was woken, for the last time
running_after_ns   int64+        running_ns  offset    when it was back on a CPU
copy_after_ns      int64+        copy_ns     offset    when the first copy from kernel to user began
done_after_ns      int64+        done_ns     offset    when the socket layer finished the receive
asleep_ns          int64         asleep_ns   plain     total time asleep
queued_ns          int64         queued_ns   plain     total time runnable but not on a CPU
fd                 int32         fd          plain     the descriptor; -1: none
tid                uint32        tid         plain     the thread
tgid               uint32        tgid        plain     the process
waker              uint32        waker       plain     the thread that woke it
copied             uint32        copied      plain     bytes announced by the copy events
copies             uint16        copies      plain     how many copy events
sleeps             uint16        sleeps      plain     how often it went to sleep
sk                 uint64        sk          plain     the kernel's address of the socket
a                  int64         a           plain     arguments, as probes.table says for each call
b                  int64         b           plain
c                  int64         c           plain
code               uint16        code        plain     the call's place in probes.table
flags              uint16        flags       plain     bits of probes.events.Flag
cpu                uint16        cpu         plain     the CPU that wrote the row
watch              list          watch       ragged    what a wait was given and returned
blob               binary        blob        ragged    an address, a path, a note
"""

# The header is JSON in the schema's metadata under the key "iotrace": ``format``, ``iotrace``
# (version), ``argv``, ``pid``, ``kernel`` (release), ``machine``, ``started_ns`` (CLOCK_MONOTONIC),
# ``started_wall_ns`` (CLOCK_REALTIME), ``options``, and all that the probe's header says.
# What is known only at the end travels as the last row, a NOTE: ``exit_status``, ``signal``,
# ``wait_status``, ``produced``, ``lost``, ``ended_ns``, ``ended_by``, ``probe_notes``.
HEADER_KEY = b"iotrace"

# Each record batch carries in its metadata the CRC-32 of every byte before the end of the batch
# before it (0 for the first). A recording begins with a batch of no rows, so that its header is in
# the file at once, and when closed ends with one, so that all others are covered.
CHECK_KEY = "crc32"

#: A batch holds no more rows, and uncompressed no more bytes, than these: what a reader is ready to allocate.
MAX_ROWS = 32_768
MAX_BATCH_BYTES = 128 << 20

SUFFIX = ".iotrace"


class RecordingError(Exception):
    """A recording cannot be read or written. The message is one line: the cause, then the next step."""


class Column(NamedTuple):
    """One column of the file. ``how`` is ``plain``, ``offset``, ``name`` or ``ragged``."""

    name: str
    type: str
    nullable: bool
    field: str
    how: str


def _column(line: str) -> Column:
    name, kind, field, how = line.split()[:4]
    return Column(name, kind.rstrip("+"), kind.endswith("+"), field, how)


COLUMNS: tuple[Column, ...] = tuple(
    _column(line) for line in _COLUMNS.splitlines() if line and not line.startswith("#")
)

#: What ``kind`` and ``call`` look like in the file; a kind's index is its number less one, a call's its code.
KIND_NAMES = tuple(kind.name.lower() for kind in Kind)
CALL_NAMES = tuple(call.name for call in CALLS)


@cache
def arrow_fields() -> tuple[pa.Field, ...]:
    """Return the columns as Arrow fields, in the file's order."""
    import pyarrow as pa

    types = {
        "kind": pa.dictionary(pa.uint8(), pa.utf8()),
        "call": pa.dictionary(pa.uint16(), pa.utf8()),
        "list": pa.list_(pa.field("item", pa.uint64(), nullable=False)),
        "binary": pa.binary(),
    }
    return tuple(
        pa.field(column.name, types.get(column.type) or getattr(pa, column.type)(), column.nullable)
        for column in COLUMNS
    )


def default_path(name: str, pid: int, folder: Path | None = None) -> Path:
    """Return ``iotrace-<name>.<pid>.iotrace``; what is not plain in a file name becomes ``_``."""
    stem = re.sub(r"[^\w.+-]", "_", os.path.basename(name)) or "run"
    return (folder or Path()) / f"iotrace-{stem[:100]}.{pid}{SUFFIX}"


def latest(folder: Path | None = None) -> Path:
    """Return the newest recording in ``folder`` (default: here). Raises :class:`RecordingError`."""
    folder = folder or Path()
    newest: tuple[int, Path] | None = None
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            at = path.stat().st_mtime_ns
        except OSError:
            continue
        newest = max(newest or (at, path), (at, path))
    if newest is None:
        raise RecordingError(
            _("no recording (*.iotrace) in this folder: make one with `iotrace run SCRIPT.py`")
        )
    return newest[1]
