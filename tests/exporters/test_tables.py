"""CSV, JSON Lines and Parquet, read by DuckDB, polars and the standard library: the same rows in each."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iotrace.analysis import Analysis, analyse
from iotrace.analysis.calls import select
from iotrace.analysis.rows import rows_of
from iotrace.analysis.spent import Activity, spent
from iotrace.analysis.spent_columns import spent_columns
from iotrace.escape import clean
from iotrace.exporters import tables
from iotrace.exporters.contract import TABLES
from probes.contract import EVIDENCE
from probes.events import Kind
from tests.exporters.asked import exported
from tests.figures import recordings
from tests.story import Story, at
from tests.views import scenes

FORMULAS = ("=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", "'quoted")


def lossy() -> Analysis:
    """A call that failed, one in flight, and a gap of 23 rows."""
    story = Story(100)
    story.server(3, 8801, 1)
    story.call("recvfrom", 50, 51, -11, fd=4)
    story.row(Kind.GAP, enter_ns=at(60), exit_ns=at(70), a=23)
    story.call("recvfrom", 80, 90, 64, ready=85, copy=88, fd=4)
    story.row(Kind.PENDING, enter_ns=at(95), code=5, fd=4)
    return analyse(
        story.events(evidence=list(EVIDENCE), kernel="6.18.0", started_wall_ns=1_700_000_000 * 10**9)
    )


def doubled() -> Analysis:
    """All descriptors but the first have one name; the first has none."""
    analysis = scenes.chat()
    found = [replace(each, name="x" if number else "") for number, each in enumerate(analysis.descriptors)]
    return replace(analysis, descriptors=found)


MADE: dict[str, Callable[[], Analysis]] = {
    **recordings.MODELS,
    "lossy": lossy,
    "empty": scenes.empty,
    "crowd": recordings.crowd,
    "doubled": doubled,
}  # fmt: skip


def by_duckdb(path: Path) -> list[dict[str, Any]]:
    """Read a file as any user of DuckDB would (docs/exports.md)."""
    source = {
        # Without skip, the sniffer of DuckDB 2.0.1 drops as many rows as there are comments before them.
        ".csv": f"read_csv('{path}', comment='#', skip=0, quote='\"', header=true)",
        ".parquet": f"'{path}'",
        ".jsonl": f"(SELECT * FROM read_json('{path}', sample_size=-1) WHERE type <> 'recording')",
    }[path.suffix]
    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.execute(f"SELECT * FROM {source}")
        names = [each[0] for each in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", MADE)
def test_duckdb_reads_the_same_rows_from_each(name: str, table: str, tmp_path: Path) -> None:
    analysis = MADE[name]()
    found = {}
    for format in ("csv", "jsonl", "parquet"):
        path = tmp_path / f"x.{format}"
        path.write_bytes(exported(analysis, format, table=table))
        found[format] = by_duckdb(path)
    columns = pq.read_schema(tmp_path / "x.parquet").names
    expected = {
        "calls": len(select(analysis.events, analysis.end_ns)),
        "operations": len(analysis.operations),
        "descriptors": len(analysis.descriptors),
        "matrix": len(analysis.matrix),
    }[table]
    assert len(found["parquet"]) == expected
    for format in ("csv", "jsonl"):
        assert [[plain(row.get(each)) for each in columns] for row in found[format]] == [
            [plain(row[each]) for each in columns] for row in found["parquet"]
        ]


def plain(value: object) -> object:
    """A column with nothing but nulls has a type of each reader's choice, and one of ones is true or 1."""
    return str(value) if isinstance(value, bool) else value


def test_polars_adds_up_what_the_analysis_counted(tmp_path: Path) -> None:
    analysis = scenes.chat()
    path = tmp_path / "x.parquet"
    path.write_bytes(exported(analysis, "parquet"))
    frame = polars.read_parquet(path)
    summed = {
        row["call"]: (row["count"], row["total"], row["wait"], row["bytes"] or 0)
        for row in frame.group_by("call")
        .agg(
            polars.len().alias("count"),
            polars.col("duration_ns").sum().alias("total"),
            polars.col("wait_ns").sum().alias("wait"),
            polars.col("bytes").sum().alias("bytes"),
        )
        .to_dicts()
    }
    assert summed == {
        each.name: (each.count, each.total_ns, each.wait_ns, each.bytes) for each in analysis.calls
    }
    read = polars.read_csv(io.BytesIO(exported(analysis, "csv")), comment_prefix="#")
    assert read["duration_ns"].sum() == frame["duration_ns"].sum()
    lines = exported(analysis, "jsonl").split(b"\n", 1)[1]
    assert polars.read_ndjson(lines)["bytes"].sum() == frame["bytes"].sum()


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", MADE)
def test_pandas_reads_the_same_rows(name: str, table: str) -> None:
    rows = pq.read_table(io.BytesIO(exported(MADE[name](), "parquet", table=table)))
    frame = rows.to_pandas()
    assert len(frame) == rows.num_rows
    for column in rows.column_names:
        assert frame[column].isna().sum() == rows[column].null_count
        if pa.types.is_dictionary(rows[column].type):
            words = frame[column].astype(object)
            assert words.where(words.notna(), None).tolist() == rows[column].to_pylist()


