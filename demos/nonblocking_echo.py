"""Nonblocking I/O: the process asks again and again, and does work of its own in between.

Look at the receives: most end at once with EAGAIN, there is nothing yet. The process never sleeps
in one. Only the copy, when the data are there at last, happens inside the call.
"""

import argparse
import os
import signal
import socket
import struct
import sys
import time
import zlib
from pathlib import Path

MESSAGE = 1 << 20
PERIOD_S = 0.009  # between two rounds of asking; who thinks for 50 ms speaks in the middle of a pause


def serve(server: socket.socket) -> None:
    server.setblocking(False)
    messages: dict[socket.socket, bytearray] = {}
    while True:
        if connection := accept(server):
            make_room(connection)
            messages[connection] = bytearray()
        for connection in list(messages):
            if not receive(connection, messages[connection]):
                del messages[connection]
                connection.close()
        mind_own_business(PERIOD_S if messages else PERIOD_S / 4)


def mind_own_business(seconds: float) -> None:
    """Compute a little, then pause."""
    began = time.monotonic()
    sum(number * number for number in range(1000))
    time.sleep(max(0.0, began + seconds - time.monotonic()))


def accept(server: socket.socket) -> socket.socket | None:
    try:
        return server.accept()[0]
    except BlockingIOError:
        return None


def receive(connection: socket.socket, message: bytearray) -> bool:
    """Receive what is there, and answer a whole message; return False when the client has left."""
    try:
        data = connection.recv(MESSAGE - len(message))  # phase 2, when there is something
        message += data
        if len(message) == MESSAGE:
            connection.sendall(struct.pack("!II", MESSAGE, zlib.crc32(message)))
            message.clear()
    except BlockingIOError:
        return True  # nothing yet: phase 1 is spent in asking, and in what we do in between
    except ConnectionError:
        return False
    return bool(data)


def make_room(connection: socket.socket) -> None:
    """Let no call wait, and let the kernel hold a whole message that nobody reads yet."""
    connection.setblocking(False)
    # A low-water mark raises the buffer as far as needed (tcp(7)); who asks is told at once all the same.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, MESSAGE)


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
    parser = argparse.ArgumentParser(description="Acknowledges messages of 1 MiB: nonblocking I/O.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8803)
    with listen(parser.parse_args().port) as listening:
        serve(listening)
