"""The probes record of the same programs what strace prints: restarts, vfork, execs of threads and all.

Each runs under strace, and under the ptrace probe, while the eBPF probe watches: they see one run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from iotrace.recording.reading import read
from probes.events import Kind
from tests.command import COMMAND, environment
from tests.live import require
from tests.orderly import check_file
from tests.servers.witness import Threads, of_target, pairs, printed, recorded, whole

PROGRAMS = Path(__file__).parent / "programs"
#: Calls that a filter refuses never pass the tracepoint; of another architecture's, words have no numbers.
APART = ("filters.c", "foreign.c")
LIMIT_S = 180

#: What the programs are there for, and how often it is at least in their calls, by name or by result.
NAMES = {"vfork": 4, "clone3": 2, "restart_syscall": 5, "wait4": 50, "execve": 90}
RESULTS = {
    "ERESTARTSYS": 20, "ERESTARTNOINTR": 1, "ERESTARTNOHAND": 10, "ERESTART_RESTARTBLOCK": 10, "EINTR": 10,
    None: 5,
}  # fmt: skip

Witness = Callable[[str], tuple[Threads, Threads, Path]]


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Witness:
    """Return a function from a tracer's name to (the eBPF probe's calls, the tracer's, its file)."""
    folder = tmp_path_factory.mktemp("witnesses")
    missing = [name for name in ("gcc", "strace") if shutil.which(name) is None]
    if missing:
        if os.environ.get("IOTRACE_REQUIRE_PROBES") == "1":
            pytest.fail(f"{missing} are required here")
        pytest.skip(f"{missing} are not installed")
    sources = [path for path in sorted(PROGRAMS.glob("*.c")) if path.name not in APART]
    program = folder / "programs"
    subprocess.run(["gcc", "-O1", "-w", "-o", program, *sources, "-lpthread", "-lutil"], check=True)

    @lru_cache
    def run(tracer: str) -> tuple[Threads, Threads, Path]:
        require("bpf")
        require("ptrace")
        outer, inner = folder / f"{tracer}.outer.iotrace", folder / f"{tracer}.inner"
        words = ["strace", "-f", "-qq", "-s", "16", "-o", str(inner)]
        if tracer == "ptrace":
            words = [*COMMAND, "run", "--probe", "ptrace", "-o", str(inner), "--"]
        done = subprocess.run(
            [*COMMAND, "run", "--probe", "bpf", "-o", outer, "--", *words, program], env=environment(),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S, check=False,
            cwd=folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        check_file(outer)
        if tracer == "strace":
            text = inner.read_text(errors="replace")
            return of_target(whole(outer), int(text.split(maxsplit=1)[0])), printed(text), inner
        check_file(inner)
        events = whole(inner)
        root = int(events["tgid"][0])
        ours = of_target(whole(outer), root)
        del ours[root][0]  # the execve that made it: the inner probe begins after it
        return ours, recorded(events), inner

    return run


@pytest.mark.parametrize("tracer", ["strace", "ptrace"])
def test_two_tracers_of_one_run_agree_on_every_call(witness: Witness, tracer: str) -> None:
    ours, theirs, _ = witness(tracer)
    assert ours.keys() == theirs.keys()
    names, results = Counter[str](), Counter[int | str | None]()
    for tid, calls in theirs.items():
        for our, their in pairs(ours[tid], calls):
            assert (our[:3] == their[:3]) if tracer == "strace" else (our == their), tid
            names[their.name] += 1
            results[their.result] += 1
    for seen, least in ((names, NAMES), (results, RESULTS)):
        for each, count in least.items():
            assert seen[each] >= count, each  # type: ignore[index]


def test_an_exec_of_another_thread_is_one_call_under_the_leaders_number(witness: Witness) -> None:
    _, theirs, path = witness("ptrace")
    events = read(path)
    execs = (events["kind"] == Kind.TASK_EXEC) & (events["a"] > 0)
    assert np.count_nonzero(execs) >= 3
    for leader, thread in zip(events["tid"][execs].tolist(), events["a"][execs].tolist(), strict=True):
        assert ("execve", -1, 0) in [call[:3] for call in theirs[leader]]
        assert ("execve", -1, 0) not in [call[:3] for call in theirs.get(thread, [])]