@pytest.mark.parametrize("table", TABLES)
def test_a_word_stands_once_in_its_dictionary(table: str) -> None:
    """Two descriptors of one name, one without: pandas refuses a dictionary that says a word twice."""
    made = tables.table(table, doubled()).batches
    for batch in made:
        for column in batch.columns:
            if pa.types.is_dictionary(column.type):
                assert len(column.dictionary.unique()) == len(column.dictionary)


def test_an_operation_is_joined_to_its_call(tmp_path: Path) -> None:
    analysis = scenes.chat()
    for table in ("calls", "operations"):
        (tmp_path / f"{table}.parquet").write_bytes(exported(analysis, "parquet", table=table))
    joined = (
        duckdb.connect()
        .execute(
            f"""SELECT count(*), sum(c.bytes), count(DISTINCT c.descriptor)
            FROM '{tmp_path}/operations.parquet' o JOIN '{tmp_path}/calls.parquet' c
            ON c.operation = o.operation AND c.row = o.call_row AND c.fd = o.fd
            WHERE o.act = 'receive' AND o.wait = 'select'"""
        )
        .fetchone()
    )
    assert joined == (10, 10 * scenes.MIB, 5)


def test_what_is_not_known_is_null() -> None:
    rows = [json.loads(line) for line in exported(lossy(), "jsonl").splitlines()]
    head, failed, done, in_flight = rows[0], *rows[-3:]
    assert (head["lost"], head["gaps"], head["probe"], head["kernel"]) == (
        23, [[at(60), at(70), 23]], "bpf", "6.18.0",
    )  # fmt: skip
    assert head["date"] == "2023-11-14T22:13:20Z"
    assert (failed["error"], failed["bytes"], failed["copy_basis"]) == ("EAGAIN", None, None)
    assert (done["copy_ns"], done["copy_basis"], done["ready_after_ns"]) == (2_000, "measured", 5_000)
    assert [in_flight[each] for each in ("duration_ns", "ret", "bytes", "wait_ns")] == [None] * 4
    assert in_flight["wait_basis"] == "unseen"


def test_each_says_where_it_comes_from() -> None:
    analysis = lossy()
    comments = [line for line in exported(analysis, "csv").decode().splitlines() if line.startswith("# ")]
    facts = dict(line.removeprefix("# ").split(": ", 1) for line in comments)
    embedded = json.loads(pq.read_schema(io.BytesIO(exported(analysis, "parquet"))).metadata[b"iotrace"])
    for said in (facts, {key: str(value) for key, value in embedded.items()}):
        assert (said["lost"], said["probe"], said["kernel"]) == ("23", "bpf", "6.18.0")
        assert "bounded" in said["basis"]
        assert "MONOTONIC" in said["clock"]


@pytest.mark.parametrize("name", [*recordings.MODELS, "lossy"])
def test_the_columns_split_a_call_as_the_view_does(name: str) -> None:
    analysis = MADE[name]()
    calls = select(analysis.events, analysis.end_ns)
    evidence = tuple(analysis.events.header["evidence"])
    times = spent_columns(analysis.events, calls, slice(0, len(calls)), evidence)
    checked = 0
    for index, row in enumerate(rows_of(analysis.events, calls.row)):
        if calls.pending[index]:
            continue
        parts = {part.activity: (part.ns, part.basis) for part in spent(row, evidence)}
        wait = (times.wait_ns[index], times.wait_basis[index])
        assert parts.get(Activity.WAIT, (0, wait[1])) == wait
        wake = (times.wake_ns[index], times.wake_basis[index])
        assert parts.get(Activity.WAKE, (0, wake[1])) == wake
        assert (Activity.COPY in parts) == times.copies[index]
        if times.copies[index]:
            assert parts[Activity.COPY] == (times.copy_ns[index], times.copy_basis[index])
        checked += 1
    assert checked == np.count_nonzero(~calls.pending)


@settings(max_examples=60, deadline=None)
@given(st.text())
@example("<script>\u202e\x1b]0;gone\x07" + "x" * 10_000)
@example('a","b\r\n#c\\\ud800\x00')
@example(FORMULAS[0])
def test_names_come_through_clean(name: str) -> None:
    analysis = recordings.renamed(lossy(), name)
    expected = {clean(each.name) or None for each in analysis.descriptors}
    text = exported(analysis, "csv", table="descriptors").decode()
    body = "".join(line for line in text.splitlines(True) if not line.startswith("#"))
    assert {row["descriptor"].removeprefix("'") or None for row in csv.DictReader(io.StringIO(body))} == {
        each and each.removeprefix("'") for each in expected
    }
    lines = [json.loads(line) for line in exported(analysis, "jsonl", table="descriptors").splitlines()]
    assert {row["descriptor"] for row in lines[1:]} == expected
    table = pq.read_table(io.BytesIO(exported(analysis, "parquet", table="descriptors")))
    assert set(table["descriptor"].to_pylist()) == expected
    shown = text + "".join(map(str, lines))
    assert all(sign.isprintable() or sign == "\n" for sign in shown)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_spreadsheet_finds_no_formula(name: str) -> None:
    analysis = lossy()
    first = analysis.descriptors[0]
    analysis = replace(analysis, descriptors=[replace(first, name=name)])
    text = exported(analysis, "csv", table="descriptors").decode()
    (row,) = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    assert row["descriptor"].removeprefix("'") == clean(name)
    assert row["descriptor"][0] not in "=+-@\t\r"
    (value,) = pq.read_table(io.BytesIO(exported(analysis, "parquet", table="descriptors")))["descriptor"]
    assert value.as_py() == clean(name)
