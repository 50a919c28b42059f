"""--fail-on: the exit status and the line that continuous integration sees."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from iotrace.analysis import analyse
from iotrace.cli.ending import Ending
from iotrace.cli.failing import add_fail_on, judge
from probes.contract import EVIDENCE
from probes.events import Kind
from tests.command import iotrace, report
from tests.live import require
from tests.story import Story, at

#: An event loop over two connections; after the fourth turn it sleeps, and both are ready meanwhile.
LOOP = """\
import select, socket, sys, threading, time
nap, status = float(sys.argv[1]), int(sys.argv[2])
pairs = [socket.socketpair() for _ in range(2)]
epoll = select.epoll()
for ours, _ in pairs:
    epoll.register(ours, select.EPOLLIN)
ends = {ours.fileno(): ours for ours, _ in pairs}
def speak():
    for _, theirs in pairs:
        theirs.send(b"hello")
left = 14
speak()
while left:
    for fd, _ in epoll.poll():
        ends[fd].recv(64)
        left -= 1
        if left % 2 == 0 and left:
            speak()
            if left == 6:
                time.sleep(nap)
sys.exit(status)
"""


@pytest.fixture(params=["bpf", "ptrace"])
def probe(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    require(name)
    return name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    require("ptrace")
    (tmp_path / "loop.py").write_text(LOOP)
    return tmp_path


def run(
    folder: Path, *words: str, nap: str = "0.12", status: str = "0", probe: str = "ptrace"
) -> tuple[int, list[str]]:
    done = iotrace(
        folder, "run", "--probe", probe, "--force", "-o", "x.iotrace", *words, "loop.py", nap, status
    )
    assert "VERDICT" in done.stdout
    return done.returncode, [line for line in done.stderr.splitlines() if "--fail-on" in line]


def test_a_stall_fails_the_run_with_one_line(folder: Path, probe: str) -> None:
    status, said = run(folder, "--fail-on", "stall", probe=probe)
    assert status == 3
    (line,) = said
    most = "at most " if probe == "ptrace" else ""
    assert re.search(
        rf"^iotrace: --fail-on stall: the loop of thread \d+ slept in clock_nanosleep for {most}1[12]\d.* ms,"
        r" at .*: 2 operations waited for it",
        line,
    )


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--fail-on", "stall=2s"], 0),
        (["--fail-on", "stall=60ms", "--fail-on", "lost"], 3),
        (["--fail-on", "lost"], 0),
        (["--fail-on", "lesson=blocking-call-in-loop"], 3),
        (["--fail-on", "lesson=thundering-herd"], 0),
        (["--fail-on", "stall=2s", "--json"], 0),
        (["--fail-on", "stall", "--json"], 3),
    ],
)
def test_a_recording_is_judged_by_what_is_asked(recording: Path, words: list[str], status: int) -> None:
    done = iotrace(recording, "report", *words)
    assert done.returncode == status, done.stderr
    assert len(done.stderr.splitlines()) == (1 if status else 0)


@pytest.fixture(scope="module", params=["bpf", "ptrace"])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recording of one stall."""
    require(request.param)
    path = tmp_path_factory.mktemp("stall")
    (path / "loop.py").write_text(LOOP)
    assert run(path, probe=request.param)[0] == 0
    return path


def test_the_report_has_the_stall(recording: Path) -> None:
    whole = report(recording)
    facts, measured = whole["stalls"], whole["probe"] == "bpf"
    assert facts["count"] == 1
    (stall,) = facts["longest"]
    assert stall["name"] == "clock_nanosleep"
    assert 110_000_000 < stall["asleep_ns"] < 400_000_000
    assert stall["basis"] == ("measured" if measured else "bounded")
    assert (stall["waited"], stall["waited_measured"]) == (2, 2 if measured else 0)
    assert facts["loops"] == [stall["tid"]]
    asleep = iotrace(recording, "report", "--blocked", "--width", "120").stdout
    assert re.search(r"^stalled +\d+ +clock_nanosleep +1 +(≤ )?1", asleep, re.MULTILINE)
    other = iotrace(recording, "report", "--thread", "1").stdout
    assert "clock_nanosleep" not in other


def test_the_target_s_own_failure_comes_first(folder: Path) -> None:
    status, said = run(folder, "--fail-on", "stall", status="7")
    assert status == 7
    assert len(said) == 1


def test_a_loop_that_does_not_stall_passes(folder: Path) -> None:
    status, said = run(folder, "--fail-on", "stall=60ms", nap="0.001")
    assert (status, said) == (0, [])


@pytest.mark.parametrize(
    ("lost", "evidence", "status", "said"),
    [
        (0, EVIDENCE, 0, ""),
        (23, EVIDENCE, 3, "stall: 23 events were lost: what is not seen may have been"),
        (0, ("calls", "accounts"), 0, ""),
        (0, ("calls", "tasks"), 3, "stall: this probe did not see sleeps: nothing is proved"),
    ],
)
def test_that_nothing_stalled_is_proved_or_the_condition_holds(
    lost: int, evidence: tuple[str, ...], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story()
    story.server(3, 8801)
    story.accept(3, 5, 10, 20, 53312).call("recvfrom", 30, 40, 5, fd=5, a=64)
    if lost:
        story.row(Kind.GAP, enter_ns=at(50), exit_ns=at(60), a=lost)
    parser = argparse.ArgumentParser()
    add_fail_on(parser)
    arguments = parser.parse_args(["--fail-on", "stall"])
    analysis = analyse(story.events(evidence=list(evidence)))
    assert judge(analysis, arguments, Ending(0)) == Ending(status)
    assert capsys.readouterr().err == (f"iotrace: --fail-on {said}\n" if said else "")


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("stal", "'stal' is no condition: give stall, stall=50ms, lost, or lesson=NAME"),
        ("stall=1us", "a stall of less than 1 ms cannot be told"),
        ("stall=soon", "'soon' is no time"),
        ("lesson=nothing", "no lesson 'nothing'"),
    ],
)
def test_what_is_no_condition_is_a_usage_error(tmp_path: Path, condition: str, said: str) -> None:
    done = iotrace(tmp_path, "report", "--fail-on", condition)
    assert done.returncode == 2
    assert said in done.stderr
