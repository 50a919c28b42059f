"""Read a recording: whole, still growing, or cut off.

Damage is found before anything is opened (:mod:`iotrace.recording.framing`), so a broken file costs one
line and no memory.
"""

from __future__ import annotations

import json
import mmap
import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iotrace.columns import FIELDS, Events
from iotrace.recording.framing import CONTINUATION, Damaged, Frames, walk
from iotrace.recording.layout import COLUMNS, FORMAT, HEADER_KEY, Column, RecordingError, arrow_fields
from probes.events import Kind

#: Always read, whatever is asked for.
_NEEDED = {"enter_ns", "kind", "blob"}


def read(path: Path, columns: Collection[str] | None = None) -> Events:
    """Read the recording at ``path``; only ``columns`` (names of Events, and "watch") where given.

    ``enter_ns``, ``kind`` and ``blob`` are always read. A file that was cut off gives its whole
    batches, and a note ``{"left_over_bytes": n}``. Raises :class:`RecordingError`.
    """
    data = _load(path)
    if data[:4] != CONTINUATION:
        raise RecordingError(f"{path} is not a recording of iotrace: give a file that `iotrace run` wrote")
    try:
        header = _header(path, pa.ipc.open_stream(pa.py_buffer(data)).schema)
        frames = walk(data)
        source = pa.py_buffer(data[: frames.stop])
        wanted = [c for c in COLUMNS if _is_wanted(c, columns)]
        fields = [index for index, column in enumerate(COLUMNS) if column in wanted]
        if not frames.stop:
            raise Damaged("cut off in its header")
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        # The system's allocator gives decompressed batches back at once; Arrow's own would keep them.
        reader = pa.ipc.open_stream(source, options=options, memory_pool=pa.system_memory_pool())
        return _events(reader, wanted, frames, header)
    except Damaged as error:
        raise _damaged(path, str(error)) from None
    except (pa.ArrowException, ValueError, IndexError, OverflowError, MemoryError, OSError) as error:
        raise _damaged(path, (str(error) or type(error).__name__).splitlines()[0][:120]) from None


def _damaged(path: Path, cause: str) -> RecordingError:
    return RecordingError(f"{path} is damaged ({cause}): record the run again, or fetch a whole copy")


def _load(path: Path) -> memoryview:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise RecordingError(f"{path} does not exist: `iotrace run SCRIPT.py` makes a recording") from None
    except OSError as error:
        raise RecordingError(f"cannot open {path}: {error.strerror}") from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise RecordingError(f"{path} is {kind}: give a recording, a file that ends in .iotrace")
        if not status.st_size:
            raise RecordingError(f"{path} is empty: record the run again")
        return memoryview(mmap.mmap(fd, status.st_size, prot=mmap.PROT_READ))
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror}") from None
    finally:
        os.close(fd)


def _header(path: Path, schema: pa.Schema) -> dict[str, Any]:
    text = (schema.metadata or {}).get(HEADER_KEY)
    if text is None:
        raise RecordingError(
            f"{path} is another program's Arrow stream: give a file that `iotrace run` wrote"
        )
    header: dict[str, Any] = json.loads(text)
    version = header.get("format") if isinstance(header, dict) else None
    if not isinstance(version, int) or version < 1:
        raise Damaged("header")
    if version > FORMAT:
        raise RecordingError(
            f"{path} has format {version}, this iotrace reads up to {FORMAT}: "
            f"upgrade iotrace (it was written by {str(header.get('iotrace', 'a newer one'))[:40]!r})"
        )
    if [(f.name, f.type) for f in schema] != [(f.name, f.type) for f in arrow_fields()]:
        raise Damaged("columns")
    return header


def _is_wanted(column: Column, columns: Collection[str] | None) -> bool:
    if column.name == "call":
        return False  # its code says the same
    return columns is None or column.field in columns or column.field in _NEEDED


