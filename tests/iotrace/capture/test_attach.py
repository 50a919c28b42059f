"""`iotrace attach`: before, during and after it the server serves, and nothing of it is touched."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from iotrace.analysis import Analysis, analyse
from iotrace.analysis.model import Act, Model
from iotrace.recording.reading import read
from probes.events import Kind
from tests.command import COMMAND, environment, iotrace
from tests.live import require
from tests.probes.attaching import LOOP

LIMIT_S = 30
BEFORE, DURING, AFTER = 5, 23, 7

THREADS = """
import socket, sys, threading
server = socket.create_server(("127.0.0.1", 0), backlog=200)
def serve(connection):
    while data := connection.recv(100):
        connection.sendall(data)
def accept():
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
for _ in range(int(sys.argv[1])):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print(server.getsockname()[1], flush=True)
accept()
"""

FORKING = """
import os, socket, time
server = socket.create_server(("127.0.0.1", 0))
for _ in range(2):
    if os.fork() == 0:
        while True:
            connection, _ = server.accept()
            while data := connection.recv(100):
                connection.sendall(data)
            connection.close()
print(server.getsockname()[1], flush=True)
while True:
    time.sleep(3600)
"""


@pytest.fixture(params=["bpf", "ptrace"])
def probe(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    require(name)
    return name


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[subprocess.Popen[str], int]]]:
    """Start a program that prints its port; end it, and what it forked, afterwards."""
    running: list[subprocess.Popen[str]] = []

    def start(program: str, *words: str) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *words], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        running.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def ask(connection: socket.socket, count: int) -> None:
    for number in range(count):
        connection.sendall(b"%d" % number)
        assert connection.recv(100) == b"%d" % number


def attached(folder: Path, probe: str, pid: int, *words: str) -> subprocess.Popen[str]:
    """Start `iotrace attach` and return when it says that it is attached."""
    tracer = subprocess.Popen(
        [*COMMAND, "attach", str(pid), "--probe", probe, "-o", str(folder / "it.iotrace"), *words],
        cwd=folder, env=environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    assert said.startswith(f"iotrace: attached to {pid}: recording"), said + tracer.stderr.read()
    return tracer


def ended(tracer: subprocess.Popen[str], folder: Path, number: int | None = None) -> tuple[Analysis, str]:
    """Let the tracer end, by a signal if one is given; return what it recorded, and its output."""
    if number is not None:
        tracer.send_signal(number)
    output, said = tracer.communicate(timeout=LIMIT_S)
    assert tracer.returncode == 0, said
    return analyse(read(folder / "it.iotrace")), output


def tracer_of(pid: int) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("TracerPid"))


def test_a_server_serves_before_during_and_after(
    serve: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path, probe: str
) -> None:
    process, port = serve(LOOP)
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as old:
        ask(old, BEFORE)
        tracer = attached(tmp_path, probe, process.pid)
        assert (tracer_of(process.pid) == "0") is (probe == "bpf")
        ask(old, DURING)
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as new:
            ask(new, DURING)
            analysis, output = ended(tracer, tmp_path, signal.SIGINT)
            assert tracer_of(process.pid) == "0"
            ask(new, AFTER)
        ask(old, AFTER)
    assert process.poll() is None
    assert "I/O multiplexing: epoll" in output
    assert analysis.lost == 0
    # The wait that was under way when it began is not recorded: what that announced proves nothing.
    verdict = analysis.verdicts[Act.RECEIVE]
    assert verdict.operations == 2 * DURING
    assert verdict.supporting >= 2 * DURING - 1
    assert (verdict.model, verdict.multiplexer, verdict.trigger) == (Model.MULTIPLEXING, "epoll", "edge")
    assert analysis.verdicts[Act.ACCEPT].operations == 1
    here = {what.kind: what.name for what in analysis.descriptors if what.operations}
    assert here["listen"] == f"127.0.0.1:{port}"
    names = [what.name for what in analysis.descriptors if what.kind == "tcp" and what.operations]
    assert len(names) == 2
    assert all(name.startswith(f"127.0.0.1:{port} ← 127.0.0.1:") for name in names), names
    header = analysis.events.header
    assert header["attached"] == [process.pid]
    assert header["argv"][1:2] == ["-c"]


def test_all_threads_and_those_that_come(
    serve: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path, probe: str
) -> None:
    process, port = serve(THREADS, "499")
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as old:
        ask(old, BEFORE)
        tracer = attached(tmp_path, probe, process.pid)
        ask(old, DURING)
        fresh = [socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) for _ in range(11)]
        for connection in fresh:
            ask(connection, DURING)
            connection.close()
        analysis, _ = ended(tracer, tmp_path, signal.SIGTERM)
        ask(old, AFTER)
    receives = analysis.operations["act"] == Act.RECEIVE
    # The recv in which the old connection's thread slept when it began is not recorded.
    assert np.count_nonzero(receives) == 12 * DURING - 1
    assert len(np.unique(analysis.operations["tid"][receives])) == 12
    assert np.count_nonzero(analysis.events["kind"] == Kind.TASK_NEW) == 11


def test_children_are_recorded(
    serve: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path, probe: str
) -> None:
    process, port = serve(FORKING)
    tracer = attached(tmp_path, probe, process.pid, "--duration", "2")
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
            ask(connection, DURING)
    analysis, _ = ended(tracer, tmp_path)
    assert analysis.verdicts[Act.RECEIVE].operations == 5 * DURING
    assert process.pid not in analysis.operations["tgid"]
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        ask(connection, AFTER)


def test_the_tracer_is_in_no_recording_of_its_own(tmp_path: Path, probe: str) -> None:
    """It is a child of the shell that it is asked to record."""
    script = (
        f'"$@" attach $$ --probe {probe} --duration 1 -o it.iotrace & echo $!; while sleep 0.05; do :; done'
    )
    shell = subprocess.Popen(
        ["bash", "-c", script, "bash", *COMMAND],
        cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    assert shell.stdout is not None
    tracer = int(shell.stdout.readline())
    deadline = time.monotonic() + LIMIT_S
    while Path(f"/proc/{tracer}").exists() and "Z" not in state_of(tracer):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(shell.pid, signal.SIGKILL)
    shell.communicate()
    recorded = set(read(tmp_path / "it.iotrace")["tgid"].tolist())
    assert shell.pid in recorded
    assert len(recorded) > 3  # what it started meanwhile is there
    assert tracer not in recorded


def state_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "State" in line)
    return "Z"


def test_it_ends_with_its_server(
    serve: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path, probe: str
) -> None:
    process, port = serve(LOOP)
    tracer = attached(tmp_path, probe, process.pid)
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        ask(connection, DURING)
        process.kill()
        analysis, _ = ended(tracer, tmp_path)
    assert analysis.verdicts[Act.RECEIVE].operations == DURING


def test_a_killed_tracer_leaves_the_server_and_the_recording(
    serve: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path, probe: str
) -> None:
    process, port = serve(LOOP)
    tracer = attached(tmp_path, probe, process.pid)
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        ask(connection, DURING)
        time.sleep(1.2)  # what is older than a second is on the disk
        tracer.kill()
        tracer.communicate(timeout=LIMIT_S)
        ask(connection, AFTER)
    assert process.poll() is None
    assert analyse(read(tmp_path / "it.iotrace")).verdicts[Act.RECEIVE].operations == DURING


def test_a_full_disk_ends_the_file_and_not_the_server(
    serve: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path, probe: str
) -> None:
    """A limit on the file's size does what a full disk does."""
    process, port = serve(LOOP)
    tracer = subprocess.Popen(
        ["sh", "-c", 'ulimit -f 64; exec "$@"', "sh", *COMMAND, "attach", str(process.pid), "--probe", probe],
        cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert tracer.stderr is not None
    assert "attached to" in tracer.stderr.readline()
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        for _ in range(4):
            ask(connection, 499)
            time.sleep(0.3)
        tracer.send_signal(signal.SIGINT)
        _, said = tracer.communicate(timeout=LIMIT_S)
        ask(connection, AFTER)
    assert tracer.returncode == 125
    assert "File too large" in said
    assert "Traceback" not in said
    assert process.poll() is None
    assert tracer_of(process.pid) == "0"


def test_a_file_that_exists_is_no_reason_to_stop_the_server(
    serve: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path, probe: str
) -> None:
    process, port = serve(LOOP)
    (tmp_path / "it.iotrace").write_text("precious")
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        ask(connection, BEFORE)
        done = iotrace(tmp_path, "attach", str(process.pid), "--probe", probe, "-o", "it.iotrace")
        assert done.returncode == 125
        assert "it.iotrace exists" in done.stderr
        assert (tmp_path / "it.iotrace").read_text() == "precious"
        assert tracer_of(process.pid) == "0"
        ask(connection, AFTER)


def test_ptrace_says_what_it_does_to_the_server(
    serve: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path
) -> None:
    require("ptrace")
    process, _ = serve(LOOP)
    tracer = attached(tmp_path, "ptrace", process.pid)
    tracer.send_signal(signal.SIGINT)
    assert tracer.stderr is not None
    said = tracer.stderr.read()
    tracer.communicate(timeout=LIMIT_S)
    assert "ptrace stops each of its system calls twice" in said
    if platform.machine() == "x86_64":
        assert "begun again, a time limit of theirs too: epoll_wait ×1" in said
        assert read(tmp_path / "it.iotrace").header["calls_begun_again"] == {"epoll_wait": 1}


@pytest.mark.parametrize(
    ("pid", "status", "said"),
    [
        ("4194303", 125, "no process 4194303"),
        ("2", 125, "is a kernel thread"),
        ("word", 2, "is no process number"),
    ],
)
def test_what_cannot_be_attached_is_said_in_one_line(
    tmp_path: Path, pid: str, status: int, said: str
) -> None:
    done = iotrace(tmp_path, "attach", pid)
    assert done.returncode == status
    assert said in done.stderr
    assert done.stderr.count("\n") == 1 or status == 2
    assert list(tmp_path.iterdir()) == []


def test_a_thread_and_a_zombie_are_named_as_such(
    serve: Callable[..., tuple[subprocess.Popen[str], int]], tmp_path: Path, probe: str
) -> None:
    process, _ = serve(THREADS, "1")
    thread = next(int(name) for name in os.listdir(f"/proc/{process.pid}/task") if int(name) != process.pid)
    done = iotrace(tmp_path, "attach", str(thread))
    assert (done.returncode, f"is a thread of process {process.pid}" in done.stderr) == (125, True)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    done = iotrace(tmp_path, "attach", str(process.pid))
    assert (done.returncode, "has ended" in done.stderr) == (125, True)
