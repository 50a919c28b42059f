"""Known workloads under the eBPF probe: what was called comes back, with its times in order."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from probes.events import Flag, Kind
from tests.probes.bpf_run import Recorded, run, script

THINK_S = 0.02
BLOCKING = f"""
import os, socket, time
ours, theirs = socket.socketpair()
child = os.fork()
if child == 0:
    ours.close()
    for _ in range(23):
        time.sleep({THINK_S})
        theirs.send(b"x" * 4099)
    os._exit(0)
theirs.close()
for _ in range(23):
    ours.recv(8192)
os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def blocking(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return run(script(tmp_path_factory.mktemp("bpf"), BLOCKING))


def test_every_receive_comes_back_with_its_bytes(blocking: Recorded) -> None:
    receives = blocking.calls("recvfrom")
    assert len(receives) == 23
    assert receives["ret"].tolist() == [4099] * 23
    assert set(receives["a"].tolist()) == {8192}
    assert receives["copied"].tolist() == [4099] * 23
    assert len(blocking.calls("sendto")) == 23
    assert set(blocking.calls("sendto")["a"].tolist()) == {4099}


def test_times_of_a_blocking_receive_are_in_order(blocking: Recorded) -> None:
    order = ("enter_ns", "sleep_ns", "ready_ns", "waking_ns", "running_ns", "copy_ns", "done_ns", "exit_ns")
    receives = blocking.calls("recvfrom")
    for name in order:
        assert (receives[name] > 0).all(), name
    for before, after in pairwise(order):
        assert (receives[before] <= receives[after]).all(), f"{before} after {after}"


def test_the_wait_is_the_senders_think_time(blocking: Recorded) -> None:
    receives = blocking.calls("recvfrom")
    waits = (receives["ready_ns"] - receives["enter_ns"]).astype(float) / 1e9
    assert np.median(waits) == pytest.approx(THINK_S, abs=0.002)
    assert (receives["asleep_ns"] >= (receives["waking_ns"] - receives["sleep_ns"]) * 0.99).all()


def test_the_waker_is_the_sender(blocking: Recorded) -> None:
    sender = int(blocking.calls("sendto")["tid"][0])
    assert set(blocking.calls("recvfrom")["waker"].tolist()) == {sender}
    assert sender != blocking.pid


def test_one_socket_is_one_address(blocking: Recorded) -> None:
    receives = blocking.calls("recvfrom")
    assert len(set(receives["sk"].tolist())) == 1
    assert (receives["sk"] > 0).all()


def test_tasks_come_and_go(blocking: Recorded) -> None:
    (new,) = blocking.of(Kind.TASK_NEW)
    assert new["a"] == new["waker"] == blocking.pid
    assert new["tid"] == new["tgid"] != blocking.pid
    ends = blocking.of(Kind.TASK_EXIT)
    assert sorted(ends["tid"].tolist()) == sorted([blocking.pid, int(new["tid"])])
    assert ends["ret"].tolist() == [0, 0]
    assert ends["a"].tolist() == [1, 1]


def test_nobody_else_is_recorded_and_nothing_before_the_exec(blocking: Recorded) -> None:
    child = int(blocking.of(Kind.TASK_NEW)["tid"][0])
    assert set(blocking.rows["tid"].tolist()) <= {blocking.pid, child}
    first = blocking.rows[np.argmin(blocking.rows["enter_ns"])]
    assert first["kind"] == Kind.TASK_EXEC
    assert os.path.basename(blocking.blob[0].decode()).startswith("python")


def test_accounts_balance(blocking: Recorded) -> None:
    assert blocking.outcome.status == 0
    assert blocking.outcome.lost == 0
    assert blocking.outcome.produced == len(blocking.rows)
    assert blocking.outcome.notes["unaccounted"] == 0


def test_tcp_connection_life(tmp_path: Path) -> None:
    recorded = run(
        script(
            tmp_path,
            """
import socket, threading
server = socket.socket()
server.bind(("127.0.0.1", 0)); server.listen()
def client():
    for _ in range(7):
        with socket.create_connection(server.getsockname()) as c:
            c.sendall(b"x" * 131); c.recv(1)
thread = threading.Thread(target=client); thread.start()
for _ in range(7):
    connection, peer = server.accept()
    assert len(connection.recv(4096)) == 131
    connection.close()
thread.join()
""",
        )
    )
    (listen,) = recorded.calls("listen")
    opened = recorded.of(Kind.CONNECTION)
    (listening,) = opened[opened["a"] == 10]
    assert listening["fd"] == listen["fd"]
    assert listening["sk"] == listen["sk"] > 0
    assert len(opened[opened["a"] == 1]) == 14  # both ends are ours
    assert len(recorded.of(Kind.READY)) == 7
    assert set(recorded.of(Kind.READY)["sk"].tolist()) == {int(listening["sk"])}
    accepts = recorded.indices("accept4")
    assert len(accepts) == 7
    for index in accepts:
        family, _, address = struct.unpack_from("=HH4s", recorded.blob[index])
        assert family == socket.AF_INET
        assert address == bytes([127, 0, 0, 1])
    assert set(recorded.calls("connect")["sk"].tolist()).isdisjoint({0})


def test_arguments_are_decoded(tmp_path: Path) -> None:
    recorded = run(
        script(
            tmp_path,
            """
import fcntl, os, socket, struct, time
first, second = socket.socketpair()
os.writev(first.fileno(), [b"abc"] * 1001)
os.readv(second.fileno(), [bytearray(5), bytearray(6)])
second.sendmsg([b"x" * 13, b"y" * 17])
fcntl.ioctl(second.fileno(), 0x5421, struct.pack("i", 1))
left, right = os.pipe()
print(left, right, first.fileno(), second.fileno(), flush=True)
time.sleep(0.003)
try: os.open("/nowhere/" + "z" * 200, os.O_RDONLY)
except FileNotFoundError: pass
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
for _ in range(2):
    udp.sendto(b"hello", udp.getsockname())
    udp.recvfrom(100)
""",
        )
    )
    assert 3003 in recorded.calls("writev")["a"].tolist()
    assert recorded.calls("readv")["a"].tolist() == [11]
    assert recorded.calls("sendmsg")["a"].tolist() == [30]
    assert (0x5421, 1) in zip(
        recorded.calls("ioctl")["a"].tolist(), recorded.calls("ioctl")["b"].tolist(), strict=True
    )
    pair, pipe = recorded.calls("socketpair")[0], recorded.calls("pipe2")[0]
    assert int(pair["c"]) >> 32 == (int(pair["c"]) & 0xFFFFFFFF) + 1
    assert int(pipe["c"]) >> 32 == (int(pipe["c"]) & 0xFFFFFFFF) + 1
    (sleep,) = recorded.calls("clock_nanosleep")
    assert sleep["sleeps"] == 1
    long = [blob for blob in recorded.blob if blob.startswith(b"/nowhere/")]
    assert long == [b"/nowhere/" + b"z" * 86]
    first, second = recorded.indices("recvfrom")
    assert recorded.blob[first][:8] == recorded.blob[recorded.indices("sendto")[0]][:8]
    # The probe learns a datagram socket from its first receive: what came before that was unseen.
    assert recorded.rows[first]["ready_ns"] == 0
    assert recorded.rows[second]["ready_ns"] > recorded.rows[first]["exit_ns"]
    assert recorded.rows[second]["copies"] == 0  # small datagrams are copied without a copy event


def test_calls_of_another_architecture_are_marked(tmp_path: Path) -> None:
    """i386's 3 is read, x86-64's is close: nothing is closed here, and nothing says so."""
    compiler = shutil.which("gcc")
    if compiler is None or os.uname().machine != "x86_64":
        pytest.skip("needs gcc on x86-64, for the 32-bit call gate")
    (tmp_path / "foreign.c").write_text("""
        int main(void) {
            for (int i = 0; i < 23; i++) {
                int ret, read = 3, nothing = -1;
                __asm__ volatile("int $0x80" : "=a"(ret) : "a"(read), "b"(nothing)
                                 : "memory", "r8", "r9", "r10", "r11");
                if (ret != -9) return ret == -38 ? 77 : 1;
            }
            return 0;
        }
    """)
    program = tmp_path / "foreign"
    subprocess.run([compiler, "-O1", "-o", str(program), str(tmp_path / "foreign.c")], check=True)
    if subprocess.run([program]).returncode != 0:
        pytest.skip("this kernel has no 32-bit calls")
    recorded = run([str(program)])
    calls = recorded.of(Kind.CALL)
    foreign = calls[calls["flags"] & Flag.FOREIGN != 0]
    assert set(
        zip(foreign["code"].tolist(), foreign["ret"].tolist(), foreign["a"].tolist(), strict=True)
    ) == {(0xFFFF, -errno.EBADF, 3)}
    assert len(foreign) == 23
    assert not (recorded.calls("close")["ret"] < 0).any()
