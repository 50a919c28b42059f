"""Write a recording, batch by batch, so that it can be read whatever happens to the writer.

A record batch reaches the kernel in one piece as soon as it is full, or old: after ``kill -9`` of
the tracer the file ends with the last batch, or in the middle of one, which a reader leaves out.
When the disk is full the file is cut back to its last whole batch and the rest of the run is not
recorded: the target goes on.
"""

from __future__ import annotations

import io
import json
import os
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iotrace.language import _
from iotrace.recording.encoding import record_batch
from iotrace.recording.file import create, remove
from iotrace.recording.layout import (
    CHECK_KEY,
    FORMAT,
    HEADER_KEY,
    MAX_BATCH_BYTES,
    MAX_ROWS,
    RecordingError,
    arrow_fields,
)
from probes.batches import joined
from probes.events import EVENT, Batch, Kind, batch

#: Rows reach the file at the latest this long after they were handed to :meth:`Writer.write`.
DELAY_NS = 400_000_000

_RAGGED_LIMIT = MAX_BATCH_BYTES // 4


class Writer:
    """An open recording. :meth:`write` is a probe's sink; :meth:`close` ends it.

    Raises :class:`RecordingError` if the file cannot be created. Afterwards nothing is raised:
    ``failure`` is the sentence that says why rows are missing from the file, or None, and
    ``on_failure`` is called with it once. ``fd``: what
    :func:`iotrace.recording.file.create` gave for ``path``.
    """

    def __init__(
        self,
        path: Path,
        header: Mapping[str, Any],
        force: bool = False,
        on_failure: Callable[[str], None] | None = None,
        fd: int | None = None,
    ) -> None:
        self.path = path
        self.failure: str | None = None
        self.rows = 0
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._pending: list[Batch] = []
        self._pending_rows = 0
        self._flushed_ns = 0
        self._closed = False
        self._check = 0
        self._size = 0
        self._fd = create(path, force) if fd is None else fd
        self._buffer = io.BytesIO()
        facts = json.dumps({**header, "format": FORMAT}, default=str)
        self._schema = pa.schema(arrow_fields(), {HEADER_KEY: facts})
        # one thread: what others would take from the target's CPUs is more than they save
        codec = pa.Codec("zstd", compression_level=1)
        options = pa.ipc.IpcWriteOptions(compression=codec, use_threads=False)
        self._stream = pa.ipc.new_stream(self._buffer, self._schema, options=options)
        self._before = b""
        self._append(self._nothing())  # with it the header and the names of the calls
        if not self._size:
            os.close(self._fd)
            remove(path)
            raise RecordingError(_("{cause}; choose another with -o").format(cause=self.failure))
        self._flusher = threading.Thread(target=self._flush_late_rows, name="iotrace-flush", daemon=True)
        self._flusher.start()

    def write(self, rows: Batch) -> None:
        """Append rows, whose memory is the writer's own from then on."""
        with self._lock:
            if self._closed or self.failure or not len(rows.rows):
                return
            self.rows += len(rows.rows)
            self._pending.append(rows)
            self._pending_rows += len(rows.rows)
            if self._pending_rows >= MAX_ROWS or time.monotonic_ns() - self._flushed_ns >= DELAY_NS:
                self._flush()
            else:
                self._wake.notify()

    def note(self, facts: Mapping[str, Any]) -> None:
        """Append a NOTE row: facts about the run as a whole, JSON-able."""
        row = np.zeros(1, EVENT)
        row["kind"] = Kind.NOTE
        row["enter_ns"] = time.monotonic_ns()
        row["fd"] = -1
        self.write(batch(row, blob={0: json.dumps(facts, default=str).encode()}))

    def close(self) -> None:
        """Write what is left, seal the file and close it. Does nothing the second time."""
        with self._lock:
            if self._closed:
                return
            self._flush()
            self._closed = True
            if not self.failure:
                self._append(self._nothing())
                self._stream.close()
                self._emit()
            self._wake.notify()
            os.close(self._fd)
        self._flusher.join()

    def _flush_late_rows(self) -> None:
        with self._lock:
            while not self._closed:
                if not self._pending_rows:
                    self._wake.wait()
                    continue
                left = self._flushed_ns + DELAY_NS - time.monotonic_ns()
                if left > 0:
                    self._wake.wait(left / 1e9)
                else:
                    self._flush()

    def _flush(self) -> None:
        pending, self._pending, self._pending_rows = self._pending, [], 0
        self._flushed_ns = time.monotonic_ns()
        if not pending:
            return
        whole = pending[0] if len(pending) == 1 else joined(pending)
        for start, stop in _cuts(whole):
            if self.failure:
                return
            self._append(
                record_batch(
                    self._schema,
                    Batch(
                        whole.rows[start:stop],
                        *_part(whole.watch_offsets, whole.watch, start, stop),
                        *_part(whole.blob_offsets, whole.blob, start, stop),
                    ),
                )
            )

    def _nothing(self) -> pa.RecordBatch:
        return record_batch(self._schema, batch(np.zeros(0, EVENT)))

    def _append(self, rows: pa.RecordBatch) -> None:
        self._check = zlib.crc32(self._before, self._check)
        self._stream.write_batch(rows, custom_metadata={CHECK_KEY: str(self._check)})
        self._before = self._emit()

    def _emit(self) -> bytes:
        """Move what the Arrow stream has written to the file; cut the file back where that fails."""
        data = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            words = _("recording stopped: cannot write {path}: {error}")
            self.failure = words.format(path=self.path, error=error.strerror)
            with suppress(OSError):  # a vanished disk; a reader leaves the torn batch out
                os.ftruncate(self._fd, self._size)
            if self._on_failure and self._size:
                self._on_failure(_("{cause}; the rows so far can be read").format(cause=self.failure))
            return b""
        self._size += len(data)
        return data


def _cuts(rows: Batch) -> list[tuple[int, int]]:
    """Cut into pieces that a reader is ready to take."""
    cuts, start, total = [], 0, len(rows.rows)
    while start < total:
        stop = min(start + MAX_ROWS, total)
        for offsets, width in ((rows.watch_offsets, 8), (rows.blob_offsets, 1)):
            limit = int(offsets[start]) + _RAGGED_LIMIT // width
            stop = min(stop, max(start + 1, int(np.searchsorted(offsets, limit, "right")) - 1))
        cuts.append((start, stop))
        start = stop
    return cuts


def _part(
    offsets: NDArray[np.int32], values: NDArray[Any], start: int, stop: int
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    part = offsets[start : stop + 1]
    return (part - part[0]).astype(np.int32), values[part[0] : part[-1]]
