"""The ptrace probe on programs that run already: signals, stops, execs and ends are as without it."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from probes.contract import Options
from probes.events import Kind
from probes.ptrace_probe import PtraceProbe
from tests.live import require
from tests.probes.attaching import (
    LIMIT_S,
    LOOP,
    Attached,
    ask,
    connected,
    eventually,
    started,
    status,
    untraced,
)

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(autouse=True)
def ptrace() -> None:
    require("ptrace")


def test_signals_are_delivered_all() -> None:
    """Real-time signals are queued and counted: none is lost to a stop, and none comes twice."""
    program = """
import os, signal, time
came = 0
def count(number, frame):
    global came
    came += 1
signal.signal(signal.SIGRTMIN, count)
print(1, flush=True)
while came < 499:
    time.sleep(0.001)
time.sleep(0.1)
print(came, flush=True)
"""
    with started(program) as (process, _):
        # Sent faster than Python's handler looks, several are one to it: each waits for its turn.
        sender = threading.Thread(target=_send_all, args=(process.pid, 499))
        sender.start()
        while sender.is_alive():
            with Attached(process.pid):
                time.sleep(0.02)
        sender.join()
        assert process.stdout is not None
        assert process.stdout.readline() == "499\n"


def _send_all(pid: int, count: int) -> None:
    mask = 1 << signal.SIGRTMIN - 1
    for _ in range(count):
        os.kill(pid, signal.SIGRTMIN)
        eventually(lambda: not int(status(pid, "ShdPnd") or "0", 16) & mask)
        time.sleep(0.003)


def test_one_that_is_stopped_stays_so_and_one_that_goes_on_is_recorded() -> None:
    with started(LOOP) as (process, port), connected(port) as connection:
        ask(connection, 5)
        os.kill(process.pid, signal.SIGSTOP)
        eventually(lambda: status(process.pid, "State") == "T")
        with Attached(process.pid):
            time.sleep(0.05)
            assert status(process.pid, "State") in "tT"
        eventually(lambda: status(process.pid, "State") == "T")
        with Attached(process.pid) as attached:
            os.kill(process.pid, signal.SIGCONT)
            ask(connection, 23)
            os.kill(process.pid, signal.SIGSTOP)
            connection.sendall(b"1")
            time.sleep(0.05)
            os.kill(process.pid, signal.SIGCONT)
            assert connection.recv(100) == b"1"
            os.kill(process.pid, signal.SIGSTOP)
            eventually(lambda: status(process.pid, "State") in "tT")
        assert attached.calls("recvfrom") == 24
        eventually(lambda: status(process.pid, "State") == "T")
        assert untraced([process.pid])
        connection.sendall(b"2")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        os.kill(process.pid, signal.SIGCONT)
        connection.settimeout(LIMIT_S)
        assert connection.recv(100) == b"2"


def test_one_that_is_stopped_stays_so_when_the_tracer_is_killed() -> None:
    with started(LOOP) as (process, port), connected(port) as connection:
        ask(connection, 5)
        ready, done = os.pipe()
        tracer = os.fork()
        if tracer == 0:
            probe = PtraceProbe()
            probe.attach([process.pid], Options())
            os.write(done, b"x")
            probe.run(lambda rows: None)
        os.read(ready, 1)
        os.kill(process.pid, signal.SIGSTOP)
        eventually(lambda: status(process.pid, "State") in "tT")
        os.kill(tracer, signal.SIGKILL)
        os.waitpid(tracer, 0)
        os.close(ready)
        os.close(done)
        eventually(lambda: status(process.pid, "State") == "T")
        os.kill(process.pid, signal.SIGCONT)
        ask(connection, 23)


def test_a_signal_that_is_ignored_ends_no_call() -> None:
    """Without a tracer it wakes nobody; epoll_wait would return EINTR if it did, and Python hides that."""
    program = """
import ctypes, os, select
epoll = select.epoll()
libc = ctypes.CDLL(None, use_errno=True)
print(1, flush=True)
returned = libc.epoll_wait(epoll.fileno(), ctypes.create_string_buffer(64), 4, 1000)
print(returned, ctypes.get_errno(), flush=True)
"""
    with started(program) as (process, _), Attached(process.pid):
        time.sleep(0.1)
        for number in (signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG):
            os.kill(process.pid, number)
            time.sleep(0.05)
        assert process.stdout is not None
        assert process.stdout.readline() == "0 0\n"


def test_an_exec_is_recorded_and_its_program_too() -> None:
    """Also by a thread that is not the first one."""
    program = """
import os, sys, threading
print(1, flush=True)
sys.stdin.readline()
then = "import socket; a, b = socket.socketpair(); a.send(b'x'); print(2, flush=True); b.recv(2); b.recv(1)"
def become():
    os.execv(sys.executable, [sys.executable, "-ISc", then])
threading.Thread(target=become).start()
threading.Event().wait()
"""
    with started(program) as (process, _), Attached(process.pid) as attached:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "2\n"
        attached.detach()
        kinds = np.concatenate([rows["kind"] for rows, *_ in attached.batches])
        assert int((kinds == Kind.TASK_EXEC).sum()) == 1
        assert attached.calls("sendto") == 1
        assert untraced([process.pid])
        assert process.poll() is None


def test_its_end_is_its_parents_to_know() -> None:
    program = """
import os, sys, time
child = os.fork()
if child == 0:
    time.sleep(0.5)
    os._exit(23)
print(child, flush=True)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
    with started(program) as (process, child):
        outcome = Attached(child).ended()
        assert process.stdout is not None
        assert process.stdout.readline() == "23\n"
    assert outcome is not None
    assert outcome.status is None
    assert outcome.notes["ended"] is True


def test_a_parent_that_waits_for_its_vforked_child_is_let_go(tmp_path: Path) -> None:
    """It sleeps where nothing can stop it: neither attaching nor detaching waits for that for ever."""
    program = """
import os, sys
print(1, flush=True)
wait = [(os.POSIX_SPAWN_OPEN, 9, sys.argv[1], os.O_RDONLY, 0)]
os.posix_spawn("/bin/true", ["true"], {}, file_actions=wait)  # a vfork; its child opens a pipe
print(2, flush=True)
sys.stdin.readline()
"""
    os.mkfifo(tmp_path / "pipe")
    with started(program, str(tmp_path / "pipe")) as (process, _):
        eventually(lambda: status(process.pid, "State") == "D")
        with Attached(process.pid):
            assert status(process.pid, "State") == "D"
        assert untraced([process.pid])
        (tmp_path / "pipe").write_text("")
        assert process.stdout is not None
        assert process.stdout.readline() == "2\n"
        eventually(lambda: status(process.pid, "State") == "S")