def _events(
    reader: pa.RecordBatchStreamReader, wanted: list[Column], frames: Frames, header: dict[str, Any]
) -> Events:
    total = sum(frames.rows)
    column = {c.field: np.zeros(total, FIELDS[c.field]) for c in wanted if c.how != "ragged"}
    offsets = {name: np.zeros(total + 1, np.int64) for name in ("watch", "blob")}
    values: dict[str, list[NDArray[Any]]] = {"watch": [], "blob": []}
    ended = {"watch": 0, "blob": 0}
    at = 0
    for batch, rows in zip(reader, frames.rows, strict=True):
        stop = at + rows
        enter = column["enter_ns"][at:stop]
        enter[:] = _numbers(batch.column("enter_ns"), rows)
        for c in wanted:
            array = batch.column(c.name)
            if c.how == "ragged":
                spans, flat = _ragged(array, rows)
                np.add(spans, ended[c.field], out=offsets[c.field][at : stop + 1])
                ended[c.field] += len(flat)
                values[c.field].append(flat)
            elif c.how == "offset":
                _unpack_offsets(array, rows, enter, column[c.field][at:stop])
            elif c.name == "kind":
                np.add(_numbers(array.indices, rows), 1, out=column["kind"][at:stop])
            elif c.name != "enter_ns":
                numbers = _numbers(array, rows)
                if numbers.any():  # what is zero already stays untouched memory
                    column[c.field][at:stop] = numbers
        at = stop
    blob = _joined(values["blob"], np.uint8)
    return Events(
        column,
        offsets["watch"],
        _joined(values["watch"], np.uint64),
        offsets["blob"],
        blob,
        header,
        _notes(column["kind"], offsets["blob"], blob, frames),
    )


def _numbers(array: pa.Array, rows: int) -> NDArray[Any]:
    if not rows:
        return np.zeros(0, array.type.to_pandas_dtype())
    data = array.buffers()[1]
    if data is None:
        raise Damaged("column")
    return np.frombuffer(data, array.type.to_pandas_dtype(), rows)


def _unpack_offsets(array: pa.Array, rows: int, enter: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Make offsets absolute; what is null, and only that, stays 0."""
    bits = array.buffers()[0] if rows else None
    if bits is None or not array.null_count:
        np.add(_numbers(array, rows), enter, out=out)
    elif array.null_count != rows:
        seen = np.unpackbits(np.frombuffer(bits, np.uint8), count=rows, bitorder="little").view(np.bool_)
        np.add(_numbers(array, rows), enter, out=out)
        out *= seen


def _ragged(array: pa.Array, rows: int) -> tuple[NDArray[np.int32], NDArray[Any]]:
    if not rows:
        return np.zeros(1, np.int32), np.zeros(0, np.uint8)
    buffers = array.buffers()
    offsets = np.frombuffer(buffers[1], np.int32, rows + 1)
    kind = np.dtype(np.uint8) if len(buffers) == 3 else np.dtype(np.uint64)
    if offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise Damaged("lists")
    size = int(offsets[-1])
    flat = np.frombuffer(buffers[-1], kind, size) if size else np.zeros(0, kind)
    return offsets, flat


def _joined(parts: list[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    filled = [part for part in parts if len(part)]
    return np.concatenate(filled) if filled else np.zeros(0, kind)


def _notes(
    kind: NDArray[np.uint8], offsets: NDArray[np.int64], blob: NDArray[np.uint8], frames: Frames
) -> tuple[dict[str, Any], ...]:
    notes: list[dict[str, Any]] = []
    for row in np.flatnonzero(kind == Kind.NOTE):
        try:
            note = json.loads(blob[offsets[row] : offsets[row + 1]].tobytes())
        except ValueError:
            continue  # the row is kept; only its reading as facts fails
        if isinstance(note, dict):
            notes.append(note)
    if frames.left_over:
        notes.append({"left_over_bytes": frames.left_over})
    return tuple(notes)
