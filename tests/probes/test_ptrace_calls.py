"""Known workloads under the ptrace probe: the counts, bytes and decoded arguments come back."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import struct
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from probes.events import Flag, Kind
from probes.table import CALLS
from tests.live import require
from tests.probes.traced import python, trace

pytestmark = pytest.mark.usefixtures("ptrace_probe")


@pytest.fixture(scope="module")
def ptrace_probe() -> None:
    require("ptrace")


def test_prime_counts_come_back() -> None:
    recording = trace(
        python("""
            import os, socket
            a, b = socket.socketpair()
            for _ in range(23):
                a.send(b"x" * 64)
                b.recv(64)
            for _ in range(29):
                os.getppid()
            read, write = os.pipe()
            for _ in range(31):
                os.write(write, b"y" * 13)
                os.read(read, 13)
        """)
    )
    assert recording.outcome.status == 0
    sends = [row for row in recording.calls("sendto") if row.a == 64]
    receives = [row for row in recording.calls("recvfrom") if row.a == 64]
    assert (len(sends), sum(row.ret for row in sends)) == (23, 23 * 64)
    assert (len(receives), sum(row.ret for row in receives)) == (23, 23 * 64)
    assert len({row.fd for row in sends} | {row.fd for row in receives}) == 2
    assert len([row for row in recording.calls("write") if row.a == 13 and row.ret == 13]) == 31
    assert len([row for row in recording.calls("read") if row.a == 13 and row.ret == 13]) == 31
    assert recording.outcome.lost == 0


def test_another_child_of_this_process_is_not_waited_for() -> None:
    with subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL) as other:
        try:
            recording = trace(python("import os; [os.pread(0, 37, 0) for _ in range(23)]"))
            assert other.poll() is None
        finally:
            other.kill()
    assert recording.outcome.status == 0
    assert len([row for row in recording.calls("pread64") if row.a == 37]) == 23


def test_every_call_is_seen_once_and_in_order() -> None:
    recording = trace(python("import os; [os.close(os.dup(1)) for _ in range(23)]"))
    times = [
        moment for row in recording.rows if row.kind is Kind.CALL for moment in (row.enter_ns, row.exit_ns)
    ]
    assert times == sorted(times)
    duplicates = [row for row in recording.calls("fcntl", fd=1) if row.a == 1030]  # F_DUPFD_CLOEXEC
    assert len(duplicates) == 23
    assert len([row for row in recording.calls("close") if row.fd == duplicates[0].ret]) >= 23


def test_counts_agree_with_strace(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    argv = python("""
        import os, socket, select
        a, b = socket.socketpair()
        for _ in range(23):
            a.send(b"x" * 64)
            select.select([b], [], [])
            b.recv(64)
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        os.system("true")
    """)
    output = tmp_path / "strace"
    names = ",".join(f"?{call.name}" for call in CALLS)
    subprocess.run([strace, "-f", "-o", str(output), "-e", f"trace={names}", *argv], check=True)
    theirs = Counter(
        re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed).* = ", output.read_text(), re.MULTILINE)
    )
    ours = trace(argv).counts()
    theirs["execve"] -= 1  # a recording begins after the first
    # Whether a lock is contended is chance.
    for counts in (ours, theirs):
        del counts["futex"]
    assert ours == theirs


def test_addresses_are_decoded() -> None:
    recording = trace(
        python("""
            import socket
            server = socket.create_server(("127.0.0.1", 0))
            client = socket.create_connection(server.getsockname())
            connection, _ = server.accept()
            first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            first.bind(("127.0.0.1", 0))
            second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            second.sendto(b"hello", first.getsockname())
            first.recvfrom(100)
        """)
    )
    loopback = socket.inet_aton("127.0.0.1")
    (connect,) = recording.calls("connect")
    accepts = recording.calls("accept4", "accept")
    (send,) = recording.calls("sendto")
    (receive,) = recording.calls("recvfrom")
    binds = recording.calls("bind")
    for row in (connect, *accepts, send, receive, *binds):
        family, _, address = struct.unpack_from("<HH4s", row.blob)
        assert (family, address) == (socket.AF_INET, loopback)
        assert len(row.blob) == 16
    assert len(binds) == 2
    assert connect.blob[2:4] != accepts[0].blob[2:4]
    assert (send.ret, receive.ret, receive.a) == (5, 5, 100)


def test_lengths_words_pairs_and_messages_are_decoded() -> None:
    recording = trace(
        python("""
            import fcntl, os, socket, struct, ctypes
            read, write = os.pipe()
            os.writev(write, [b"a" * 11, b"b" * 12])
            os.readv(read, [bytearray(20), bytearray(30)])
            a, b = socket.socketpair()
            a.sendmsg([b"c" * 17, b"d" * 19])
            b.recvmsg(101)
            fcntl.ioctl(read, 0x5421, struct.pack("i", 1))
            fcntl.ioctl(read, 0x5421, struct.pack("i", 0))
            fcntl.fcntl(read, fcntl.F_SETFL, os.O_NONBLOCK)
            print(read, write, a.fileno(), b.fileno(), file=open("/dev/null", "w"))
        """)
    )
    (pipe,) = recording.calls("pipe2", "pipe")
    (pair,) = recording.calls("socketpair")
    read, write = pipe.c & 0xFFFFFFFF, pipe.c >> 32
    assert write == read + 1
    assert pair.c >> 32 == (pair.c & 0xFFFFFFFF) + 1
    (gathered,) = recording.calls("writev", fd=write)
    (scattered,) = recording.calls("readv", fd=read)
    assert (gathered.a, gathered.b, gathered.ret) == (23, 2, 23)
    assert (scattered.a, scattered.b, scattered.ret) == (50, 2, 23)
    (sent,) = recording.calls("sendmsg")
    (received,) = recording.calls("recvmsg")
    assert (sent.a, sent.ret) == (36, 36)
    assert (received.a, received.ret) == (101, 36)
    assert [row.b for row in recording.calls("ioctl", fd=read) if row.a == 0x5421] == [1, 0]
    (flagged,) = [row for row in recording.calls("fcntl", fd=read) if row.a == 4]
    assert flagged.b & os.O_NONBLOCK


def test_many_messages_in_one_call_are_summed() -> None:
    recording = trace(
        python("""
            import ctypes, socket
            class Vector(ctypes.Structure):
                _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
            class Message(ctypes.Structure):
                _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.c_void_p),
                            ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p),
                            ("controllen", ctypes.c_size_t), ("flags", ctypes.c_size_t),
                            ("done", ctypes.c_size_t)]
            libc = ctypes.CDLL(None)
            a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            buffers = [ctypes.create_string_buffer(size) for size in (11, 13, 17)]
            vectors = [Vector(ctypes.addressof(buffer), len(buffer)) for buffer in buffers]
            messages = (Message * 3)(*[Message(iov=ctypes.addressof(v), iovlen=1) for v in vectors])
            assert libc.sendmmsg(a.fileno(), messages, 3, 0) == 3
            assert libc.recvmmsg(b.fileno(), messages, 3, 0, None) == 3
        """)
    )
    assert recording.outcome.status == 0
    (sent,) = recording.calls("sendmmsg")
    (received,) = recording.calls("recvmmsg")
    assert (sent.a, sent.ret, sent.c) == (3, 3, 41)
    assert (received.a, received.ret, received.c) == (3, 3, 41)


def test_paths_and_long_paths() -> None:
    long = "/" + "n" * 200
    recording = trace(
        python(
            """
            import os, sys
            for path in ("/dev/null", sys.argv[1]):
                try:
                    os.open(path, os.O_RDONLY)
                except FileNotFoundError:
                    pass
        """,
            long,
        )
    )
    short, cut = recording.calls("openat", "open")[-2:]
    assert (short.blob, short.flags & Flag.BLOB_CUT) == (b"/dev/null", 0)
    assert (cut.blob, cut.ret) == (long[:95].encode(), -errno.ENOENT)
    assert cut.flags & Flag.BLOB_CUT


def test_timeouts_are_nanoseconds() -> None:
    recording = trace(
        python("""
            import select, signal, time
            poll = select.poll()
            poll.poll(7)
            epoll = select.epoll()
            epoll.poll(0.011, 5)
            select.select([], [], [], 0.013)
            signal.sigtimedwait([signal.SIGUSR1], 0.017)
            time.sleep(0.019)
        """)
    )
    assert [row.c for row in recording.calls("poll", "ppoll")] == [7_000_000]
    (wait,) = recording.calls("epoll_wait", "epoll_pwait")
    assert (wait.c, wait.a, wait.ret) == (11_000_000, 5, 0)
    (select,) = recording.calls("select", "pselect6")
    assert abs(select.c - 13_000_000) < 1_000_000
    (signal,) = recording.calls("rt_sigtimedwait")
    assert abs(signal.c - 17_000_000) < 1_000_000
    assert signal.ret == -errno.EAGAIN
    (sleep,) = recording.calls("clock_nanosleep", "nanosleep")
    assert sleep.exit_ns - sleep.enter_ns >= 19_000_000


def test_unreadable_memory_is_not_invented() -> None:
    recording = trace(
        python("""
            import ctypes
            libc = ctypes.CDLL(None)
            libc.poll(ctypes.c_void_p(16), 3, 0)
            libc.readv(0, ctypes.c_void_p(16), 3)
            libc.open(ctypes.c_void_p(16), 0)
            libc.connect(1, ctypes.c_void_p(-8), 16)
        """)
    )
    (poll,) = recording.calls("poll")
    assert (poll.ret, poll.watch, poll.flags & Flag.WATCH_UNSEEN) == (-errno.EFAULT, (), Flag.WATCH_UNSEEN)
    (readv,) = recording.calls("readv")
    assert (readv.ret, readv.a) == (-errno.EFAULT, 0)
    assert recording.calls("openat", "open")[-1].blob == b""
    assert recording.calls("connect")[0].blob == b""
    assert recording.outcome.status == 0


def test_calls_of_another_architecture_are_marked(tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None or os.uname().machine != "x86_64":
        pytest.skip("needs gcc on x86-64, for the 32-bit call gate")
    source = tmp_path / "foreign.c"
    source.write_text("""
        int main(void) {
            for (int i = 0; i < 23; i++) {
                int ret, close = 6, nothing = -1;
                __asm__ volatile("int $0x80" : "=a"(ret) : "a"(close), "b"(nothing)
                                 : "memory", "r8", "r9", "r10", "r11");
                if (ret != -9) return ret == -38 ? 77 : 1;
            }
            return 0;
        }
    """)
    program = tmp_path / "foreign"
    subprocess.run([compiler, "-O1", "-o", str(program), str(source)], check=True)
    if subprocess.run([program]).returncode != 0:
        pytest.skip("this kernel has no 32-bit calls")
    recording = trace((str(program),))
    foreign = [row for row in recording.of(Kind.CALL) if row.flags & Flag.FOREIGN]
    assert recording.outcome.status == 0
    assert [(row.name, row.ret, row.a) for row in foreign] == [("", -errno.EBADF, 6)] * 23
    assert recording.outcome.notes["foreign_calls"] == 23
