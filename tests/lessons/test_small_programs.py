"""Lessons that no demo is about: a few lines each that show one, on the real kernel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from iotrace.analysis import analyse
from iotrace.recording.reading import read
from tests.command import ROOT, environment

SETTIMEOUT = """
import os, socket, time
listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    with socket.create_connection(listener.getsockname()) as client:
        for _ in range(7):
            time.sleep(0.01)
            client.sendall(b"x" * 100)
            client.recv(1)
    os._exit(0)
connection, _ = listener.accept()
connection.settimeout(5)
while connection.recv(1000):
    connection.sendall(b"k")
os.wait()
"""

HERD = """
import os, select, signal, socket, time
listener = socket.create_server(("127.0.0.1", 0))
listener.setblocking(False)
workers = []
for _ in range(4):
    if pid := os.fork():
        workers.append(pid)
        continue
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        poll.poll()
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            pass
for _ in range(23):
    time.sleep(0.01)
    with socket.create_connection(listener.getsockname()) as client:
        client.recv(1)
for pid in workers:
    os.kill(pid, signal.SIGKILL)
    os.wait()
"""

LEAK = """
import os, resource, select, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
clients = [socket.socket() for _ in range(20)]
for client in clients:
    client.connect(listener.getsockname())
connections, failures = [], 0
while failures < 23:
    select.select([listener], [], [], 5)
    try:
        connections.append(listener.accept()[0])
    except OSError:
        failures += 1
"""

PIECES = """
import os, socket, time
listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    with socket.create_connection(listener.getsockname()) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(5):
            for _ in range(3):
                time.sleep(0.01)
                client.sendall(b"x" * 100)
            client.recv(1)
    os._exit(0)
connection, _ = listener.accept()
for _ in range(5):
    message = b""
    while len(message) < 300:
        message += connection.recv(4096)
    connection.sendall(b"k")
os.wait()
"""

MERGED = """
import fcntl, os, signal, socket
signal.signal(signal.SIGIO, lambda *_: None)
pairs = [socket.socketpair() for _ in range(2)]
for reader, _ in pairs:
    fcntl.fcntl(reader, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
for _ in range(7):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
    for _, writer in pairs:
        writer.send(b"x")
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})
    for reader, _ in pairs:
        reader.recv(10)
for reader, _ in pairs:
    fcntl.fcntl(reader, fcntl.F_SETFL, 0)
"""

IDLE = """
import os, select
reader, writer = os.pipe()
select.select([reader], [], [], 1.1)
"""

LEFT = """
import select, socket
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
connection, _ = listener.accept()
connection.setblocking(False)
epoll = select.epoll()
epoll.register(connection, select.EPOLLIN | select.EPOLLET)
for _ in range(3):
    client.sendall(b"x" * 1024)
    epoll.poll()
    connection.recv(512)
    assert epoll.poll(0.05) == []
    connection.recv(512)
"""

ROOM = """
import select, socket
here, there = socket.socketpair()
for _ in range(23):
    select.select([], [here], [], 5)
"""

#: lesson, program, the probes that can prove it
PROGRAMS = [
    ("settimeout", SETTIMEOUT, ("bpf", "ptrace")),
    ("thundering-herd", HERD, ("bpf", "ptrace")),
    ("descriptor-leak", LEAK, ("bpf", "ptrace")),
    ("partial-receive", PIECES, ("bpf", "ptrace")),
    ("sigio-merged", MERGED, ("bpf",)),
    ("idle-wait", IDLE, ("bpf", "ptrace")),
    ("undrained-edge", LEFT, ("bpf",)),
    ("level-triggered-spin", ROOM, ("bpf", "ptrace")),
]


@pytest.mark.parametrize(("lesson", "program", "probes"), PROGRAMS, ids=[name for name, _, _ in PROGRAMS])
def test_a_small_program_shows_its_lesson(
    tmp_path: Path, probe: str, lesson: str, program: str, probes: tuple[str, ...]
) -> None:
    path = tmp_path / "it.iotrace"
    tracer = [sys.executable, "-m", "iotrace", "run", "--probe", probe, "-o", str(path), "--width", "100"]
    done = subprocess.run(
        [*tracer, "--", sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    lessons = analyse(read(path)).lessons
    wrong = {name for name, _, _ in PROGRAMS} - {lesson}
    assert (lesson in {each.name for each in lessons}) == (probe in probes), lessons
    assert not wrong & {each.name for each in lessons}, lessons
    assert (f"[iotrace explain {lesson}]" in done.stdout) == (probe in probes)
    assert str(ROOT) not in "".join(each.evidence for each in lessons)
