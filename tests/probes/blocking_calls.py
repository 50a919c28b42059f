"""Make one blocking call of x86-64 that ends by itself, print its result: ``blocking_calls.py NAME``.

It says "ready" when all is set up, waits for a line, makes the call as the kernel has it (libc's ``syscall``,
for Python's own wrappers take a call up again that failed with EINTR), and prints result and milliseconds.
A call that moves data is served after a second line.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

#: How long each call takes, but for those that are served after the second line.
SECONDS = 2.5

_syscall = ctypes.CDLL(None, use_errno=True).syscall
_buffer = ctypes.create_string_buffer(1 << 22)
_kept: list[object] = []
_threads: list[Callable[[], object]] = []
_go, _never = threading.Event(), threading.Event()

Prepared = Callable[[], int]


def _call(number: int, *arguments: Any) -> int:
    words = (ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)
    return int(_syscall(ctypes.c_long(number), *words))


def _time(seconds: float = SECONDS) -> bytes:
    return struct.pack("<qq", int(seconds), int(seconds % 1 * 1e9))


def _micro(seconds: float = SECONDS) -> bytes:
    return struct.pack("<qq", int(seconds), int(seconds % 1 * 1e6))


def _later(what: Callable[[], object]) -> None:
    """Do it a while after the line. The thread starts before: the call is all that happens then."""
    _threads.append(lambda: (_go.wait(), _never.wait(SECONDS), what()))


def _when_told(what: Callable[[], object]) -> None:
    """Do it after the second line."""
    _threads.append(lambda: (_go.wait(), os.read(0, 1), what()))


def _child() -> int:
    """Fork a child that ends with us, or before by a signal."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.close(1)
        os.read(reading, 1)
        os._exit(0)
    return child


def _pair() -> tuple[socket.socket, socket.socket]:
    pair = socket.socketpair()
    _kept.append(pair)
    return pair


def _limited(option: int) -> socket.socket:
    ours, _ = _pair()
    ours.setsockopt(socket.SOL_SOCKET, option, _micro())
    return ours


def _epoll() -> tuple[int, int]:
    epoll = _call(291, 0)
    reading, writing = os.pipe()
    _call(233, epoll, 1, reading, struct.pack("<IQ", 1, 7))
    return epoll, writing


def epoll_wait() -> Prepared:
    epoll, _ = _epoll()
    return lambda: _call(232, epoll, _buffer, 4, int(SECONDS * 1000))


def epoll_wait_for_ever() -> Prepared:
    epoll, writing = _epoll()
    _later(lambda: os.write(writing, b"x"))
    return lambda: _call(232, epoll, _buffer, 4, -1)


def epoll_pwait() -> Prepared:
    epoll, _ = _epoll()
    return lambda: _call(281, epoll, _buffer, 4, int(SECONDS * 1000), 0, 8)


def epoll_pwait_with_mask() -> Prepared:
    epoll, _ = _epoll()
    mask = struct.pack("<Q", 1 << signal.SIGUSR1 - 1)
    return lambda: _call(281, epoll, _buffer, 4, int(SECONDS * 1000), mask, 8)


def epoll_pwait2() -> Prepared:
    epoll, _ = _epoll()
    return lambda: _call(441, epoll, _buffer, 4, _time(), 0, 8)


def poll() -> Prepared:
    return lambda: _call(7, 0, 0, int(SECONDS * 1000))


def ppoll() -> Prepared:
    limit = ctypes.create_string_buffer(_time(), 16)
    return lambda: _call(271, 0, 0, limit, 0, 8)


def select() -> Prepared:
    limit = ctypes.create_string_buffer(_micro(), 16)
    return lambda: _call(23, 0, 0, 0, 0, limit)


def pselect6() -> Prepared:
    limit = ctypes.create_string_buffer(_time(), 16)
    return lambda: _call(270, 0, 0, 0, 0, limit, 0)


def nanosleep() -> Prepared:
    return lambda: _call(35, _time(), 0)


def clock_nanosleep() -> Prepared:
    return lambda: _call(230, 1, 0, _time(), 0)


