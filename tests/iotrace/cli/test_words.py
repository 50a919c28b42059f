"""The words of the command line: usage, errors, and what costs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iotrace import __version__
from iotrace.cli import main
from iotrace.cli.parser import COMMANDS
from iotrace.cli.run import split
from tests.command import COMMAND, environment, iotrace


def test_help_names_every_command_and_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from iotrace.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted({'numpy', 'pyarrow', 'rich', 'ptrace', 'bcc'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("[]\n")
    for entry in COMMANDS:
        assert f"  {entry.name} " in done.stdout


@pytest.mark.parametrize("command", [entry.name for entry in COMMANDS])
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: iotrace {command}")
    assert "--width" in said


def test_help_is_quick(tmp_path: Path) -> None:
    """0.15 s on an idle machine; the best of several, for this one may not be."""
    took = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(
            [*COMMAND, "--help"], env=environment(), cwd=tmp_path, stdout=subprocess.DEVNULL, check=True
        )
        took.append(time.perf_counter() - began)
    assert min(took) < 0.15


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"iotrace {__version__}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "iotrace COMMAND --help"),
        (["rnu"], "did you mean `iotrace run`?"),
        (["server.py"], "did you mean `iotrace run server.py`?"),
        (["--pin", "run"], "options come after the command"),
        (["run"], "what is to be run?"),
        (["run", "-m"], "-m needs the name of a module"),
        (["run", "--"], "what is to be run?"),
        (["run", "--prbe", "bpf", "x.py"], "unrecognized arguments"),
        (["run", "--probe", "dtrace", "x.py"], "invalid choice"),
        (["run", "--duration", "-3", "x.py"], "is no duration"),
        (["run", "--buffer", "64X", "x.py"], "is no size"),
        (["run", "--buffer", "1", "x.py"], "between 64K and 1G"),
        (["show", "--from", "soon"], "is no time"),
        (["show", "--zoom", "0"], "is no factor"),
        (["report", "--width", "7"], "is no width"),
    ],
)
def test_usage_errors_are_status_2(capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "own", "kind", "target"),
    [
        (["--pin", "x.py", "--pin"], ["--pin"], "script", ("x.py", "--pin")),
        (["-o", "x.py", "y.py"], ["-o", "x.py"], "script", ("y.py",)),
        (["--output=x.py", "y.py"], ["--output=x.py"], "script", ("y.py",)),
        (["--probe", "bpf", "-m", "http.server", "-m"], ["--probe", "bpf"], "module", ("http.server", "-m")),
        (["--", "-m", "--"], [], "program", ("-m", "--")),
        (["x.py", "--", "y"], [], "script", ("x.py", "--", "y")),
        (["--force"], ["--force"], "", ()),
    ],
)
def test_where_the_target_begins(
    words: list[str], own: list[str], kind: str, target: tuple[str, ...]
) -> None:
    assert split(words) == (own, (kind, target))


@pytest.mark.parametrize("command", ["show", "report"])
def test_a_recording_that_cannot_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foreign").write_text("hello")
    for words in ([], ["foreign"], ["missing"], ["."]):
        assert main([command, *words]) == 125
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("iotrace: ")
        assert len(said.err.splitlines()) == 1


def test_doctor_says_what_can_run(tmp_path: Path) -> None:
    done = iotrace(tmp_path, "doctor", "--json")
    facts = json.loads(done.stdout)
    assert done.returncode == (0 if facts["can_run"] else 1)
    subjects = {finding["subject"] for finding in facts["findings"]}
    assert {"eBPF probe", "ptrace probe", "kernel", "bcc", "tracefs", "schedstat", "pidfd_getfd"} <= subjects
    assert {finding["state"] for finding in facts["findings"]} <= {"ok", "less", "no"}
    text = iotrace(tmp_path, "doctor", "--ascii", "--color", "never")
    assert text.stdout.isascii()
    assert "\x1b" not in text.stdout


def test_demos_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    said = capsys.readouterr().out
    assert "select_chat " in said
    assert "io_uring_echo " in said
    assert main(["demo", "select_chta"]) == 2
    assert "did you mean select_chat?" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    for words in ("--help", "doctor", "demo", "run --help"):
        done = subprocess.run(
            ["bash", "-c", f"{' '.join(COMMAND)} {words} | true"],
            env=environment(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_closed_streams(tmp_path: Path, closed: str) -> None:
    command = f"{' '.join(COMMAND)} run --probe ptrace -- sh -c 'exit 6' {closed}"
    done = subprocess.run(
        ["bash", "-c", command], env=environment(), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 6, done.stderr
    assert os.listdir(tmp_path)
