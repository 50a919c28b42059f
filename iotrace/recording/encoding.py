"""From a probe's rows to the record batches of a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iotrace.recording.layout import CALL_NAMES, COLUMNS, KIND_NAMES, Column, arrow_fields
from probes.events import Batch, Flag, Kind

#: Rows whose columns are filled one after the other: as many as stay in a CPU's own cache meanwhile.
_BLOCK = 4096

_KINDS = pa.array(KIND_NAMES)
_CALLS = pa.array(CALL_NAMES)


def record_batch(schema: pa.Schema, batch: Batch) -> pa.RecordBatch:
    """Return ``batch`` as a record batch of ``schema`` (:func:`iotrace.recording.layout.arrow_fields`)."""
    values, seen = _columns(batch.rows)
    ragged: dict[str, tuple[NDArray[np.int32], NDArray[Any]]] = {
        "watch": (batch.watch_offsets, batch.watch.astype(np.uint64, copy=False)),
        "blob": (batch.blob_offsets, batch.blob),
    }
    arrays = []
    for column, field in zip(COLUMNS, arrow_fields(), strict=True):
        if column.how == "ragged":
            arrays.append(_ragged(field.type, len(batch.rows), *ragged[column.field]))
        elif column.how == "name":
            arrays.append(_named(column, field.type, values))
        else:
            arrays.append(_array(field.type, values[column.name], seen.get(column.name)))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _columns(rows: NDArray[np.void]) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.bool_]]]:
    """Return the values of the columns of one width by name, and of offsets which are there, each (n,)."""
    n = len(rows)
    fields = zip(COLUMNS, arrow_fields(), strict=True)
    fixed = [(column, field) for column, field in fields if column.how in ("plain", "offset")]
    values = {column.name: np.empty(n, field.type.to_pandas_dtype()) for column, field in fixed}
    values["kind"] = np.empty(n, np.uint8)
    seen = {column.name: np.empty(n, np.bool_) for column, _ in fixed if column.how == "offset"}
    for start in range(0, n, _BLOCK):
        part = slice(start, start + _BLOCK)
        block = rows[part]
        values["kind"][part] = block["kind"]
        for column, _ in fixed:
            values[column.name][part] = block[column.field]
        enter = values["enter_ns"][part]
        for name, there in seen.items():
            offset = values[name][part]
            if np.not_equal(offset, 0, out=there[part]).any():
                offset -= enter
                offset *= there[part]
    return values, seen


def _array(kind: pa.DataType, values: NDArray[Any], seen: NDArray[np.bool_] | None) -> pa.Array:
    validity = [None] if seen is None else _validity(seen)
    return pa.Array.from_buffers(kind, len(values), [*validity, pa.py_buffer(values)])


def _validity(seen: NDArray[np.bool_]) -> list[pa.Buffer | None]:
    return [None if seen.all() else pa.py_buffer(np.packbits(seen, bitorder="little"))]


def _named(column: Column, kind: pa.DictionaryType, values: dict[str, NDArray[Any]]) -> pa.Array:
    if column.name == "kind":
        indices = values["kind"] - np.uint8(1)
        validity: list[pa.Buffer | None] = [None]
        names = _KINDS
    else:
        named = (values["kind"] == Kind.CALL) | (values["kind"] == Kind.PENDING)
        named &= (values["code"] < len(CALL_NAMES)) & (values["flags"] & np.uint16(Flag.FOREIGN) == 0)
        indices = values["code"] * named
        validity = _validity(named)
        names = _CALLS
    index = pa.Array.from_buffers(kind.index_type, len(indices), [*validity, pa.py_buffer(indices)])
    return pa.DictionaryArray.from_arrays(index, names, safe=False)


def _ragged(kind: pa.DataType, n: int, offsets: NDArray[np.int32], values: NDArray[Any]) -> pa.Array:
    flat = pa.py_buffer(np.ascontiguousarray(values))
    start = pa.py_buffer(np.ascontiguousarray(offsets))
    if pa.types.is_binary(kind):
        return pa.Array.from_buffers(kind, n, [None, start, flat], 0)
    child = pa.Array.from_buffers(pa.uint64(), len(values), [None, flat], 0)
    return pa.Array.from_buffers(kind, n, [None, start], 0, children=[child])
