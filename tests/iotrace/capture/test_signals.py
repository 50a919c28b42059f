"""Ctrl-C, SIGTERM, kill -9, daemons: the target is not disturbed and the recording is readable."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.command import COMMAND, LIMIT_S, ending, environment, recorded, start
from tests.live import require

#: Says that it is ready, then waits; what it does with signals is put in front.
WAIT = "import os, sys, time\nprint('ready', os.getpid(), flush=True)\nwhile True: time.sleep(0.05)\n"
CATCHES = "import signal, sys\nsignal.signal(signal.{name}, lambda *_: sys.exit(9))\n" + WAIT
IGNORES = "import signal\nsignal.signal(signal.{name}, signal.SIG_IGN)\n" + WAIT


@pytest.fixture(params=["bpf", "ptrace"])
def probe(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    require(name)
    return name


def begin(
    folder: Path, probe: str, code: str, own_session: bool = False
) -> tuple[subprocess.Popen[str], int]:
    """Run ``code`` under iotrace; return iotrace and the target's pid once the target is ready."""
    (folder / "server.py").write_text(code)
    run = start(folder, "run", "--probe", probe, "server.py", start_new_session=own_session)
    assert run.stdout is not None
    word, _, pid = run.stdout.readline().partition(" ")
    assert word == "ready", run.communicate(timeout=LIMIT_S)
    return run, int(pid)