def clock_nanosleep_until() -> Prepared:
    return lambda: _call(230, 1, 1, _time(time.monotonic() + SECONDS), 0)


def futex() -> Prepared:
    word = ctypes.c_int(0)
    return lambda: _call(202, ctypes.byref(word), 0, 0, _time(), 0, 0)


def recvfrom_with_limit() -> Prepared:
    fd = _limited(socket.SO_RCVTIMEO).fileno()
    return lambda: _call(45, fd, _buffer, 10, 0, 0, 0)


def read_with_limit() -> Prepared:
    fd = _limited(socket.SO_RCVTIMEO).fileno()
    return lambda: _call(0, fd, _buffer, 10)


def accept4_with_limit() -> Prepared:
    server = socket.create_server(("127.0.0.1", 0))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _micro())
    _kept.append(server)
    return lambda: _call(288, server.fileno(), 0, 0, 0)


def recvfrom() -> Prepared:
    ours, theirs = _pair()
    _later(lambda: theirs.send(b"abc"))
    return lambda: _call(45, ours.fileno(), _buffer, 10, 0, 0, 0)


def read_pipe() -> Prepared:
    reading, writing = os.pipe()
    _later(lambda: os.write(writing, b"abc"))
    return lambda: _call(0, reading, _buffer, 10)


def read_eventfd() -> Prepared:
    fd = _call(290, 0, 0)
    _later(lambda: os.write(fd, struct.pack("<Q", 1)))
    return lambda: _call(0, fd, _buffer, 8)


def read_timerfd() -> Prepared:
    fd = _call(283, 1, 0)

    def read() -> int:
        _call(286, fd, 0, _time(0) + _time(), 0)
        return _call(0, fd, _buffer, 8)

    return read


def read_inotify() -> Prepared:
    fd = _call(294, 0)
    watched, path = tempfile.mkstemp()
    _call(254, fd, os.fsencode(path), 2)
    os.unlink(path)
    _later(lambda: os.write(watched, b"x"))
    return lambda: min(_call(0, fd, _buffer, 100), 1)


def wait4() -> Prepared:
    child = _child()
    _later(lambda: os.kill(child, signal.SIGKILL))
    return lambda: _call(61, child, _buffer, 0, 0) - child


def waitid() -> Prepared:
    child = _child()
    _later(lambda: os.kill(child, signal.SIGKILL))
    return lambda: _call(247, 1, child, _buffer, 4, 0)


def rt_sigtimedwait() -> Prepared:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    return lambda: _call(128, struct.pack("<Q", 1 << signal.SIGUSR1 - 1), 0, _time(), 8)


def semtimedop() -> Prepared:
    semaphore = _call(64, 0, 1, 0o1600)

    def take() -> int:
        ret = _call(220, semaphore, struct.pack("<Hhh", 0, -1, 0), 1, _time())
        number = ctypes.get_errno()
        _call(66, semaphore, 0, 0)
        ctypes.set_errno(number)
        return ret

    return take


def msgrcv() -> Prepared:
    messages = _call(68, 0, 0o1600)
    _later(lambda: _call(71, messages, 0, 0))
    return lambda: _call(70, messages, _buffer, 100, 0, 0)


def mq_timedreceive() -> Prepared:
    name = b"iotrace-%d" % os.getpid()
    messages = _call(240, name, os.O_CREAT | os.O_RDWR, 0o600, 0)
    _call(241, name)
    return lambda: _call(243, messages, _buffer, 8192, 0, _time(time.time() + SECONDS))


def io_getevents() -> Prepared:
    context = ctypes.c_ulong(0)
    _call(206, 4, ctypes.byref(context))
    return lambda: _call(208, context, 1, 1, _buffer, _time())


def io_uring_enter() -> Prepared:
    """Wait for a completion that never comes, within a time limit."""
    parameters = ctypes.create_string_buffer(struct.pack("<II", 4, 0), 120)
    ring = _call(425, 4, parameters)
    # IORING_ENTER_EXT_ARG: struct io_uring_getevents_arg with a time limit (io_uring_enter(2)).
    limit = ctypes.create_string_buffer(_time(), 16)
    argument = struct.pack("<QIIQ", 0, 0, 0, ctypes.addressof(limit))
    _kept.append(limit)
    return lambda: _call(426, ring, 0, 1, 1 | 8, argument, len(argument))


