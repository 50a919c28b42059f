"""The ptrace probe on servers that run already: they serve before, meanwhile and afterwards."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from probes.contract import Options, ProbeError
from probes.events import EVENT, Kind, batch
from probes.ptrace.backlog import Backlog
from probes.ptrace.refusals import _reason
from probes.ptrace_probe import PtraceProbe
from tests.live import require
from tests.probes.attaching import (
    LIMIT_S,
    LOOP,
    SERVERS,
    Attached,
    ask,
    connected,
    eventually,
    load,
    started,
    status,
    tasks,
    under_way,
    untraced,
)

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(autouse=True)
def ptrace() -> None:
    require("ptrace")


@pytest.mark.parametrize("kind", SERVERS)
def test_it_serves_while_we_come_and_go(kind: str) -> None:
    """Eleven times, under load; what is asked between attaching and detaching is recorded, all of it."""
    with started(SERVERS[kind]) as (process, port), load(port) as end:
        for count in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31):
            with Attached(process.pid) as attached, connected(port) as connection:
                ask(connection, count)
            outcome = attached.detach()
            assert outcome is not None
            assert (outcome.status, outcome.lost) == (None, 0)
            assert outcome.produced == sum(len(each.rows) for each in attached.batches)
            assert attached.calls("recvfrom") >= count
            assert untraced([process.pid])
        assert process.poll() is None
        assert end() > 77


@pytest.mark.parametrize("kind", SERVERS)
def test_what_is_recorded_is_what_was_asked(kind: str) -> None:
    with started(SERVERS[kind]) as (process, port), connected(port) as old:
        ask(old, 5)
        with Attached(process.pid) as attached:
            ask(old, 23)
            with connected(port) as new:
                ask(new, 31)
        ask(old, 7)
        # The call in which the old connection's thread or process was found is not recorded.
        found = 0 if kind == "loop" else 1
        assert attached.calls("recvfrom") == 23 + 31 - found
        assert attached.calls("sendto") == 23 + 31
        assert attached.calls("accept4") == 1 - found


@pytest.mark.parametrize("kind", ["threads", "forks"])
def test_what_the_accept_returns_that_was_under_way_is_told(kind: str) -> None:
    with started(SERVERS[kind]) as (process, port):
        eventually(lambda: under_way(process.pid) == "accept4")
        with Attached(process.pid) as attached:
            assert not attached.described()
            with connected(port) as first, connected(port) as second:
                ask(first, 5)
                ask(second, 5)
                ours = first.getsockname()[1]
        assert attached.described() == {
            (process.pid, 4): (os.O_RDWR | os.O_CLOEXEC, f"tcp 127.0.0.1:{port} ← 127.0.0.1:{ours}")
        }
        assert attached.calls("accept4") == 1


def test_what_an_open_returns_that_was_under_way_is_told(tmp_path: Path) -> None:
    program = """
import os, sys
print(1, flush=True)
with open(sys.argv[1], "rb", buffering=0) as pipe:
    pipe.read(9)
    print(2, flush=True)
    sys.stdin.readline()
"""
    os.mkfifo(tmp_path / "pipe")
    with started(program, str(tmp_path / "pipe")) as (process, _):
        eventually(lambda: under_way(process.pid) == "openat")
        with Attached(process.pid) as attached:
            (tmp_path / "pipe").write_text("2")
            assert process.stdout is not None
            assert process.stdout.readline() == "2\n"
        ((flags, link),) = attached.described().values()
        large = 0o100000  # O_LARGEFILE, the kernel's own addition on 64-bit
        assert (flags & ~large, link) == (os.O_CLOEXEC, str(tmp_path / "pipe"))
        assert attached.calls("openat") == 0
        assert attached.calls("read") == 1


def test_what_an_accept_under_way_does_not_return_is_not_told() -> None:
    """A limit of its own ends it: there is no connection, and the next one is a call that is seen."""
    program = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, (1).to_bytes(8, "little") + bytes(8))
print(server.getsockname()[1], flush=True)
while True:
    try:
        print(server.accept()[0].fileno(), flush=True)
    except BlockingIOError:
        print(0, flush=True)
"""
    with started(program) as (process, port):
        eventually(lambda: under_way(process.pid) == "accept4")
        with Attached(process.pid) as attached:
            assert process.stdout is not None
            assert process.stdout.readline() == "0\n"
            assert process.stdout.readline() == "0\n"
            with connected(port):
                while process.stdout.readline() == "0\n":
                    pass
        assert not attached.described()
        assert attached.calls("accept4") == 1


