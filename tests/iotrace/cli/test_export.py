"""`iotrace export` as a person types it."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
from pathlib import Path

import duckdb
import pytest

from iotrace.exporters.formats import FORMATS
from tests.command import COMMAND, LIMIT_S, environment, iotrace
from tests.live import require

BEGINS = {
    "html": b"<!DOCTYPE html>", "csv": b"# table: calls", "jsonl": b'{"type": "recording"',
    "parquet": b"PAR1", "svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "pptx": b"PK",
    "perfetto": b"\n",
    "mermaid": b"sequenceDiagram\n", "asciicast": b'{"version":2,"width":100,"height":40,',
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recording of a real server."""
    require("ptrace")
    path = tmp_path_factory.mktemp("exports")
    done = iotrace(path, "demo", "select_chat", "--probe", "ptrace", "-o", "chat.iotrace")
    assert done.returncode == 0, done.stderr
    return path


def test_the_list_names_every_format(tmp_path: Path) -> None:
    done = iotrace(tmp_path, "export", "--list")
    assert done.returncode == 0
    named = [line.split()[0] for line in done.stdout.splitlines() if line[0] != " "]
    assert named == [format.name for format in FORMATS] == sorted(BEGINS, key=named.index)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: str(format.name))
def test_a_format_by_its_ending_and_by_its_name(folder: Path, tmp_path: Path, format: object) -> None:
    (each,) = (one for one in FORMATS if one is format)
    paths = [tmp_path / f"x.{suffix}" for suffix in each.suffixes] + [tmp_path / "plain"]
    for path in paths:
        more = ("--to", each.name) if not path.suffix else ()
        done = iotrace(folder, "export", "chat.iotrace", "-o", str(path), *more)
        assert done.returncode == 0, done.stderr
        size = path.stat().st_size
        assert done.stderr == f"iotrace: wrote {path} ({size:,} bytes)\n"
        assert path.read_bytes().startswith(BEGINS[each.name])


def test_several_at_once_and_the_newest_recording(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "chat.iotrace").write_bytes((folder / "chat.iotrace").read_bytes())
    done = iotrace(
        tmp_path, "export", "-o", "a.csv", "-o", "b.parquet", "-o", "c.jsonl", "--table", "operations"
    )
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "a.csv").read_text().splitlines()
    counted = sum(not row.startswith("#") for row in rows) - 1
    assert duckdb.connect().execute(f"SELECT count(*) FROM '{tmp_path}/b.parquet'").fetchone() == (counted,)
    assert len((tmp_path / "c.jsonl").read_text().splitlines()) == counted + 1
    assert iotrace(tmp_path, "export", "--to", "html").returncode == 0
    assert (tmp_path / "chat.html").exists()


def test_standard_output_is_a_stream(folder: Path) -> None:
    done = iotrace(folder, "export", "chat.iotrace", "--to", "csv", "-o", "-")
    assert (done.returncode, done.stderr) == (0, "")
    body = "".join(line for line in done.stdout.splitlines(True) if not line.startswith("#"))
    read = list(csv.DictReader(io.StringIO(body)))
    facts = json.loads(iotrace(folder, "report", "--json", "chat.iotrace").stdout)
    assert len(read) == sum(call["count"] for call in facts["calls"])


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        done = subprocess.run(
            [*COMMAND, "export", "chat.iotrace", "--to", "jsonl", "-o", "-"], cwd=folder, env=environment(),
            stdout=gone, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    assert "Traceback" not in done.stderr


def test_a_terminal_is_not_fed_with_bytes(folder: Path) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "export", "chat.iotrace", "--to", "parquet", "-o", "-"], cwd=folder, env=environment(),
        stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert (
        done.stderr == "iotrace: parquet is not for a terminal: give -o FILE, or redirect standard output\n"
    )


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("-o", "x.bmp"), 2, ".html"),
        (("--to", "bmp"), 2, "html"),
        (("-o", "-"), 2, "--to"),
        ((), 2, "-o FILE"),
        (("-o", "x.csv", "-o", "x.csv"), 2, "one name"),
        (("-o", "x.html", "--table", "calls"), 2, "--table is not for html"),
        (("-o", "x.svg", "--steps"), 2, "--steps is not for svg"),
        (("-o", "x.svg", "--size", "80x24"), 2, "--size is not for svg: it is for asciicast"),
        (("-o", "x.mmd", "--kind", "latency"), 125, "there are conversation, model, timeline"),
        (("-o", "nowhere/x.csv"), 125, "cannot be written"),
        (("-o", "chat.iotrace", "--to", "csv"), 125, "--force"),
        (
            ("--to", "svg", "-o", "x.svg", "--operation", "1000000", "--kind", "model"),
            125,
            "no operation 1000000",
        ),
        (("missing.iotrace", "-o", "x.csv"), 125, "missing.iotrace"),
    ],
)
def test_what_cannot_be_written_is_said_in_one_line(
    folder: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    file = () if "missing.iotrace" in words else ("chat.iotrace",)
    done = iotrace(folder, "export", *file, *words)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["chat.iotrace"]


@pytest.mark.parametrize("format", ["html", "csv", "jsonl", "parquet", "perfetto", "png"])
def test_a_full_disk_leaves_nothing_half(folder: Path, format: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "export", "chat.iotrace", "--to", format, "-o", "-"], cwd=folder, env=environment(),
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    assert done.returncode == 125
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr
