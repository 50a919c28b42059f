"""Recordings made to harm whoever opens them: refused in one line, or read, with less than 1 GB."""

from __future__ import annotations

import ast
import io
import json
import os
import pickle
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from iotrace import exporters, views
from iotrace.analysis import analyse
from iotrace.analysis.report import report_json
from iotrace.cli import main
from iotrace.exporters.formats import FORMATS
from iotrace.recording import facts
from iotrace.recording.encoding import record_batch
from iotrace.recording.layout import CHECK_KEY, HEADER_KEY, MAX_ROWS, RecordingError, arrow_fields
from iotrace.recording.reading import read
from iotrace.recording.writing import Writer
from probes.events import EVENT, Kind, batch
from tests.command import COMMAND, environment, iotrace

GIGABYTE = 1 << 30
HEADER = {
    "iotrace": "0.1.0", "argv": ["server"], "folder": "/", "pid": 1, "kernel": "6.18", "machine": "x86_64",
    "host_cpus": 2, "started_ns": 1, "started_wall_ns": 10**18, "remark": None, "options": {"pin": False},
    "probe": "ptrace", "evidence": ["calls", "accounts"], "stop_cost_ns": 3000, "missing": {"copy": "unseen"},
    "attached": [1], "traced_call_ns": 1, "buffer_bytes": 1, "lost_means": "rows",
}  # fmt: skip
NOTE = {
    "wait_status": 0, "exit_status": 0, "signal": None, "produced": 1, "lost": 0, "ended_ns": 10**10,
    "ended_by": "target", "clients": [0], "probe_notes": {}, "memory": {"peak_rss_bytes": 1},
    "set_user_id": ["/bin/su"],
}  # fmt: skip
#: What no tracer writes where it writes something else.
VALUES: tuple[Any, ...] = (
    None, -5, 1 << 70, 0.5, "", "x" * 100_000, [], [[1]], [None], {}, {"a": {"b": []}}, True, [{}] * 10_000,
)  # fmt: skip


def written(path: Path, header: dict[str, Any] | str, note: dict[str, Any] | str = "") -> Path:
    """Write a recording of one call with a header and a note, given as facts or as text."""
    rows = np.zeros(1, EVENT)
    rows["kind"], rows["tid"], rows["tgid"], rows["enter_ns"], rows["exit_ns"] = (
        Kind.CALL,
        1,
        1,
        10**9,
        2 * 10**9,
    )
    with pytest.MonkeyPatch.context() as patch:
        if isinstance(header, str):
            patch.setattr(json, "dumps", lambda facts, default: header)
        writer = Writer(path, header if isinstance(header, dict) else {}, force=True)
    writer.write(batch(rows))
    text = note if isinstance(note, str) else json.dumps(note)
    last = np.zeros(1, EVENT)
    last["kind"], last["fd"], last["enter_ns"] = Kind.NOTE, -1, 3 * 10**9
    writer.write(batch(last, blob={0: text.encode()}))
    writer.close()
    return path


def shown(path: Path) -> str | None:
    """Read a recording and show it in every way; return in which line it was refused, or None."""
    said = ""
    try:
        analysis = analyse(read(path))
    except RecordingError as error:
        said = str(error)
    if said:
        assert len(said.splitlines()) == 1
        return said
    console = views.console("never", file=io.StringIO())
    for view in (views.report(analysis), views.show(analysis), views.summary(analysis)):
        console.print(view)
    json.dumps(report_json(analysis), allow_nan=False)
    for kind in FORMATS:
        if kind.name not in ("png", "pptx", "pdf"):  # these draw what svg draws
            status = main(["export", str(path), "--to", kind.name, "-o", str(path) + ".out", "--force"])
            assert status in (0, 125)  # there may be nothing to draw
    return None


@pytest.mark.parametrize("key", HEADER)
def test_a_header_of_other_kinds_is_read_or_refused(key: str, tmp_path: Path) -> None:
    seen = [shown(written(tmp_path / "x.iotrace", {**HEADER, key: value}, NOTE)) for value in VALUES]
    assert seen[0] is None  # null is nothing
    refused = [said for said in seen if said]
    assert refused
    assert all("is damaged" in said for said in refused)


@pytest.mark.parametrize("key", NOTE)
def test_a_note_of_other_kinds_is_no_note(key: str, tmp_path: Path) -> None:
    for value in VALUES:
        path = written(tmp_path / "x.iotrace", HEADER, {**NOTE, key: value})
        assert shown(path) is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[]",
        "nul",
        '{"argv": NaN}',
        "9" * 100_000,
        '{"format": "1"}',
        "\udcff",
    ],
    ids=["nested lists", "nested maps", "list", "word", "nan", "long number", "text for a number", "no text"],
)
def test_json_that_is_no_facts(text: str, tmp_path: Path) -> None:
    assert facts.note(text.encode(errors="surrogateescape")) is None or text == '{"format": "1"}'
    assert shown(written(tmp_path / "note.iotrace", HEADER, text if text.isascii() else "")) is None
    if text.isascii():
        said = shown(written(tmp_path / "header.iotrace", text))
        assert said is not None
        assert "is damaged" in said


def test_what_the_probes_write_is_of_these_kinds(tmp_path: Path) -> None:
    assert shown(written(tmp_path / "x.iotrace", HEADER, NOTE)) is None
    events = read(tmp_path / "x.iotrace")
    assert events.header == {
        **{key: value for key, value in HEADER.items() if value is not None},
        "format": 1,
    }
    assert events.notes[-1]["set_user_id"] == ["/bin/su"]


