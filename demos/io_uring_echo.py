"""Asynchronous I/O: the process hands the kernel a buffer, and computes until it has been filled.

Look at both phases: the process is in neither. It submits a receive and goes on computing; it looks
at the completion ring, which is its own memory, without a system call. IOSQE_ASYNC makes a kernel
thread of its own (iou-wrk) copy the data; without it the copy would be made by the process itself,
at its next entry into the kernel.
"""

import argparse
import contextlib
import os
import signal
import socket
import struct
import sys
import zlib
from pathlib import Path

try:
    from liburing import (
        IOSQE_ASYNC,
        Cqe,
        Ring,
        io_uring_cq_ready,
        io_uring_cqe_seen,
        io_uring_get_sqe,
        io_uring_peek_cqe,
        io_uring_prep_recv,
        io_uring_queue_init,
        io_uring_sqe_set_flags,
        io_uring_submit,
    )
except ImportError:
    sys.exit("io_uring_echo.py needs the package liburing: python -m pip install liburing")

MESSAGE = 1 << 20


def serve(server: socket.socket) -> None:
    ring = Ring()
    try:
        io_uring_queue_init(8, ring)
    except OSError as error:
        sys.exit(f"io_uring cannot be used here: {error} (see /proc/sys/kernel/io_uring_disabled)")
    while True:
        connection, _ = server.accept()  # plain: the lesson is the receive
        with connection, contextlib.suppress(ConnectionError):  # a client may leave at any time
            while message := receive(ring, connection):
                connection.sendall(struct.pack("!II", MESSAGE, zlib.crc32(message)))


def receive(ring: Ring, connection: socket.socket) -> bytearray:
    """Return one message; empty when there are no more."""
    message = bytearray()
    while len(message) < MESSAGE:
        announce_when_whole(connection, message)
        buffer = bytearray(MESSAGE - len(message))
        request = io_uring_get_sqe(ring)
        io_uring_prep_recv(request, connection.fileno(), buffer, 0)
        io_uring_sqe_set_flags(request, IOSQE_ASYNC)
        io_uring_submit(ring)
        while not io_uring_cq_ready(ring):  # phases 1 and 2 pass meanwhile
            sum(number * number for number in range(1000))
        received = take_completion(ring)
        if received == 0:
            return bytearray()
        message += memoryview(buffer)[:received]
    return message


def take_completion(ring: Ring) -> int:
    """Return how many bytes the one request in flight received. Raises OSError as recv() would."""
    completion = Cqe()
    io_uring_peek_cqe(ring, completion)
    try:
        return int(completion[0].res)
    finally:
        io_uring_cqe_seen(ring, completion[0])


def announce_when_whole(connection: socket.socket, message: bytearray) -> None:
    """Let data count as ready when the rest of the message is there (the low-water mark of UNP 6.3)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, MESSAGE - len(message))


def listen(port: int) -> socket.socket:
    """Listen on the loopback, and say where: on standard output and in the file that a script waits for."""
    server = socket.create_server(("127.0.0.1", port))
    port = server.getsockname()[1]
    if name := os.environ.get("IOTRACE_DEMO_PORT_FILE"):
        Path(f"{name}.new").write_text(str(port))
        os.replace(f"{name}.new", name)
    print(f"listening on 127.0.0.1:{port}", flush=True)
    return server


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parser = argparse.ArgumentParser(description="Acknowledges messages of 1 MiB: asynchronous I/O.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8806)
    with listen(parser.parse_args().port) as listening:
        serve(listening)
