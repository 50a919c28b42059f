"""The example notebook: it runs as it stands in docs/, and shows there what it shows when it runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

import iotrace
from tests.api.notebook import NOTEBOOK
from tests.command import ROOT, environment
from tests.live import require

Outputs = dict[str, list[Any]]

#: What a forge shows in a moment.
MOST_BYTES = 200_000


def outputs(path: Path) -> Outputs:
    """Return the outputs of each cell of code, by the cell's name."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    return {cell.id: list(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """Run it in a folder as it lies in docs/, beside the demos."""
    require("ptrace")
    folder = tmp_path_factory.mktemp("notebook") / "docs"
    folder.mkdir()
    for file in (NOTEBOOK, NOTEBOOK.with_name("chat.iotrace")):
        shutil.copy(file, folder)
    (folder.parent / "demos").symlink_to(ROOT / "demos")
    done = subprocess.run(
        [sys.executable, "-m", "tests.api.notebook", "notebook.ipynb", "run.ipynb"], cwd=folder,
        env=environment(), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return outputs(folder / "run.ipynb")


@pytest.fixture(scope="module")
def committed() -> Outputs:
    return outputs(NOTEBOOK)


def said(found: list[Any]) -> list[str]:
    """Return what a cell prints, and what it shows in a terminal."""
    return [each.text if each.output_type == "stream" else each.data["text/plain"] for each in found]


def test_what_is_committed_is_what_it_shows(executed: Outputs, committed: Outputs) -> None:
    assert list(executed) == list(committed)
    for name, found in executed.items():
        assert [each.output_type for each in found] == [each.output_type for each in committed[name]], name
        assert said(found) == said(committed[name]), f"{name}: to accept it, make notebook"


def test_every_cell_shows_something_and_none_fails(executed: Outputs) -> None:
    for name, found in executed.items():
        assert found, name
        assert {each.output_type for each in found} <= {"stream", "execute_result"}, name
        assert all(each.name == "stdout" for each in found if each.output_type == "stream"), name


def test_a_trace_is_rich_and_plain(executed: Outputs, committed: Outputs) -> None:
    for found in (executed, committed):
        (shown,) = found["open"]
        page = shown.data["text/html"]
        assert page.startswith("<svg")
        assert "blocked in select" in page
        assert "<script" not in page
        assert (
            "VERDICT  receive  I/O multiplexing: select, level-triggered  11 of 11"
            in shown.data["text/plain"]
        )
        for name, title in (("conversation", "Who waits for whom"), ("model", "I/O multiplexing, as")):
            (figure,) = found[name]
            assert title in figure.data["image/svg+xml"]
            assert figure.data["text/plain"].startswith(f"Figure('{name}'")
        for name in ("matrix", "calls", "operations"):
            assert "<table" in found[name][0].data["text/html"]


def test_its_numbers_are_those_of_the_recording(committed: Outputs) -> None:
    trace = iotrace.open(NOTEBOOK.with_name("chat.iotrace"))
    assert trace.verdict is not None
    assert trace.verdict.because in said(committed["verdict"])[0]
    frame = trace.operations.to_pandas()
    large = frame[(frame["act"] == "receive") & (frame["bytes"] > 1000)]
    for unread_ns in large["between_ns"]:
        assert f"{unread_ns / 1e6:.1f}" in said(committed["operations"])[0]
    assert said(committed["own"]) == ["0 multiplexing select\n"]
    assert "clock_nanosleep of thread" in said(committed["assert"])[0]


def test_a_forge_can_show_it() -> None:
    assert NOTEBOOK.stat().st_size < MOST_BYTES
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert str(ROOT) not in text


def test_among_others_a_trace_is_its_name() -> None:
    from IPython.lib.pretty import pretty

    trace = iotrace.open(NOTEBOOK.with_name("chat.iotrace"))
    shown: list[str] = [pretty(each) for each in ([trace], trace)]  # type: ignore[no-untyped-call]
    assert shown[0] == f"[{trace!r}]"
    assert shown[1].startswith("select_chat.py · eBPF probe")
