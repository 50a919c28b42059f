"""``import iotrace``: what it gives is what the commands say of the same recording."""

from __future__ import annotations

import gc
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.compute as pc
import pytest
from rich.console import Console

import iotrace
from iotrace.exporters.contract import TABLES
from tests.command import ROOT
from tests.command import iotrace as command
from tests.live import require

DEMO = str(ROOT / "demos" / "select_chat.py")


@pytest.fixture(scope="module")
def trace() -> iotrace.Trace:
    require("ptrace")
    return iotrace.run([DEMO], probe="ptrace")


def test_it_says_what_the_report_says(trace: iotrace.Trace, tmp_path: Path) -> None:
    done = command(tmp_path, "report", "--json", str(trace.path))
    facts = json.loads(done.stdout)
    assert trace.report() == facts
    assert trace.status == 0
    assert trace.verdict is not None
    assert trace.verdict.model.label == facts["verdict"]["receive"]["model"] == "multiplexing"
    assert trace.process_model == facts["verdict"]["process_model"] == "event_loop"
    assert trace.lost == facts["lost"] == 0
    assert {lesson.name for lesson in trace.lessons} == {each["name"] for each in facts["lessons"]}
    assert trace.provenance["probe"] == "ptrace"


def test_the_tables_are_arrow(trace: iotrace.Trace) -> None:
    counted = {call["name"]: call["count"] for call in trace.report()["calls"]}
    grouped = trace.calls.group_by("call").aggregate([("row", "count")])
    assert dict(zip(*(grouped[name].to_pylist() for name in ("call", "row_count")), strict=True)) == counted
    receives = trace.operations.filter(pc.equal(trace.operations["act"], "receive"))
    assert receives.num_rows == trace.verdicts["receive"].operations
    assert all(getattr(trace, name).num_rows for name in TABLES)


def test_it_shows_itself(trace: iotrace.Trace) -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(trace)
    assert "select_chat.py" in console.export_text()
    page = trace._repr_html_()
    assert page.startswith("<svg")
    assert "<table>" in page
    assert "<script" not in page
    assert "select_chat.py" in page


def test_figures(trace: iotrace.Trace, tmp_path: Path) -> None:
    figure = trace.figure("model", theme="dark")
    assert figure._repr_svg_().startswith("<svg")
    for suffix, begin in (("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        figure.save(tmp_path / f"x.{suffix}")
        assert (tmp_path / f"x.{suffix}").read_bytes().startswith(begin)
    with pytest.raises(ValueError, match=r"\.bmp: there are \.svg"):
        figure.save(tmp_path / "x.bmp")
    with pytest.raises(ValueError, match="no kind 'nothing': there are model"):
        trace.figure("nothing")
    with pytest.raises(ValueError, match="no operation 1000000"):
        trace.figure("model", operation=1_000_000)


def test_what_cannot_be_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(iotrace.RunError, match=r"^nowhere\.py: no such file$") as failed:
        iotrace.run(["nowhere.py"], probe="ptrace")
    assert failed.value.status == 127
    (tmp_path / "x.iotrace").write_bytes(b"no recording")
    with pytest.raises(iotrace.RecordingError):
        iotrace.open(tmp_path / "x.iotrace")


def test_a_status_and_an_output_are_kept(tmp_path: Path) -> None:
    require("ptrace")
    path = tmp_path / "kept.iotrace"
    trace = iotrace.run(["--", sys.executable, "-c", "raise SystemExit(23)"], probe="ptrace", output=path)
    assert trace.status == 23
    assert path.exists()
    assert iotrace.open(path).verdict is None


def test_a_recording_that_exists_is_neither_replaced_nor_taken_for_new(tmp_path: Path) -> None:
    path = tmp_path / "kept.iotrace"
    path.write_bytes(b"precious")
    with pytest.raises(iotrace.RunError, match="exists"):
        iotrace.run(["--", "true"], probe="ptrace", output=path)
    assert path.read_bytes() == b"precious"


def test_a_recording_without_a_name_goes_with_its_trace() -> None:
    require("ptrace")
    trace = iotrace.run(["--", "true"], probe="ptrace")
    path = trace.path
    assert path.exists()
    del trace
    gc.collect()
    assert not path.exists()


def test_too_long_a_run_is_ended() -> None:
    require("ptrace")
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        iotrace.run(["--", "sleep", "600"], probe="ptrace", timeout_s=2)
    assert time.monotonic() - began < 60


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys, iotrace; print([x for x in sys.modules if x.startswith(('iotrace', 'numpy'))])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['iotrace']"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        iotrace.nothing  # noqa: B018
