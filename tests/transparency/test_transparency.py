"""A target cannot tell from its results that it is traced, but for what ptrace(2) itself makes visible.

``programs/`` is one C program of many small ones, each written from manual pages: what it prints is what it
was told by the kernel, and nothing that differs from run to run. All run once without a probe, once under
each, and once more under a ptrace probe that was attached to them; every one must print the same and end the
same.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

from iotrace.recording.reading import read
from tests.command import COMMAND, ending, environment
from tests.live import require

SOURCES = sorted((Path(__file__).parent / "programs").glob("*.c"))
NAMES = [name for path in SOURCES for name in re.findall(r"^PROGRAM\((\w+)\)", path.read_text(), re.M)]

#: What a process that is traced by ptrace can see, and no tracer can hide (docs/transparency.md).
VISIBLE = {
    "sees_a_tracer": ["traced 1, seccomp 2"],
    "traces_its_own_child": ["child: exited 11"],
    "strict_mode": ["strict: exited 7"],
    "filters_that_call_for_a_tracer": [
        "seccomp: 0", "socket: 3", "seccomp: 0", "getppid: (a process)", "pipe: 0",
    ],
}  # fmt: skip
#: The same of one that was attached, and has no filter of ours.
VISIBLE_ATTACHED = {
    "sees_a_tracer": ["traced 1, seccomp 0"],
    "traces_its_own_child": ["child: exited 11"],
}

#: Two of their processes write at the same time: their lines come in any order.
AT_ONCE = {
    "orphans_and_the_subreaper", "an_orphaned_group", "descriptors_by_message", "spawn_and_popen",
    "death_signal_of_a_parent",
}  # fmt: skip

#: Exit status of a program that could not set up what it is to try.
UNTRIED = 91 << 8

LIMIT_S = 120


class Told(NamedTuple):
    """What a program printed, and its wait status."""

    status: int
    lines: list[str]


Tell = Callable[[str], dict[str, Told]]


@pytest.fixture(scope="module")
def tell(tmp_path_factory: pytest.TempPathFactory) -> Tell:
    """Return a function from "" or a probe's name to what each program told; each runs them once."""
    folder = tmp_path_factory.mktemp("transparency")
    program = folder / "programs"
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        if os.environ.get("IOTRACE_REQUIRE_PROBES") == "1":
            pytest.fail("a C compiler is required here")
        pytest.skip("no C compiler")
    subprocess.run(
        [compiler, "-O1", "-w", "-o", program, *SOURCES, "-lpthread", "-lutil"], check=True, timeout=LIMIT_S
    )

    @lru_cache
    def run(probe: str) -> dict[str, Told]:
        output = folder / f"told.{probe}"
        words: list[str | Path] = ["sh", "-c", 'exec "$0" >"$1"', program, output]
        recording = folder / f"{probe}.iotrace"
        if probe == "attached":
            return attached(words, recording, output)
        if probe:
            words = [*COMMAND, "run", "--probe", probe, "-o", recording, "--", *words]
        done = subprocess.run(
            words, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=LIMIT_S, check=False, cwd=folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        if probe:
            events = read(recording)
            assert ending(events)["exit_status"] == 0
            assert ending(events)["lost"] == 0
        return _sections(output.read_text())

    def attached(words: list[str | Path], recording: Path, output: Path) -> dict[str, Told]:
        """Attach to the programs before their first call, while they are stopped, and let them go."""
        target = subprocess.Popen(
            ["sh", "-c", 'kill -STOP $$; exec "$@"', "sh", *words], stdin=subprocess.DEVNULL, cwd=folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.waitid(os.P_PID, target.pid, os.WSTOPPED)
        tracer = subprocess.Popen(
            [*COMMAND, "attach", "--probe", "ptrace", "-o", recording, str(target.pid)],
            env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, cwd=folder,
        )  # fmt: skip
        assert tracer.stderr is not None
        assert "attached to" in tracer.stderr.readline()
        target.send_signal(signal.SIGCONT)
        assert target.wait(LIMIT_S) == 0
        _, said = tracer.communicate(timeout=LIMIT_S)
        assert tracer.returncode == 0, said
        assert ending(read(recording))["lost"] == 0
        return _sections(output.read_text())

    return run


def _sections(text: str) -> dict[str, Told]:
    found: dict[str, Told] = {}
    for part in re.split(r"^== ", text, flags=re.M)[1:]:
        head, *lines = part.splitlines()
        name, _, status = head.partition(": ")
        found[name] = Told(int(status), lines)
    return found


def test_there_are_programs_enough(tell: Tell) -> None:
    assert sorted(tell("")) == sorted(NAMES)
    assert len(NAMES) >= 40
    assert not [name for name, told in tell("").items() if told.status == UNTRIED]


@pytest.mark.parametrize("probe", ["bpf", "ptrace", "attached"])
@pytest.mark.parametrize("name", NAMES)
def test_it_is_told_the_same(tell: Tell, probe: str, name: str) -> None:
    require("ptrace" if probe == "attached" else probe)
    alone, traced = tell("")[name], tell(probe)[name]
    assert traced.status == alone.status
    visible = {"ptrace": VISIBLE, "attached": VISIBLE_ATTACHED}.get(probe, {})
    if name in visible:
        assert [re.sub(r"(getppid): \d+", r"\1: (a process)", line) for line in traced.lines] == visible[name]
        assert traced.lines != alone.lines
    elif name in AT_ONCE:
        assert sorted(traced.lines) == sorted(alone.lines)
    else:
        assert traced.lines == alone.lines
