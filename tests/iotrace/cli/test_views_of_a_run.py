"""From a run to its report: the commands in the order in which a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import ROOT, iotrace, report
from tests.live import require


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recording of one demo."""
    require("ptrace")
    path = tmp_path_factory.mktemp("run")
    done = iotrace(path, "run", "--probe", "ptrace", "--width", "100", str(ROOT / "demos" / "select_chat.py"))
    assert done.returncode == 0, done.stderr
    (path / "said").write_text(done.stdout)
    return path


def test_the_end_of_a_run_says_it_all(folder: Path) -> None:
    said = (folder / "said").read_text()
    assert "VERDICT" in said
    assert "select" in said
    assert "phase 1" in said
    assert max(map(len, said.splitlines())) <= 100
    assert "no end" not in said
    (recording,) = folder.glob("iotrace-select_chat.*.iotrace")
    assert f"iotrace report {recording.name}" in said


def test_the_newest_recording_is_the_default(folder: Path) -> None:
    facts = report(folder)
    assert facts["schema"] == 1
    assert facts["target"]["exit_status"] == 0
    assert facts["verdict"]["receive"]["model"] == "multiplexing"
    text = iotrace(folder, "report", "--width", "80", "--ascii")
    assert text.returncode == 0
    assert text.stdout.isascii()
    assert max(map(len, text.stdout.splitlines())) <= 80


def test_colour_is_for_terminals_and_who_asks(folder: Path) -> None:
    assert "\x1b" not in iotrace(folder, "show").stdout
    assert "\x1b" in iotrace(folder, "show", "--color", "always").stdout


@pytest.mark.parametrize(
    "words",
    [
        ["--from", "0", "--to", "100ms"],
        ["--zoom", "10"],
        ["--from", "1.5"],
        ["--fd", "4"],
        ["--from", "400us", "--to", "2s", "--zoom", "3.5"],
    ],
)
def test_parts_of_the_time(folder: Path, words: list[str]) -> None:
    whole = iotrace(folder, "show")
    part = iotrace(folder, "show", *words)
    assert (part.returncode, part.stderr) == (0, "")
    assert part.stdout != whole.stdout


@pytest.mark.parametrize("words", [["--from", "2s", "--to", "1s"], ["--from", "900s"], ["--thread", "1"]])
def test_nothing_to_show(folder: Path, words: list[str]) -> None:
    done = iotrace(folder, "show", *words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_json_is_json(folder: Path) -> None:
    text = iotrace(folder, "report", "--json").stdout
    assert text.endswith("}\n")
    assert {"verdict", "matrix", "calls", "descriptors"} <= set(json.loads(text))
