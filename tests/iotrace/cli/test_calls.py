"""`iotrace calls` on recordings of real programs: against strace, in a pipe, and while they grow."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.command import COMMAND, LIMIT_S, environment, iotrace, start
from tests.live import require

#: Makes 23 datagrams, a thread, and one of most other things that have flags.
PROGRAM = """\
import fcntl, os, select, signal, socket, threading, time
first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
first.setblocking(False)
for _ in range(23):
    second.send(b"x" * 7, socket.MSG_NOSIGNAL)
    first.recv(64, socket.MSG_DONTWAIT | socket.MSG_TRUNC)
try:
    first.recv(64)
except BlockingIOError:
    pass
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind(("127.0.0.1", 0))
server.listen(5)
epoll = select.epoll()
epoll.register(server, select.EPOLLIN | select.EPOLLET | select.EPOLLONESHOT)
client = socket.create_connection(server.getsockname())
epoll.poll(1)
peer, _ = server.accept()
poll = select.poll()
poll.register(peer, select.POLLIN | select.POLLPRI)
poll.poll(1)
client.shutdown(socket.SHUT_WR)
read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
select.select([read, peer], [write], [], 0.5)
os.dup2(read, 77, inheritable=False)
fcntl.fcntl(read, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
fcntl.fcntl(read, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
event = os.eventfd(3, os.EFD_NONBLOCK | os.EFD_SEMAPHORE)
file = os.open("made", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_DSYNC, 0o600)
os.memfd_create("memory", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
os.kill(os.getpid(), signal.SIGURG)
time.sleep(0.07)
os.close(file)
"""

#: Calls whose arguments in words are compared with strace's.
COMPARED = (
    "socketpair", "socket", "sendto", "recvfrom", "listen", "epoll_create1", "epoll_ctl", "shutdown", "pipe2",
    "dup3", "eventfd2", "memfd_create", "flock", "openat", "accept4",
)  # fmt: skip


@pytest.fixture(scope="module", params=["bpf", "ptrace"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program, and its recording under one probe."""
    require(request.param)
    path = tmp_path_factory.mktemp(request.param)
    (path / "program.py").write_text(PROGRAM)
    done = iotrace(path, "run", "--probe", request.param, "-o", "made.iotrace", "program.py")
    assert done.returncode == 0, done.stderr
    return path


def calls(folder: Path, *words: str) -> list[str]:
    done = iotrace(folder, "calls", "made.iotrace", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def constants(lines: list[str]) -> Counter[tuple[str, ...]]:
    """Count calls by name and the names of constants among their arguments, in the order of the alphabet."""
    found = Counter[tuple[str, ...]]()
    for line in lines:
        match = re.match(r"(?:[\d.]+ +)?(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)", line.strip())
        if match and match[1] in COMPARED:
            bare = re.sub(r'"[^"]*"|<[^>]*>|sa_family=|\{AF_INET [^}]*\}|sin_\w+=\w+\([^)]*\)', "", match[2])
            words = re.findall(r"\b(?:[A-Z][A-Z0-9]*_[A-Z0-9_]+|EPOLL[A-Z]+|POLL[A-Z]+)\b", bare)
            found[
                match[1], *sorted(word for word in words if not word.startswith(("AF_INET", "AT_FDCWD")))
            ] += 1
    return found


def test_strace_writes_the_same_constants(folder: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("no strace: sudo apt install strace")
    command = ["strace", "-f", "-o", "strace.log", sys.executable, "program.py"]
    subprocess.run(command, cwd=folder, check=True, timeout=LIMIT_S, env=environment())
    theirs = constants((folder / "strace.log").read_text(errors="replace").splitlines())
    ours = constants(calls(folder))
    assert ours == theirs
    assert ours["recvfrom", "MSG_DONTWAIT", "MSG_TRUNC"] == 23
    assert ours["epoll_ctl", "EPOLLET", "EPOLLIN", "EPOLLONESHOT", "EPOLL_CTL_ADD"] == 1


def test_a_line_says_what_the_descriptor_is_and_what_came_out(folder: Path) -> None:
    text = "\n".join(calls(folder))
    assert re.search(r" recvfrom\(3<unix-dgram>, …, 64, 0, …\) = -1 EAGAIN  ", text)
    accept = re.search(
        r" accept4\(5<listen (127\.0\.0\.1:\d+)>, \{AF_INET (127\.0\.0\.1:\d+)\}, …, SOCK_C", text
    )
    assert accept
    local, remote = accept[1], accept[2].removeprefix("127.0.0.1")
    assert f"= 8<tcp {local} ← {remote}>" in text
    assert f"connect(7<tcp>, {{AF_INET {local}}}, 16) = 0" in text
    assert f"shutdown(7<tcp → {local}>, SHUT_WR) = 0" in text
    assert f"[{{5<listen {local}> EPOLLIN}}]" in text
    assert f"poll([{{8<tcp {local} ← {remote}> POLLIN|POLLPRI}}], 1, 1) = 0" in text
    assert re.search(
        r"select6?\(\d+, \[8 9\], \[10\], \[\], \{tv_sec=0, .*\) = 2 \(in \[8\], out \[10\]\)", text
    )
    nap = re.search(r"clock_nanosleep\(CLOCK_MONOTONIC, .*\) = 0  (\d+\.\d) ms: wait (≤ )?(\d+\.\d) ms", text)
    assert nap
    assert 70 <= float(nap[3]) <= float(nap[1])
    assert text.splitlines()[-1].endswith("+++ exited with 0 +++")


def test_options_choose(folder: Path) -> None:
    assert len(calls(folder, "--call", "recvfrom", "--fd", "3")) == 24
    assert len(calls(folder, "--call", "recvfrom", "--failed")) == 1
    assert len(calls(folder, "--call", "sendto,recvfrom")) == 47
    assert len(calls(folder, "--call", "sendto", "--call", "recvfrom", "--fd", "3", "--fd", "4")) == 47
    assert len(calls(folder, "--call", "sendto", "--call", "recvfrom", "--fd", "3")) == 24
    slow = calls(folder, "--slower", "50ms", "--call", "clock_nanosleep")
    assert len(slow) == 1
    began = float(slow[0].split()[0])
    assert calls(folder, "--from", f"{began + 0.01}", "--to", f"{began + 0.02}") == slow
    thread = slow[0].split()[1]
    assert calls(folder, "--thread", thread) == calls(folder) == calls(folder, "--process", thread)


def test_ascii_and_colour(folder: Path) -> None:
    plain, ascii_only = calls(folder), calls(folder, "--ascii")
    assert len(plain) == len(ascii_only)
    assert "\n".join(ascii_only).isascii()
    assert "<-" in "\n".join(ascii_only)
    cut = calls(folder, "--width", "60")
    assert [line[:59] for line in cut] == [line[:59] for line in plain]
    assert max(map(len, cut)) == 60 < max(map(len, plain))
    coloured = calls(folder, "--color", "always")
    assert all("\x1b[" in line for line in coloured)
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in coloured] == plain


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["none.iotrace"], 125, "none.iotrace does not exist: `iotrace run SCRIPT.py` makes a recording"),
        (["none.iotrace", "--follow"], 125, "none.iotrace does not exist"),
        (["made.iotrace", "--call", "recvform"], 2, "did you mean recvfrom?"),
        (["made.iotrace", "--fd", "five"], 2, "'five' is no list of numbers"),
        (["made.iotrace", "--from", "2", "--to", "1"], 2, "--from must come before --to"),
        (["made.iotrace", "--slower", "x"], 2, "'x' is no time"),
        (["made.iotrace", "--thread", "1"], 0, "no call fits"),
        (["program.py"], 125, "program.py is not a recording of iotrace"),
    ],
)
def test_what_cannot_be_shown_is_one_line(folder: Path, words: list[str], status: int, said: str) -> None:
    done = iotrace(folder, "calls", *words)
    assert done.returncode == status
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    command = " ".join([*COMMAND, "calls", "made.iotrace"])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -n 1"],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_damage_is_one_line_after_what_is_whole(folder: Path, tmp_path: Path) -> None:
    data = (folder / "made.iotrace").read_bytes()
    (tmp_path / "made.iotrace").write_bytes(data[:-100])
    done = iotrace(tmp_path, "calls")
    assert done.returncode == 0
    assert "the recording was cut off" in done.stderr
    assert done.stdout.splitlines()[0] == calls(folder)[0]
    (tmp_path / "made.iotrace").write_bytes(data[:-300] + bytes(300))
    broken = iotrace(tmp_path, "calls")
    assert broken.returncode == 125
    assert "is damaged" in broken.stderr


TICKS = """\
import socket, time
first, second = socket.socketpair()
while True:
    second.send(b"x")
    first.recv(7)
    time.sleep(0.05)
"""


def following(folder: Path, recording: Path) -> subprocess.Popen[str]:
    limit = time.monotonic() + LIMIT_S
    while not recording.exists() and time.monotonic() < limit:
        time.sleep(0.02)
    return start(folder, "calls", recording.name, "--follow", "--call", "recvfrom")


@pytest.mark.parametrize("end", ["target ends", "tracer is killed", "reader is interrupted"])
def test_follow_shows_what_comes_and_ends(tmp_path: Path, end: str) -> None:
    require("ptrace")
    (tmp_path / "ticks.py").write_text(TICKS)
    tracer = start(
        tmp_path, "run", "--probe", "ptrace", "-o", "ticks.iotrace", "ticks.py", start_new_session=True
    )
    reader = following(tmp_path, tmp_path / "ticks.iotrace")
    try:
        assert reader.stdout is not None
        seen = [reader.stdout.readline() for _ in range(7)]  # while the target still runs
        assert tracer.poll() is None
        if end == "target ends":
            os.killpg(tracer.pid, signal.SIGINT)
        elif end == "tracer is killed":
            os.killpg(tracer.pid, signal.SIGKILL)
        else:
            reader.send_signal(signal.SIGINT)
        assert reader.stderr is not None
        rest, said = reader.stdout.read(), reader.stderr.read()
        assert reader.wait(LIMIT_S) == 0, said
        assert ("its tracer is gone" in said) == (end == "tracer is killed")
        if end != "target ends":
            return
        tracer.wait(LIMIT_S)
        whole = iotrace(tmp_path, "calls", "ticks.iotrace", "--call", "recvfrom")
        assert "".join(seen) + rest == whole.stdout
    finally:
        for process in (tracer, reader):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL) if process is tracer else process.kill()
            process.communicate()
