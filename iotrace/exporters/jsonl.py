"""A table as JSON Lines: first a line of provenance, then an object a row. Both say their ``type``."""

from __future__ import annotations

import json
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from iotrace.exporters.contract import Format, Request
from iotrace.exporters.provenance import provenance
from iotrace.exporters.tables import table


def write(request: Request, format: Format, out: BinaryIO) -> None:
    """Write one table."""
    rows = table(request.table, request.analysis)
    head = {"type": "recording", "table": request.table, **provenance(request.analysis)}
    out.write(json.dumps(head, ensure_ascii=False).encode() + b"\n")
    for batch in rows.batches:
        if batch.num_rows:
            out.write(_lines(rows.row, batch))


def _lines(row: str, batch: pa.RecordBatch) -> memoryview:
    """Return the rows: the joined strings of an Arrow array lie end to end in its buffer."""
    parts: list[pa.Array | pa.Scalar] = []
    before = f'{{"type":{json.dumps(row)}'
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        parts += [_text(f"{before},{json.dumps(name)}:"), _value(column)]
        before = ""
    joined = pc.binary_join_element_wise(*parts, _text("}\n"), _text(""))
    _, offsets, data = joined.buffers()
    assert joined.offset == 0
    return memoryview(data)[: memoryview(offsets).cast("i")[batch.num_rows]]


def _value(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        words = [json.dumps(word, ensure_ascii=False) for word in column.dictionary.to_pylist()]
        column = pa.array(words, pa.utf8()).take(column.indices)
    return pc.fill_null(pc.cast(column, pa.utf8()), "null")


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, pa.utf8())
