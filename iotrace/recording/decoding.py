"""From the record batches of a file to the columns in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iotrace.columns import FIELDS, Events
from iotrace.recording import facts
from iotrace.recording.bounds import check
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


class LazyColumns(Mapping[str, NDArray[Any]]):
    """Columns by name, each read when it is first asked for: a view needs a dozen of them at most.

    ``read`` gives the columns of some names.
    """

    def __init__(
        self, known: dict[str, NDArray[Any]], read: Callable[[str], dict[str, NDArray[Any]]]
    ) -> None:
        self._known = known
        self._read = read

    def __getitem__(self, name: str) -> NDArray[Any]:
        column = self._known.get(name)
        if column is None:
            self._known.update(self._read(name))
            column = self._known[name]
        return column

    def __iter__(self) -> Iterator[str]:
        return iter(FIELDS)

    def __len__(self) -> int:
        return len(FIELDS)


def events_of(
    batches: Iterable[pa.RecordBatch],
    wanted: list[Column],
    sizes: Sequence[int],
    header: dict[str, Any],
    left_over: int = 0,
) -> Events:
    """Join record batches of these sizes. Raises :class:`Damaged`."""
    total = sum(sizes)
    numeric = [column for column in wanted if column.how != "ragged"]
    column = {each.field: np.zeros(total, FIELDS[each.field]) for each in numeric}
    offsets = {name: np.zeros(total + 1, np.int64) for name in ("watch", "blob")}
    values: dict[str, list[NDArray[Any]]] = {"watch": [], "blob": []}
    ended = {"watch": 0, "blob": 0}
    at = 0
    for batch, rows in zip(batches, sizes, strict=True):
        part = slice(at, at + rows)
        _unpack(batch, numeric, column, part, rows)
        for each in wanted:
            if each.how == "ragged":
                spans, flat = _ragged(batch.column(each.name), rows)
                np.add(spans, ended[each.field], out=offsets[each.field][at : at + rows + 1])
                ended[each.field] += len(flat)
                values[each.field].append(flat)
        at += rows
    check(column)
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


def columns_of(
    names: Collection[str], source: pa.Buffer, sizes: Sequence[int], enter: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Read more columns of a checked stream whose ``enter_ns`` are known. Raises :class:`Damaged`."""
    wanted = [column for column in COLUMNS if column.field in names and column.name != "call"]
    column = {"enter_ns": enter, **{name: np.zeros(len(enter), FIELDS[name]) for name in names}}
    at = 0
    batches = islice(open_batches(source, wanted), len(sizes))
    for batch, rows in zip(batches, sizes, strict=True):
        _unpack(batch, wanted, column, slice(at, at + rows), rows)
        at += rows
    check({name: column[name] for name in names})
    return column


def _unpack(
    batch: pa.RecordBatch, wanted: list[Column], column: dict[str, NDArray[Any]], part: slice, rows: int
) -> None:
    """Fill one part of the columns; enter_ns first, for the others are relative to it."""
    enter = column["enter_ns"][part]
    for each in sorted(wanted, key=lambda each: each.field != "enter_ns"):
        array = batch.column(each.name)
        if each.how == "offset":
            _unpack_offsets(array, rows, enter, column[each.field][part])
        elif each.name == "kind":
            np.add(_numbers(array.indices, rows), 1, out=column["kind"][part])
        else:
            numbers = _numbers(array, rows)
            if numbers.any():  # what is zero already stays untouched memory
                column[each.field][part] = numbers


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
        note = facts.note(blob[offsets[row] : offsets[row + 1]].tobytes())
        if note is not None:
            notes.append(note)
    if left_over:
        notes.append({"left_over_bytes": left_over})
    return tuple(notes)