@pytest.mark.parametrize("kind", SERVERS)
def test_a_killed_tracer_harms_nobody(kind: str) -> None:
    """A hundred times, at any moment of attaching, recording and detaching, under load."""
    moments = random.Random(23)
    with started(SERVERS[kind]) as (process, port), load(port) as end:
        for _ in range(100):
            tracer = os.fork()
            if tracer == 0:
                probe = PtraceProbe()
                probe.attach([process.pid], Options())
                threading.Timer(0.05, probe.stop).start()
                probe.run(lambda rows: None)
                os._exit(0)
            time.sleep(moments.uniform(0.0, 0.15))
            os.kill(tracer, signal.SIGKILL)
            os.waitpid(tracer, 0)
            eventually(lambda: untraced([process.pid]))
        with connected(port) as connection:
            ask(connection, 23)
        assert process.poll() is None
        assert end() > 700


def test_a_sink_that_fails_ends_the_tracing_only() -> None:
    def full(_: object) -> None:
        raise OSError("no space left on device")

    with started(LOOP) as (process, port):
        attached = Attached(process.pid, sink=full)
        with connected(port) as connection:
            ask(connection, 23)
            attached.ended()
            assert isinstance(attached.failure, OSError)
            assert untraced([process.pid])
            ask(connection, 23)


def test_a_slow_disk_makes_nobody_wait() -> None:
    """The sink takes nothing; the server answers all the same, and the rows come when it does."""
    go = threading.Event()
    taken: list[int] = []

    def slow(rows: object) -> None:
        assert isinstance(rows, tuple)
        go.wait(LIMIT_S)
        taken.append(len(rows[0]))

    with started(LOOP) as (process, port), Attached(process.pid, sink=slow) as attached:
        with connected(port) as connection:
            for _ in range(3):
                ask(connection, 101)
                time.sleep(0.3)
        go.set()
        outcome = attached.detach()
    assert outcome is not None
    assert outcome.produced == sum(taken) > 3 * 303


def test_rows_that_nobody_takes_are_counted() -> None:
    backlog = Backlog(limit=100)
    for count in (60, 30, 20, 20):
        backlog.add(batch(np.zeros(count, EVENT)))
    backlog.close()
    taken = []
    backlog.drain(lambda rows: taken.append(rows.rows))
    assert [len(rows) for rows in taken] == [60, 30, 1]
    gap = taken[-1][0]
    assert (gap["kind"], gap["a"]) == (Kind.GAP, 40)
    assert 0 < gap["enter_ns"] <= gap["exit_ns"]
    assert (backlog.produced, backlog.lost) == (130, 40)


BREEDING = """
import socket, sys, threading, os
ours, theirs = socket.socketpair()
print(1, flush=True)
def once():
    ours.send(b"x"); theirs.recv(1)
def child():
    if (pid := os.fork()) == 0:
        once(); os._exit(0)
    os.waitpid(pid, 0)
while True:
    made = [threading.Thread(target=once) for _ in range(5)]
    for each in made: each.start()
    for each in made: each.join()
    if "forks" in sys.argv: child()
"""


@pytest.mark.parametrize("words", [(), ("forks",)], ids=["threads", "threads-and-forks"])
def test_none_of_those_that_come_meanwhile_is_missed(words: tuple[str, ...]) -> None:
    """A task that escaped would make others that escape, so one look at who has no tracer is enough."""
    with started(BREEDING, *words) as (process, _):
        for _ in range(23):
            with Attached(process.pid) as attached:
                for _ in range(5):
                    alive = [(tid, status(pid, "TracerPid", tid)) for pid, tid in tasks(process.pid)]
                    assert alive
                    assert "0" not in {tracer for _, tracer in alive}
                eventually(lambda attached=attached: attached.calls("sendto") > 23)  # type: ignore[misc]
            assert untraced([process.pid])
        assert process.poll() is None