def flock() -> Prepared:
    theirs, path = tempfile.mkstemp()
    ours = os.open(path, os.O_RDWR)
    os.unlink(path)
    fcntl.flock(theirs, fcntl.LOCK_EX)
    _later(lambda: fcntl.flock(theirs, fcntl.LOCK_UN))
    return lambda: _call(73, ours, 2)


def connect() -> Prepared:
    """To a server whose queue is full until somebody accepts."""
    server = socket.create_server(("127.0.0.1", 0), backlog=0)
    address = server.getsockname()
    for _ in range(2):
        waiting = socket.socket()
        waiting.setblocking(False)
        with suppress(BlockingIOError):
            waiting.connect(address)
        _kept.append(waiting)
    ours = socket.socket()
    _kept.extend((server, ours))
    _later(lambda: [server.accept() for _ in range(3)])
    packed = struct.pack("<H", socket.AF_INET) + struct.pack(">H", address[1]) + socket.inet_aton("127.0.0.1")
    return lambda: _call(42, ours.fileno(), packed + bytes(8), 16)


def write_pipe() -> Prepared:
    """More than fits: a part is there at once, the rest only when somebody reads."""
    reading, writing = os.pipe()
    size = 300_000
    _when_told(lambda: _drain(lambda: os.read(reading, size), size))
    return lambda: _call(1, writing, _buffer, size)


def sendto() -> Prepared:
    ours, theirs = _pair()
    size = 1 << 22
    _when_told(lambda: _drain(lambda: theirs.recv(size), size))
    return lambda: _call(44, ours.fileno(), _buffer, size, 0, 0, 0)


def recvfrom_all() -> Prepared:
    ours, theirs = _pair()
    theirs.send(b"01234")
    _when_told(lambda: theirs.send(b"56789"))
    return lambda: _call(45, ours.fileno(), _buffer, 10, socket.MSG_WAITALL, 0, 0)


def sendto_with_limit() -> Prepared:
    ours = _limited(socket.SO_SNDTIMEO)
    with suppress(BlockingIOError):
        while True:
            ours.send(b"x" * 65536, socket.MSG_DONTWAIT)
    return lambda: _call(44, ours.fileno(), _buffer, 100_000, 0, 0, 0)


def _drain(receive: Callable[[], bytes], size: int) -> None:
    while size > 0:
        size -= len(receive())


#: Return a part when they are stopped, so they are left alone for a while.
MOVING = (write_pipe, sendto, recvfrom_all)
#: Their time limit begins anew.
ANEW = (
    epoll_wait, epoll_pwait, epoll_pwait_with_mask, epoll_pwait2, recvfrom_with_limit, read_with_limit,
    accept4_with_limit, sendto_with_limit, rt_sigtimedwait, semtimedop, io_getevents, io_uring_enter,
)  # fmt: skip
#: Go on with the time that is left, or have none.
GO_ON = (
    epoll_wait_for_ever, poll, ppoll, select, pselect6, nanosleep, clock_nanosleep, clock_nanosleep_until,
    futex, recvfrom, read_pipe, read_eventfd, read_timerfd, read_inotify, wait4, waitid, msgrcv,
    mq_timedreceive, flock, connect,
)  # fmt: skip
CALLS = {call.__name__: call for call in (*MOVING, *ANEW, *GO_ON)}


def main(name: str) -> None:
    """Set up, wait for a line, call, print."""
    prepared = CALLS[name]()
    for target in _threads:
        threading.Thread(target=target, daemon=True).start()
    print("ready", flush=True)
    os.read(0, 1)
    _go.set()
    began = time.monotonic()
    ctypes.set_errno(0)
    ret = prepared()
    number = ctypes.get_errno()
    elapsed_ms = round(1000 * (time.monotonic() - began))
    print(os.strerror(number) if ret < 0 else ret, elapsed_ms, sep="\t", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
