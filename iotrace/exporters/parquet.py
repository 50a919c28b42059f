"""A table as Parquet, zstd, with the provenance as JSON under the key ``iotrace`` of the file's metadata."""

from __future__ import annotations

import json
from typing import BinaryIO

import pyarrow.parquet as pq

from iotrace.exporters.contract import Format, Request
from iotrace.exporters.provenance import provenance
from iotrace.exporters.tables import table

#: Rows of a row group.
_GROUP = 1 << 18


def write(request: Request, format: Format, out: BinaryIO) -> None:
    """Write one table."""
    rows = table(request.table, request.analysis)
    facts = json.dumps({"table": request.table, **provenance(request.analysis)}, ensure_ascii=False)
    schema = rows.schema.with_metadata({b"iotrace": facts.encode()})
    with pq.ParquetWriter(out, schema, compression="zstd", write_page_index=True) as writer:
        for batch in rows.batches:
            writer.write_batch(batch.replace_schema_metadata(schema.metadata))
