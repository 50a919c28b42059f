"""The shell sees the same end with iotrace as without, and the recording knows it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from probes.events import Kind
from tests.command import ending, environment, iotrace, recorded
from tests.live import require

PROBES = ("bpf", "ptrace")

ENDS = {
    "success": "true",
    "failure": "exit 7",
    "segmentation fault": "kill -SEGV $$",
    "killed": "kill -KILL $$",
    "terminated": "kill -TERM $$",
    "broken pipe": "kill -PIPE $$",
    "exec": "exec sh -c 'exit 5'",
    "child": "sh -c 'exit 3'; exit $?",
}


@pytest.fixture(params=PROBES)
def probe(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    require(name)
    return name


@pytest.mark.parametrize("script", ENDS.values(), ids=list(ENDS))
def test_the_status_is_the_targets_own(tmp_path: Path, probe: str, script: str) -> None:
    alone = subprocess.run(["sh", "-c", script], check=False).returncode
    done = iotrace(tmp_path, "run", "--probe", probe, "--", "sh", "-c", script)
    assert done.returncode == alone
    assert "Traceback" not in done.stderr
    facts = ending(recorded(tmp_path))
    assert facts["exit_status"] == (alone if alone >= 0 else None)
    assert facts["signal"] == (-alone if alone < 0 else None)
    assert facts["lost"] == 0


def test_streams_pass_through(tmp_path: Path, probe: str) -> None:
    done = iotrace(tmp_path, "run", "--probe", probe, "--", "cat", input="twenty-three\n")
    assert done.returncode == 0
    assert done.stdout.startswith("twenty-three\n")
    assert done.stderr == ""


def test_dispositions_are_those_of_a_fresh_program(tmp_path: Path, probe: str) -> None:
    """Python ignores SIGPIPE and SIGXFSZ; a target must not inherit it, nor any blocked signal."""
    words = ["grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"]
    alone = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    done = iotrace(tmp_path, "run", "--probe", probe, "--", *words)
    assert done.stdout[: len(alone)] == alone


def test_what_a_process_has_open_is_recorded(tmp_path: Path, probe: str) -> None:
    iotrace(tmp_path, "run", "--probe", probe, "--", "sleep", "0.1")
    events = recorded(tmp_path)
    rows = [row for row in range(len(events)) if events["kind"][row] == Kind.DESCRIPTOR]
    links = {int(events["fd"][row]): events.blob_of(row) for row in rows}
    assert sorted(links) == [0, 1, 2]
    assert links[0] == b"/dev/null"
    assert links[1].startswith(b"pipe:")
    assert events["kind"][0] != Kind.NOTE


def test_scripts_modules_and_programs(tmp_path: Path) -> None:
    require("ptrace")
    (tmp_path / "server.py").write_text("import sys; print(sys.argv[1:]); sys.exit(3)")
    for words in (["server.py"], ["-m", "server"], ["--", sys.executable, "server.py"]):
        done = iotrace(tmp_path, "run", "--probe", "ptrace", *words, "-x", "--", "--probe", "y")
        assert done.returncode == 3, done.stderr
        assert done.stdout.startswith("['-x', '--', '--probe', 'y']\n")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--", "no-such-program"], 127, "command not found"),
        (["--", "./nothing"], 127, "no such file"),
        (["--", "/etc/passwd"], 126, "cannot be executed"),
        (["no-such-script.py"], 127, "no such file"),
        (["/bin/true"], 126, "a program is given after --"),
    ],
)
def test_what_cannot_be_run(tmp_path: Path, words: list[str], status: int, says: str) -> None:
    done = iotrace(tmp_path, "run", *words)
    assert done.returncode == status
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_file_that_exists_is_kept_and_nothing_is_run(tmp_path: Path, probe: str) -> None:
    (tmp_path / "r").write_text("precious")
    done = iotrace(tmp_path, "run", "--probe", probe, "-o", "r", "--", "touch", "ran")
    assert done.returncode == 125
    assert "--force" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "r").read_text() == "precious"
    assert not (tmp_path / "ran").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path, probe: str) -> None:
    done = iotrace(tmp_path, "run", "--probe", probe, "-o", "/proc/self/r.iotrace", "--", "touch", "ran")
    assert done.returncode == 125
    assert done.stderr.startswith("iotrace: cannot create")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "ran").exists()


def test_escape_sequences_stay_with_the_target(tmp_path: Path, probe: str) -> None:
    name = "se\x1b[31mrver.py"
    (tmp_path / name).write_text("import os; os.write(1, b'\\x1b[1mown\\n')")
    done = iotrace(tmp_path, "run", "--probe", probe, "--color", "never", name, "\x1b]0;title\x07")
    assert done.returncode == 0
    assert done.stdout.startswith("\x1b[1mown\n")
    assert "\x1b" not in done.stdout.removeprefix("\x1b[1mown\n")
    assert "\x07" not in done.stdout
    assert "\x1b" not in done.stderr
    assert all("\x1b" not in path.name for path in tmp_path.glob("*.iotrace"))


def test_a_reader_that_leaves_changes_nothing(tmp_path: Path, probe: str) -> None:
    words = f"{sys.executable} -m iotrace run --probe {probe} -- sh -c 'exit 6'; echo $? >status"
    done = subprocess.run(
        ["bash", "-c", f"({words}) | true"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert (tmp_path / "status").read_text() == "6\n"


def test_duration_ends_the_target(tmp_path: Path, probe: str) -> None:
    done = iotrace(tmp_path, "run", "--probe", probe, "--duration", "0.5", "--", "sleep", "50")
    assert done.returncode == 0
    facts = ending(recorded(tmp_path))
    assert facts["ended_by"] == "duration"
    assert facts["signal"] == signal.SIGTERM
