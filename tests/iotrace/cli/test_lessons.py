"""`iotrace explain` and `iotrace compare`, their words and their errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iotrace.analysis.lessons import LESSONS
from iotrace.capture.clients import shipped
from iotrace.cli import main
from iotrace.cli.compare import MODELS
from iotrace.language import of_locale
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
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en_GB:en"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LANGUAGE": "fr:zh_CN:en"}, "zh"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "zh"}, "en"),
        ({"LANGUAGE": "zh"}, "en"),
    ],
)
def test_the_language_is_the_locales(environment: dict[str, str], language: str) -> None:
    assert of_locale(environment) == language


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


def test_all_demos_are_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    require("ptrace")
    chosen = {name: demo for name, demo in shipped().items() if name in ("blocking_echo", "level_vs_edge")}
    monkeypatch.setattr("iotrace.cli.demo.shipped", lambda: chosen)
    words = ["demo", "--all", "--probe", "ptrace", "-o", str(tmp_path / "all"), "--width", "120"]
    assert main(words) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert said.err == ""
    assert [line.split()[0] for line in lines[: len(chosen)]] == list(chosen)
    (edge,) = (line for line in lines if line.startswith("level_vs_edge"))
    assert "undrained-edge: " in edge
    assert all(len(line) <= 120 for line in lines[: len(chosen)])
    assert {path.name for path in (tmp_path / "all").iterdir()} == {f"{name}.iotrace" for name in chosen}
    assert main(words) == 125  # nothing is replaced without --force
    assert capsys.readouterr().err.count("--force") == len(chosen)


def test_a_demo_that_fails_is_said_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    require("ptrace")
    known = shipped()
    broken = tmp_path / "broken.py"
    broken.write_text("import sys; sys.exit('no luck today')\n")
    chosen = {"broken": known["blocking_echo"]._replace(name="broken", script=broken)}
    chosen["level_vs_edge"] = known["level_vs_edge"]
    monkeypatch.setattr("iotrace.cli.demo.shipped", lambda: chosen)
    assert main(["demo", "--all", "--probe", "ptrace", "-o", str(tmp_path / "all")]) == 125
    said = capsys.readouterr()
    assert "broken: no luck today" in said.err
    assert "level_vs_edge" in said.out


def test_all_and_a_name_contradict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--all", "blocking_echo"]) == 2
    assert "leave the name away" in capsys.readouterr().err


@pytest.mark.slow
def test_the_five_models_side_by_side(tmp_path: Path) -> None:
    """Same clients, same messages: the phases differ as Stevens drew them."""
    require("bpf")
    done = iotrace(tmp_path, "compare", "--models", "--probe", "bpf", "--json")
    assert done.returncode == 0, done.stderr
    sides = {side["label"]: side for side in json.loads(done.stdout)["compared"]}
    assert list(sides) == list(MODELS.values())
    assert all((side["operations"], side["bytes"]) == (23, 23 << 20) for side in sides.values())
    blocked = {name: side["phase1"]["blocked"] for name, side in sides.items()}
    assert min(blocked["blocking"], blocked["multiplexing"]) > 0.99
    assert max(blocked["non-blocking"], blocked["signal-driven"], blocked["asynchronous"]) < 0.01
    assert {name for name, side in sides.items() if not side["synchronous"]} == {"asynchronous"}
    assert sides["multiplexing"]["calls"] > sides["blocking"]["calls"]
    assert sides["non-blocking"]["eagain"] > 23
    assert all(sides[name]["eagain"] == 0 for name in ("blocking", "multiplexing", "asynchronous"))
    assert sides["signal-driven"]["signals"] >= 23
    assert sides["non-blocking"]["response"]["median_ns"] > sides["blocking"]["response"]["median_ns"]
    assert not list(tmp_path.iterdir())  # nothing is kept unless asked for