def test_two_tracers_cannot_have_one_target() -> None:
    with started(LOOP) as (process, port), connected(port) as connection:
        with Attached(process.pid):
            name = f"traced already, by {os.path.basename(sys.executable)[:15]}"
            with pytest.raises(
                ProbeError, match="and a process has one tracer: end that one first"
            ) as raised:
                PtraceProbe().attach([process.pid], Options())
            assert name[:20] in str(raised.value)
            ask(connection, 23)
        with Attached(process.pid):
            ask(connection, 23)


def test_one_that_cannot_be_had_leaves_the_others_alone() -> None:
    with started(LOOP) as (process, port), connected(port) as connection:
        gone = os.fork()
        if gone == 0:
            os._exit(0)
        os.waitpid(gone, 0)
        with pytest.raises(ProbeError, match=f"no process {gone}: it has ended"):
            PtraceProbe().attach([process.pid, gone], Options())
        assert untraced([process.pid])
        ask(connection, 23)


@pytest.mark.parametrize(
    ("scope", "user", "said"),
    [
        ("1", 1000, "kernel.yama.ptrace_scope is 1, which lets a process trace its own children only: sudo"),
        ("2", 1000, "kernel.yama.ptrace_scope is 2, which lets only root trace: sudo iotrace attach"),
        ("3", 1000, "forbids ptrace until the next boot"),
        ("0", 1000, "has made itself undumpable"),
        ("", 1000, "has made itself undumpable"),
        ("1", 0, "docker run --cap-add=SYS_PTRACE"),
        ("1", 65533, "belongs to user 1000, and you are user 65533: sudo iotrace attach"),
    ],
)
def test_a_refusal_names_its_cause_and_the_next_step(
    scope: str, user: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.ptrace.refusals.text", lambda path, name: "1000 1000 1000 1000")
    reason = _reason(4711, scope, user)
    assert said in reason
    assert "\n" not in reason


def test_it_is_as_fast_as_before_afterwards() -> None:
    """The best of several short windows each: the machine has others to serve."""

    def rate(connection: socket.socket) -> float:
        best = 0.0
        for _ in range(5):
            began = time.monotonic()
            ask(connection, 211)
            best = max(best, 211 / (time.monotonic() - began))
        return best

    with started(LOOP) as (process, port), connected(port) as connection:
        before = rate(connection)
        with Attached(process.pid):
            meanwhile = rate(connection)
        after = rate(connection)
    assert meanwhile < before
    assert after > 0.7 * before


def _attached_as_a_user(refused: int, allowed: int) -> list[str]:
    """What came of attaching to a process of another user, and to one of our own."""
    said = []
    probe = PtraceProbe()
    try:
        probe.attach([refused], Options())
    except ProbeError as error:
        said.append(str(error))
    try:
        probe.attach([allowed], Options())
    except ProbeError as error:
        return [*said, str(error)]
    said.append(str(status(allowed, "TracerPid") != "0"))
    probe.stop()
    return [*said, str(probe.run(lambda rows: None).lost)]


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which root alone can")
def test_a_user_may_attach_to_a_process_of_his_own_and_to_no_other() -> None:
    nobody = 65534
    with started(LOOP) as (ours, _):
        theirs = subprocess.Popen(["/bin/sleep", "60"], user=nobody, group=nobody, extra_groups=[])
        reading, writing = os.pipe()
        with Attached(ours.pid):  # all is imported now: the files may be where another user cannot read
            pass
        tracer = os.fork()
        if tracer == 0:
            try:
                os.setgroups([])
                os.setresgid(nobody, nobody, nobody)
                os.setresuid(nobody, nobody, nobody)
                # PR_SET_DUMPABLE: setresuid has taken it away, which an exec would have mended.
                ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
                os.write(writing, "\n".join(_attached_as_a_user(ours.pid, theirs.pid)).encode())
            except BaseException as error:
                os.write(writing, repr(error).encode())
            finally:
                os._exit(0)
        os.close(writing)
        os.waitpid(tracer, 0)
        with os.fdopen(reading) as file:
            refused, *came = file.read().splitlines()
        sound = theirs.poll() is None
        theirs.kill()
        theirs.wait()
    assert refused == (
        f"process {ours.pid} belongs to user 0, and you are user {nobody}: sudo iotrace attach {ours.pid}"
    )
    if "ptrace_scope is" in came[0]:
        pytest.skip(came[0])
    assert came == ["True", "0"]
    assert sound
