"""How long a call slept: the scheduler's accounts under the ptrace probe."""

from __future__ import annotations

import statistics

import pytest

from probes.contract import Options
from probes.events import Flag, Kind
from tests.live import require
from tests.probes.traced import python, trace

MS = 1_000_000

pytestmark = pytest.mark.usefixtures("ptrace_probe")


@pytest.fixture(scope="module")
def ptrace_probe() -> None:
    require("ptrace")


SLOW_SENDER = """
    import os, socket, time
    a, b = socket.socketpair()
    if os.fork() == 0:
        for _ in range(3):
            time.sleep(0.3)
            a.send(b"x" * 64)
        os._exit(0)
    for _ in range(3):
        b.recv(64)
    os.wait()
"""


@pytest.mark.parametrize("pin", [False, True])
def test_a_blocking_receive_sleeps_as_long_as_the_sender_thinks(pin: bool) -> None:
    recording = trace(python(SLOW_SENDER), Options(pin=pin))
    receives = recording.calls("recvfrom")
    sends = recording.calls("sendto")
    assert len(receives) == len(sends) == 3
    for row, send in zip(receives, sends, strict=True):
        assert row.flags & Flag.ACCOUNTED
        assert row.flags & Flag.EMPTY_AT_ENTRY
        assert row.exit_ns - row.enter_ns >= row.asleep_ns
        assert row.asleep_ns > 295 * MS
        # It slept until the sender sent, and all of that time.
        assert abs(row.asleep_ns - (send.enter_ns - row.enter_ns)) < MS
    waits = recording.calls("clock_nanosleep")
    assert len(waits) == 3
    assert all(abs(row.asleep_ns - 300 * MS) < 3 * MS for row in waits)


@pytest.mark.parametrize("pin", [False, True])
def test_a_receive_of_data_that_are_there_does_not_sleep(pin: bool) -> None:
    recording = trace(
        python("""
            import socket
            a, b = socket.socketpair()
            for _ in range(101):
                a.send(b"x" * 64)
                b.recv(64)
        """),
        Options(pin=pin),
    )
    receives = recording.calls("recvfrom")
    assert len(receives) == 101
    assert all(row.flags & Flag.READY_AT_ENTRY for row in receives)
    assert statistics.median(row.asleep_ns for row in receives) == 0
    assert max(row.asleep_ns for row in receives) <= MS // 5


def test_a_long_copy_is_not_a_sleep() -> None:
    recording = trace(
        python("""
            import os
            source = open("/dev/zero", "rb", buffering=0)
            for _ in range(23):
                source.readinto(bytearray(64 << 20))
        """)
    )
    reads = [row for row in recording.calls("read") if row.ret == 64 << 20]
    assert len(reads) == 23
    assert statistics.median(row.exit_ns - row.enter_ns for row in reads) > MS
    assert max(row.asleep_ns for row in reads) <= MS // 5


def test_a_try_of_an_empty_socket_neither_sleeps_nor_queues() -> None:
    recording = trace(
        python("""
            import socket
            a, b = socket.socketpair()
            b.setblocking(False)
            for _ in range(101):
                try:
                    b.recv(64)
                except BlockingIOError:
                    pass
        """)
    )
    tries = recording.calls("recvfrom")
    assert len(tries) == 101
    assert {row.ret for row in tries} == {-11}
    assert all(row.flags & Flag.EMPTY_AT_ENTRY for row in tries)
    assert max(row.asleep_ns for row in tries) <= MS // 5


def test_readiness_is_asked_only_where_it_is_a_question() -> None:
    recording = trace(
        python("""
            import os, signal, socket
            server = socket.create_server(("127.0.0.1", 0))
            client = socket.create_connection(server.getsockname())
            connection, _ = server.accept()
            server.setblocking(False)
            try:
                server.accept()
            except BlockingIOError:
                pass
            client.close()
            connection.recv(10)
            file = os.open("/etc/passwd", os.O_RDONLY)
            os.read(file, 5)
            os.close(file)
            read, write = os.pipe()
            os.dup2(read, file)
            os.write(write, b"x")
            os.read(file, 5)
        """)
    )
    there, not_there = recording.calls("accept4", "accept")
    assert there.flags & Flag.READY_AT_ENTRY
    assert not_there.flags & Flag.EMPTY_AT_ENTRY
    (end_of_file,) = recording.calls("recvfrom")
    assert end_of_file.ret == 0
    assert end_of_file.flags & Flag.READY_AT_ENTRY
    from_file, from_pipe = [row for row in recording.calls("read") if row.a == 5]
    assert from_file.fd == from_pipe.fd
    assert not from_file.flags & (Flag.READY_AT_ENTRY | Flag.EMPTY_AT_ENTRY)
    assert from_pipe.flags & Flag.READY_AT_ENTRY


def test_a_close_reaches_the_peer_while_it_is_asked() -> None:
    """A duplicate that lived on in the tracer would hold back the end of the connection."""
    recording = trace(
        python("""
            import socket, threading
            server = socket.create_server(("127.0.0.1", 0))
            client = socket.create_connection(server.getsockname())
            connection, _ = server.accept()
            client.send(b"x")
            connection.recv(1)
            connection.close()
            assert client.recv(1) == b""
        """)
    )
    assert recording.outcome.status == 0
    assert recording.calls("recvfrom")[-1].asleep_ns <= MS


def test_what_is_withheld_is_absent_and_said() -> None:
    recording = trace(python("input()"), Options(withhold=frozenset({"accounts", "entry"})))
    assert recording.header["evidence"] == ["calls", "tasks"]
    missing = recording.header["missing"]
    assert isinstance(missing, dict)
    assert {"accounts", "entry", "ready", "copy"} <= set(missing)
    assert all(isinstance(reason, str) and len(reason) > 10 for reason in missing.values())
    seen = Flag.ACCOUNTED | Flag.READY_AT_ENTRY | Flag.EMPTY_AT_ENTRY
    assert not any(row.flags & seen for row in recording.of(Kind.CALL))
    assert not any(row.asleep_ns or row.queued_ns for row in recording.rows)


def test_the_cost_of_a_stop_is_known() -> None:
    header = trace(python("pass")).header
    assert header["probe"] == "ptrace"
    cost = header["stop_cost_ns"]
    assert isinstance(cost, int)
    assert 500 < cost < MS
