"""The ptrace probe on processes that run already: its rows drained by a thread, programs to attach to."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from iotrace.columns import from_batches
from probes.contract import Options, Outcome, Sink
from probes.events import Batch, Kind
from probes.ptrace_probe import PtraceProbe
from probes.table import BY_NAME, by_number
from tests.orderly import check_events
from tests.probes.traced import python

LIMIT_S = 30

#: Answers each line of up to 100 bytes with itself, in one event loop. What it says last is what SIGTERM
#: asks for.
LOOP = """
import select, socket
server = socket.create_server(("127.0.0.1", 0), backlog=100)
server.setblocking(False)
epoll = select.epoll()
epoll.register(server, select.EPOLLIN)
connections = {}
print(server.getsockname()[1], flush=True)
while True:
    for fd, _ in epoll.poll():
        if fd == server.fileno():
            connection, _ = server.accept()
            connections[connection.fileno()] = connection
            epoll.register(connection, select.EPOLLIN | select.EPOLLET)
        else:
            data = connections[fd].recv(100)
            if data:
                connections[fd].sendall(data)
            else:
                connections.pop(fd).close()
"""

#: The same, a thread for each connection.
THREADS = """
import socket, threading
server = socket.create_server(("127.0.0.1", 0), backlog=100)
def serve(connection):
    while data := connection.recv(100):
        connection.sendall(data)
    connection.close()
print(server.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""

#: The same, a process for each connection, whose end the parent is told and reaps.
FORKS = """
import os, signal, socket
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
server = socket.create_server(("127.0.0.1", 0), backlog=100)
print(server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    if os.fork() == 0:
        server.close()
        while data := connection.recv(100):
            connection.sendall(data)
        os._exit(0)
    connection.close()
"""
SERVERS = {"loop": LOOP, "threads": THREADS, "forks": FORKS}


class Attached:
    """A probe that has attached and runs in a thread of its own; it has detached after the block."""

    def __init__(self, *pids: int, options: Options | None = None, sink: Sink | None = None) -> None:
        self.batches: list[Batch] = []
        self.probe = PtraceProbe()
        self.probe.attach(pids, options or Options())
        self._sink = sink or self.batches.append
        self._outcome: Outcome | None = None
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self) -> Attached:
        return self

    def __exit__(self, *_: object) -> None:
        self.detach()

    def detach(self) -> Outcome | None:
        """Return how it ended; None if the sink has failed."""
        self.probe.stop()
        return self.ended()

    def ended(self) -> Outcome | None:
        """Wait for its end."""
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()
        check_events(from_batches(self.batches, self.probe.header))
        return self._outcome

    def calls(self, name: str) -> int:
        """How many calls of a name it has recorded that returned something."""
        code = BY_NAME[name].code
        return sum(
            int(((rows["kind"] == Kind.CALL) & (rows["code"] == code) & (rows["ret"] > 0)).sum())
            for rows, *_ in self.batches
        )

    def described(self) -> dict[tuple[int, int], tuple[int, str]]:
        """What it has told of descriptors: {(process, fd): (open flags, what it is)}."""
        return {
            (int(each.rows["tgid"][at]), int(each.rows["fd"][at])): (
                int(each.rows["a"][at]),
                each.blob[each.blob_offsets[at] : each.blob_offsets[at + 1]].tobytes().decode(),
            )
            for each in self.batches
            for at in np.flatnonzero(each.rows["kind"] == Kind.DESCRIPTOR)
        }

    def _run(self) -> None:
        try:
            self._outcome = self.probe.run(self._sink)
        except Exception as error:
            self.failure = error


@contextlib.contextmanager
def started(program: str, *words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a program that prints a number; end it, and what it has forked, after the block."""
    process = subprocess.Popen(
        python(program, *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ask(connection: socket.socket, count: int) -> None:
    """Ask so many times; every answer is right."""
    for number in range(count):
        connection.sendall(b"%d" % number)
        assert connection.recv(100) == b"%d" % number


def under_way(pid: int) -> str:
    """Name the call that a process sleeps in: proc(5), ``syscall``."""
    number = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    call = by_number().get(int(number)) if number.isdecimal() else None
    return "" if call is None else call.name


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)


#: A client of its own process: asks over and over on new connections until its input ends, then says how
#: often.
CLIENT = """
import select, socket, sys
port, asked = int(sys.argv[1]), 0
print(0, flush=True)
while not select.select([0], [], [], 0)[0]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for number in range(7):
            connection.sendall(b"%d" % number)
            assert connection.recv(100) == b"%d" % number
            asked += 1
print(asked, flush=True)
"""


@contextlib.contextmanager
def load(port: int) -> Iterator[Callable[[], int]]:
    """Ask without a pause meanwhile; call what is given to end it: it returns how often it was answered."""
    with started(CLIENT, str(port)) as (client, _):

        def end() -> int:
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdin.close()
            client.stdin = None
            answered = int(client.stdout.readline())
            assert client.wait(LIMIT_S) == 0
            return answered

        yield end


def status(pid: int, name: str, tid: int | None = None) -> str:
    """A line of a thread's status; empty where it has ended: of a zombie, nobody has a tracer any more."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/task/{tid or pid}/status").read_text()
        words = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        if words["State"][0] not in "ZX":
            return words[name].split()[0]
    return ""


def tasks(pid: int) -> list[tuple[int, int]]:
    """All threads of a process and its descendants."""
    found: list[tuple[int, int]] = []
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/task"):
            found.append((pid, int(name)))
            for child in Path(f"/proc/{pid}/task/{name}/children").read_text().split():
                found += tasks(int(child))
    return found


def untraced(pids: Sequence[int]) -> bool:
    """Whether every task of these trees has no tracer, and none is left in a tracer's stop."""
    return all(
        status(pid, "TracerPid", tid) in ("", "0") and status(pid, "State", tid) != "t"
        for root in pids
        for pid, tid in tasks(root)
    )


def eventually(what: Callable[[], bool], words: str = "it never came true") -> None:
    """Wait until ``what`` is true."""
    deadline = time.monotonic() + LIMIT_S
    while not what():
        assert time.monotonic() < deadline, words
        time.sleep(0.005)
