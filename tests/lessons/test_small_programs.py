"""Lessons in programs that are unlike their demos: a few lines each that show one, on the real kernel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from iotrace.analysis import analyse
from iotrace.recording.reading import read
from tests.command import ROOT, environment

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

#: Those that none of these programs shows but the one that is about it.
LESSONS = {
    "settimeout",
    "thundering-herd",
    "descriptor-leak",
    "partial-receive",
    "sigio-merged",
    "idle-wait",
    "undrained-edge",
    "level-triggered-spin",
}

#: lesson, program, the probes that can prove it
PROGRAMS = [
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
    wrong = LESSONS - {lesson}
    assert (lesson in {each.name for each in lessons}) == (probe in probes), lessons
    assert not wrong & {each.name for each in lessons}, lessons
    assert (f"[iotrace explain {lesson}]" in done.stdout) == (probe in probes)
    assert str(ROOT) not in "".join(each.evidence for each in lessons)
