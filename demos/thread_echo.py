"""Blocking I/O with threads: each connection has a thread of its own, asleep in recv().

Look at the threads: one sleeps in accept(), and for every connection a new one is made (clone), which
is blocked in recv() in both phases. Nobody waits for anybody else; that costs a thread per connection.
"""

import argparse
import contextlib
import os
import signal
import socket
import struct
import sys
import threading
import zlib
from pathlib import Path

MESSAGE = 1 << 20


def serve(server: socket.socket) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=converse, args=(connection,), daemon=True).start()


def converse(connection: socket.socket) -> None:
    """Answer one client until it leaves."""
    buffer = memoryview(bytearray(MESSAGE))
    with connection, contextlib.suppress(ConnectionError):  # a client may leave at any time
        wake_for_whole_messages(connection)
        while receive(connection, buffer):
            connection.sendall(struct.pack("!II", MESSAGE, zlib.crc32(buffer)))


def receive(connection: socket.socket, buffer: memoryview) -> bool:
    """Fill ``buffer`` with one message; return False when there are no more."""
    filled = 0
    while filled < MESSAGE:
        try:
            got = connection.recv_into(buffer[filled:], 0, socket.MSG_WAITALL)  # phases 1 and 2
        except BlockingIOError:
            continue  # SO_RCVTIMEO ran out, and the client is still thinking
        if got == 0:
            return False
        filled += got
    return True


def wake_for_whole_messages(connection: socket.socket) -> None:
    """Sleep once a message: data count as ready (UNP 6.3) when SO_RCVLOWAT bytes are there."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, MESSAGE)
    # A receive that begins in the middle of a message would sleep for ever, less than the mark is to come:
    # after a second it gives us what it has.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 0))


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
    parser = argparse.ArgumentParser(description="Acknowledges messages of 1 MiB: blocking I/O, threads.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8815)
    with listen(parser.parse_args().port) as listening:
        serve(listening)
