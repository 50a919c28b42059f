"""A table as CSV (RFC 4180), after lines of provenance that begin with ``#``.

Text is quoted, numbers are not, and an empty cell without quotes is null. A spreadsheet takes a cell that
begins with ``=``, ``+``, ``-``, ``@``, a tab or a return for a formula (OWASP, "CSV Injection"): such text
gets an apostrophe before it, and so does text that begins with one.
"""

from __future__ import annotations

import json
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from iotrace.exporters.contract import Format, Request
from iotrace.exporters.provenance import provenance
from iotrace.exporters.tables import table

_FORMULA = r"^(['=+\-@\t\r])"


def write(request: Request, format: Format, out: BinaryIO) -> None:
    """Write one table."""
    rows = table(request.table, request.analysis)
    facts = {"table": request.table, **provenance(request.analysis)}
    for name, value in facts.items():
        out.write(f"# {name}: {value if isinstance(value, str) else json.dumps(value)}\n".encode())
    schema = pa.schema([pa.field(field.name, _plain(field.type)) for field in rows.schema])
    # One batch a time: the writer gives its memory back.
    with pyarrow.csv.CSVWriter(out, schema) as writer:
        for batch in rows.batches:
            writer.write(pa.RecordBatch.from_arrays([_cells(each) for each in batch.columns], schema=schema))


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _cells(column: pa.Array) -> pa.Array:
    if not pa.types.is_dictionary(column.type):
        return column
    safe = pc.replace_substring_regex(column.dictionary, pattern=_FORMULA, replacement=r"'\1")
    return safe.take(column.indices)
