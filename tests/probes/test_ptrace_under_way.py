"""A call that is under way when we attach or detach returns what it would have returned without us."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from probes.contract import Options, Outcome
from probes.events import Batch
from probes.ptrace.joining import PATIENCE_NS
from probes.ptrace_probe import PtraceProbe
from tests.live import require
from tests.probes import blocking_calls
from tests.probes.blocking_calls import ANEW, CALLS, GO_ON, MOVING, SECONDS

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="numbers and registers are those of x86-64"
)
LIMIT_S = 30
#: How late a call may return on a busy machine.
LATE_MS = 1000


@pytest.fixture(autouse=True)
def ptrace() -> None:
    require("ptrace")


class Victims:
    """A process for each call, each ready to make it."""

    def __init__(self) -> None:
        self.processes = {
            name: subprocess.Popen(
                [sys.executable, "-I", blocking_calls.__file__, name],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for name in CALLS
        }  # fmt: skip
        for process in self.processes.values():
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"

    def pids(self) -> list[int]:
        return [process.pid for process in self.processes.values()]

    def go(self) -> None:
        """Let each begin its call, and return when all sleep in it."""
        self._line(CALLS)
        deadline = time.monotonic() + SECONDS / 2
        while late := [name for name, each in self.processes.items() if not in_its_call(each.pid)]:
            assert time.monotonic() < deadline, f"not all are in their calls at once, but {late}"
            time.sleep(0.01)

    def serve(self) -> None:
        """Serve the calls that move data."""
        self._line(made.__name__ for made in MOVING)

    def _line(self, names: Iterable[str]) -> None:
        for name in names:
            stream = self.processes[name].stdin
            assert stream is not None
            stream.write("\n")
            stream.flush()

    def told(self) -> dict[str, tuple[str, int]]:
        """Return what each call returned, and after how many milliseconds."""
        told = {}
        for name, process in self.processes.items():
            output, _ = process.communicate(timeout=LIMIT_S)
            assert process.returncode == 0, name
            result, _, elapsed_ms = output.strip().partition("\t")
            told[name] = result, int(elapsed_ms)
        return told

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.communicate()


@pytest.fixture
def victims() -> Iterator[Callable[[], Victims]]:
    made: list[Victims] = []

    def make() -> Victims:
        made.append(Victims())
        return made[-1]

    yield make
    for each in made:
        each.end()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def in_its_call(pid: int) -> bool:
    return state(pid) == "S" and call(pid) != "0 0x0"


def call(pid: int) -> str:
    """The number of the call that the first thread sleeps in, and its first argument."""
    return " ".join(Path(f"/proc/{pid}/syscall").read_text().split()[:2])


class Attached:
    """The probe, its rows drained by a thread."""

    def __init__(self, pids: list[int]) -> None:
        self.probe = PtraceProbe()
        self.probe.attach(pids, Options())
        self.batches: list[Batch] = []
        self.outcomes: list[Outcome] = []
        self._thread = threading.Thread(
            target=lambda: self.outcomes.append(self.probe.run(self.batches.append))
        )
        self._thread.start()

    def detach(self) -> Outcome:
        self.probe.stop()
        self._thread.join(LIMIT_S)
        return self.outcomes[0]


def test_every_call_goes_on_where_we_attach(victims: Callable[[], Victims]) -> None:
    alone, met = victims(), victims()
    alone.go()
    met.go()
    served = threading.Timer(PATIENCE_NS / 3e9, met.serve)
    served.start()
    attached = Attached(met.pids())
    served.join()
    header = attached.probe.header
    attached.detach()
    alone.serve()
    expected, told = alone.told(), met.told()
    assert {name: result for name, (result, _) in told.items()} == {
        name: result for name, (result, _) in expected.items()
    }
    assert "Interrupted system call" not in {result for result, _ in told.values()}
    for made in GO_ON:
        assert told[made.__name__][1] == pytest.approx(SECONDS * 1000, abs=LATE_MS), made.__name__
    for made in ANEW:
        assert SECONDS * 1000 <= told[made.__name__][1] <= 2 * SECONDS * 1000 + LATE_MS, made.__name__
    # Those that have a limit, and epoll_wait_for_ever; a send is left alone for as long as it may be.
    again = header["calls_begun_again"]
    assert isinstance(again, dict)
    assert sum(again.values()) == len(ANEW) + 1
    assert header["calls_failed"] == {}
    assert header["calls_shortened"] == {}


def test_every_call_goes_on_where_we_detach(victims: Callable[[], Victims]) -> None:
    """No thread is woken for it, so every time limit is kept as well."""
    alone, left = victims(), victims()
    attached = Attached(left.pids())
    alone.go()
    left.go()
    attached.detach()
    alone.serve()
    left.serve()
    expected, told = alone.told(), left.told()
    assert {name: result for name, (result, _) in told.items()} == {
        name: result for name, (result, _) in expected.items()
    }
    for made in (*GO_ON, *ANEW):
        assert told[made.__name__][1] == pytest.approx(SECONDS * 1000, abs=LATE_MS), made.__name__


def test_a_send_that_blocks_for_long_is_said_to_be_shortened() -> None:
    """Nobody reads: it is left alone for a second, then stopped, and returns what it has moved."""
    program = (
        "import socket; a, b = socket.socketpair(); print('ready', flush=True); "
        "n = a.send(bytes(1 << 22)); print(n, flush=True); b.recv(1)"
    )
    process = subprocess.Popen([sys.executable, "-Ic", program], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        deadline = time.monotonic() + LIMIT_S
        while not call(process.pid).startswith("44 "):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        attached = Attached([process.pid])
        assert attached.probe.header["calls_shortened"] == {"sendto": 1}
        attached.detach()
        assert 0 < int(process.stdout.readline()) < 1 << 22
    finally:
        process.kill()
        process.communicate()