def peak(folder: Path, *words: str) -> tuple[int, str, int]:
    """Run a command; return its status, its complaints, and how many bytes of memory it had at most."""
    with open(folder / "said", "w+") as said:
        process = subprocess.Popen(
            [*COMMAND, *words], cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        return process.returncode, said.read(), usage.ru_maxrss << 10


def packed(path: Path, batches: int, columns: Callable[[pa.Schema], list[pa.Array]]) -> Path:
    """Write the same batch many times, with right checksums."""
    schema = pa.schema(arrow_fields(), {HEADER_KEY: json.dumps({**HEADER, "format": 1})})
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=6))
    arrays = columns(schema)
    sink, check, before = io.BytesIO(), 0, b""
    with pa.ipc.new_stream(sink, schema, options=options) as stream, open(path, "wb") as file:
        for _ in range(batches):
            check = zlib.crc32(before, check)
            stream.write_batch(
                pa.RecordBatch.from_arrays(arrays, schema=schema), custom_metadata={CHECK_KEY: str(check)}
            )
            before = sink.getvalue()
            file.write(before)
            sink.seek(0)
            sink.truncate()
    return path


def nothing(schema: pa.Schema, rows: int, blob: bytes = b"", watch: int = 0) -> list[pa.Array]:
    """Return columns of zeros; ``blob`` and ``watch`` zeros in the sets of the first row."""
    table = np.zeros(rows, EVENT)
    table["kind"], table["tid"], table["tgid"] = Kind.CALL, 1, 1
    made = batch(table, {0: [0] * watch} if watch else None, {0: blob} if blob else None)
    return list(record_batch(schema, made).columns)


BOMBS: dict[str, tuple[int, Callable[[pa.Schema], list[pa.Array]]]] = {
    "rows": (120, lambda schema: nothing(schema, MAX_ROWS)),
    "blobs": (8, lambda schema: nothing(schema, 1, blob=bytes(100 << 20))),
    "sets": (8, lambda schema: nothing(schema, 1, watch=12 << 20)),
}


@pytest.fixture(scope="module", params=BOMBS)
def bomb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = packed(tmp_path_factory.mktemp("bombs") / "bomb.iotrace", *BOMBS[request.param])
    assert path.stat().st_size < 2 << 20
    return path


@pytest.mark.parametrize("command", ["report", "show", "calls", "export"])
def test_a_file_that_unpacks_to_more_than_memory(bomb: Path, command: str, tmp_path: Path) -> None:
    more = {"export": ("--to", "csv", "-o", "x.csv"), "calls": ("--failed",)}.get(command, ())
    status, said, memory = peak(tmp_path, command, str(bomb), *more)
    assert memory < GIGABYTE
    if command != "calls":  # it holds one batch at a time
        assert status == 125
        assert said.count("\n") == 1
        assert "that unpack to" in said
    assert not (tmp_path / "x.csv").exists()


def test_so_much_is_read_still(tmp_path: Path) -> None:
    """Just below what is refused: rows that nobody could tell from real ones, in less than 1 GB too."""
    packed(tmp_path / "x.iotrace", 75, BOMBS["rows"][1])
    status, said, memory = peak(tmp_path, "report", "x.iotrace")
    assert (status, said) == (0, "")
    assert memory < GIGABYTE


class Trap:
    """Says that it was unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", [b"arrow.py_extension_type", b"arrow.parquet.variant", b"iotrace"])
def test_an_extension_type_runs_nothing(name: bytes, tmp_path: Path) -> None:
    """pyarrow before 14.0.1 unpickled such metadata (CVE-2023-47248)."""
    mark = tmp_path / "taken"
    trap = pickle.dumps(Trap(mark))
    fields = [
        field.with_metadata({b"ARROW:extension:name": name, b"ARROW:extension:metadata": trap})
        for field in arrow_fields()
    ]
    schema = pa.schema(fields, {HEADER_KEY: json.dumps({**HEADER, "format": 1})})
    with pa.OSFile(str(tmp_path / "x.iotrace"), "wb") as file, pa.ipc.new_stream(file, schema):
        pass
    done = iotrace(tmp_path, "report", "x.iotrace")
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 125)
    assert not mark.exists()
    assert pickle.loads(trap) is None  # the trap works
    assert mark.exists()


def test_a_schema_nested_without_end(tmp_path: Path) -> None:
    deep: pa.DataType = pa.int8()
    for _ in range(5_000):
        deep = pa.list_(deep)
    try:
        schema = pa.schema([("a", deep)], {HEADER_KEY: "{}"})
        data = schema.serialize().to_pybytes()
    except (pa.ArrowException, RecursionError):
        data = pa.schema([("a", pa.int8())]).serialize().to_pybytes()
    (tmp_path / "x.iotrace").write_bytes(data)
    done = iotrace(tmp_path, "report", "x.iotrace")
    assert done.returncode == 125
    assert done.stderr.count("\n") == 1


def test_a_pickle_is_no_recording(tmp_path: Path) -> None:
    mark = tmp_path / "taken"
    (tmp_path / "x.iotrace").write_bytes(pickle.dumps(Trap(mark)))
    done = iotrace(tmp_path, "report", "x.iotrace")
    assert done.returncode == 125
    assert "is not a recording" in done.stderr
    assert not mark.exists()


def test_nothing_of_ours_can_run_what_it_reads() -> None:
    """No module of the product imports what makes objects of bytes, nor calls what runs a text."""
    root = Path(exporters.__file__).parents[2]
    for path in [*(root / "iotrace").rglob("*.py"), *(root / "probes").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not {alias.name for alias in node.names} & {"pickle", "marshal", "shelve", "yaml"}, (
                    path
                )
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile"), path
            if isinstance(node, ast.keyword):
                assert node.arg != "allow_pickle", path
