"""`iotrace explain` and `iotrace compare`, their words and their errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iotrace.analysis.lessons import LESSONS
from iotrace.cli import main
from iotrace.cli.explain import language_of
from tests.command import ROOT, iotrace
from tests.live import require


def test_explain_lists_and_explains(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--lang", "en"]) == 0
    said = capsys.readouterr().out
    assert all(f"{entry.name} " in said for entry in LESSONS)
    assert main(["explain", "multiplexing", "--lang", "en"]) == 0
    assert "epoll is synchronous" in capsys.readouterr().out
    assert main(["explain", "multiplexing", "--lang", "zh"]) == 0
    assert "多路复用" in capsys.readouterr().out


def test_an_unknown_lesson_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "multiplex"]) == 2
    assert "did you mean multiplexing?" in capsys.readouterr().err
    assert main(["explain", "\x1b[2J"]) == 2
    said = capsys.readouterr().err
    assert "`iotrace explain` lists them" in said
    assert "\x1b" not in said


def test_ascii_speaks_english(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "idle-wait", "--lang", "zh", "--ascii"]) == 0
    said = capsys.readouterr()
    assert said.out.isascii()
    assert "in English" in said.err


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "", "LANG": "zh_CN"}, "zh"),
    ],
)
def test_the_language_is_the_locales(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["compare"], "two recordings or more"),
        (["compare", "one.iotrace"], "two recordings or more"),
        (["compare", "--models", "one.iotrace"], "either files or --models"),
    ],
)
def test_compare_says_what_it_needs(capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert main(words) == 2
    assert says in capsys.readouterr().err


def test_compare_without_a_recording_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 125
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two recordings, of a blocking and a multiplexing server and the same clients."""
    require("ptrace")
    path = tmp_path_factory.mktemp("compare")
    for name in ("blocking_echo", "epoll_echo"):
        script = str(ROOT / "demos" / f"{name}.py")
        done = iotrace(path, "run", "--probe", "ptrace", "-o", f"{name}.iotrace", script)
        assert done.returncode == 0, done.stderr
        assert "[iotrace explain " in done.stdout
    return path


def test_two_recordings_are_compared(folder: Path) -> None:
    done = iotrace(folder, "compare", "blocking_echo.iotrace", "epoll_echo.iotrace", "--width", "100")
    assert (done.returncode, done.stderr) == (0, "")
    assert "blocked in recvfrom" in done.stdout
    assert "blocked in epoll_wait" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_the_comparison_as_json(folder: Path) -> None:
    done = iotrace(folder, "compare", "blocking_echo.iotrace", "epoll_echo.iotrace", "--json")
    blocking, epoll = json.loads(done.stdout)["compared"]
    assert (blocking["model"], epoll["model"]) == ("blocking", "multiplexing")
    for side in (blocking, epoll):
        assert (side["operations"], side["bytes"], side["synchronous"]) == (23, 23 << 20, True)
        assert side["phase1"]["median_ns"] == pytest.approx(50_000_000, rel=0.2)
    assert epoll["calls"] > blocking["calls"]  # two calls for one receive
    assert blocking["phase1"]["blocked_in"] == "recvfrom"
    assert epoll["phase1"]["blocked_in"] == "epoll_wait"
