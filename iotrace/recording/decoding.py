"""From the record batches of a file to the columns in memory."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iotrace.columns import FIELDS, Events
from iotrace.recording.framing import Damaged
from iotrace.recording.layout import COLUMNS, Column
from probes.events import Kind

#: Always read, whatever is asked for.
_NEEDED = {"enter_ns", "kind", "blob"}


def wanted_columns(columns: Collection[str] | None) -> list[Column]:
    """Return the columns to read for ``columns`` (names of Events, and "watch"; None: all)."""
    return [column for column in COLUMNS if _is_wanted(column, columns)]


def open_batches(source: pa.Buffer, wanted: list[Column]) -> pa.RecordBatchStreamReader:
    """Open a checked stream; only the columns wanted are decompressed."""
    fields = [index for index, column in enumerate(COLUMNS) if column in wanted]
    options = pa.ipc.IpcReadOptions(included_fields=fields)
    # The system's allocator gives decompressed batches back at once; Arrow's own would keep them.
    return pa.ipc.open_stream(source, options=options, memory_pool=pa.system_memory_pool())


def _is_wanted(column: Column, columns: Collection[str] | None) -> bool:
    if column.name == "call":
        return False  # its code says the same
    return columns is None or column.field in columns or column.field in _NEEDED


def events_of(
    batches: Iterable[pa.RecordBatch],
    wanted: list[Column],
    sizes: Sequence[int],
    header: dict[str, Any],
    left_over: int = 0,
) -> Events:
    """Join record batches of these sizes. Raises :class:`Damaged`."""
    total = sum(sizes)
    column = {c.field: np.zeros(total, FIELDS[c.field]) for c in wanted if c.how != "ragged"}
    offsets = {name: np.zeros(total + 1, np.int64) for name in ("watch", "blob")}
    values: dict[str, list[NDArray[Any]]] = {"watch": [], "blob": []}
    ended = {"watch": 0, "blob": 0}
    at = 0
    for batch, rows in zip(batches, sizes, strict=True):
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
        _notes(column["kind"], offsets["blob"], blob, left_over),
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
    kind: NDArray[np.uint8], offsets: NDArray[np.int64], blob: NDArray[np.uint8], left_over: int
) -> tuple[dict[str, Any], ...]:
    notes: list[dict[str, Any]] = []
    for row in np.flatnonzero(kind == Kind.NOTE):
        try:
            note = json.loads(blob[offsets[row] : offsets[row + 1]].tobytes())
        except ValueError:
            continue  # the row is kept; only its reading as facts fails
        if isinstance(note, dict):
            notes.append(note)
    if left_over:
        notes.append({"left_over_bytes": left_over})
    return tuple(notes)