def end(run: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        said, complained = run.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        for pid in children(run.pid):
            os.kill(pid, signal.SIGKILL)
        run.kill()
        raise
    assert "Traceback" not in complained
    return run.returncode, said, complained


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Terminal:
    """iotrace in a session of its own, on a terminal of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.pid, self.fd = pty.fork()
        if not self.pid:
            try:
                os.chdir(folder)
                os.execve(COMMAND[0], [*COMMAND, *words], environment())
            finally:
                os._exit(99)
        self.seen = b""

    def until(self, words: bytes) -> None:
        deadline = time.monotonic() + LIMIT_S
        while words not in self.seen:
            assert select.select([self.fd], [], [], deadline - time.monotonic())[0], self.seen
            self.seen += os.read(self.fd, 4096)

    def type(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def status(self) -> int:
        """Read what is left and return the exit status (negative: signal)."""
        with suppress(OSError):  # EIO: the other side is closed
            while piece := os.read(self.fd, 4096):
                self.seen += piece
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_ctrl_c_ends_the_targets_run_and_the_report_is_written(tmp_path: Path, probe: str) -> None:
    (tmp_path / "server.py").write_text(CATCHES.format(name="SIGINT"))
    terminal = Terminal(tmp_path, "run", "--probe", probe, "server.py")
    terminal.until(b"ready")
    terminal.type(b"\x03")
    assert terminal.status() == 9
    assert b"Traceback" not in terminal.seen
    assert b"iotrace report" in terminal.seen
    assert ending(recorded(tmp_path))["exit_status"] == 9


def test_ctrl_c_kills_a_target_that_does_not_care_by_the_same_signal(tmp_path: Path, probe: str) -> None:
    terminal = Terminal(tmp_path, "run", "--probe", probe, "--", "sh", "-c", "echo ready; exec sleep 50")
    terminal.until(b"ready")
    terminal.type(b"\x03")
    assert terminal.status() == -signal.SIGINT
    assert ending(recorded(tmp_path))["signal"] == signal.SIGINT


def test_the_second_ctrl_c_kills(tmp_path: Path, probe: str) -> None:
    (tmp_path / "server.py").write_text(IGNORES.format(name="SIGINT"))
    terminal = Terminal(tmp_path, "run", "--probe", probe, "server.py")
    terminal.until(b"ready")
    terminal.type(b"\x03")
    terminal.until(b"^C")
    time.sleep(0.3)  # two signals at once would be one
    terminal.type(b"\x03")
    assert terminal.status() == -signal.SIGKILL
    assert ending(recorded(tmp_path))["ended_by"] == "kill"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"])
def test_signals_to_iotrace_reach_the_target(tmp_path: Path, probe: str, name: str) -> None:
    run, _ = begin(tmp_path, probe, CATCHES.format(name=name))
    run.send_signal(getattr(signal, name))
    assert end(run)[0] == 9
    assert ending(recorded(tmp_path))["exit_status"] == 9


def test_a_target_that_ignores_sigterm_dies_of_the_second(tmp_path: Path, probe: str) -> None:
    run, _ = begin(tmp_path, probe, IGNORES.format(name="SIGTERM"))
    run.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        run.wait(1)
    run.send_signal(signal.SIGTERM)
    assert end(run)[0] == -signal.SIGKILL
    assert ending(recorded(tmp_path))["ended_by"] == "kill"


GROUP = """
import os, signal, sys, time
def end(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(0, signal.SIGTERM)
    time.sleep(0.2)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
print('ready', os.getpid(), flush=True)
while True: time.sleep(0.05)
"""


def test_a_target_that_signals_its_whole_group_ends_as_it_would(tmp_path: Path, probe: str) -> None:
    run, _ = begin(tmp_path, probe, GROUP, own_session=True)
    run.send_signal(signal.SIGTERM)
    assert end(run)[0] == 7
    assert ending(recorded(tmp_path))["ended_by"] == "target"


DAEMON = """
import os, sys, time
if os.fork():
    sys.exit(4)
os.setsid()
print("ready", os.getpid(), flush=True)
os.dup2(os.open("/dev/null", os.O_RDWR), 1)
os.dup2(1, 2)
while True: time.sleep(0.05)
"""


@pytest.fixture
def leftovers() -> Iterator[list[int]]:
    """Processes that may outlive a run: ended afterwards."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_daemon_is_recorded_until_we_are_told_to_end(
    tmp_path: Path, probe: str, leftovers: list[int]
) -> None:
    run, pid = begin(tmp_path, probe, DAEMON)
    leftovers.append(pid)
    assert run.stderr is not None
    line = run.stderr.readline()
    assert "has ended" in line
    assert "recorded until Ctrl-C or SIGTERM" in line
    run.send_signal(signal.SIGTERM)
    assert end(run)[0] == 4
    events = recorded(tmp_path)
    assert ending(events)["ended_by"] == "interrupt"
    assert pid in events["tgid"]


def test_killing_the_tracer_loses_at_most_the_last_second(
    tmp_path: Path, probe: str, leftovers: list[int]
) -> None:
    run, pid = begin(tmp_path, probe, WAIT)
    leftovers.append(pid)
    with pytest.raises(subprocess.TimeoutExpired):
        run.wait(2.5)
    killed_ns = time.monotonic_ns()
    run.kill()
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # or our pipes stay open
    end(run)
    events = recorded(tmp_path)
    assert killed_ns - int(events["exit_ns"].max()) < 1_000_000_000
    assert len(events) > 2.5 / 0.05 / 2


FLOOD = """
import os
descriptor = os.open("/dev/null", os.O_WRONLY)
for _ in range(30_000):
    os.write(descriptor, b"x")
print("all written")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a file system of 64 KiB is mounted")
def test_a_full_disk_stops_the_recording_and_not_the_target(tmp_path: Path, probe: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mount is refused here")
    try:
        (tmp_path / "server.py").write_text(FLOOD)
        run = start(tmp_path, "run", "--probe", probe, "-o", "disk/r.iotrace", "server.py")
        status, said, complained = end(run)
        assert status == 125
        assert said.startswith("all written\n")
        assert [
            line for line in complained.splitlines() if "No space left" in line
        ] == complained.splitlines()
        events = recorded(disk)
        assert 0 < len(events) < 30_000
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_closed_terminal_is_no_traceback(tmp_path: Path, probe: str) -> None:
    (tmp_path / "server.py").write_text(CATCHES.format(name="SIGHUP"))
    terminal = Terminal(tmp_path, "run", "--probe", probe, "server.py")
    terminal.until(b"ready")
    terminal.until(b"\n")  # the target's write is over, and does not fail for the hang-up
    os.close(terminal.fd)
    _, status = os.waitpid(terminal.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 9
    assert ending(recorded(tmp_path))["exit_status"] == 9


def test_nohup_stays(tmp_path: Path) -> None:
    require("ptrace")
    (tmp_path / "server.py").write_text(
        "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    )
    done = subprocess.run(
        ["nohup", *COMMAND, "run", "--probe", "ptrace", "server.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    assert done.stdout.startswith("True\n")
