"""Signal-driven I/O: the process minds its own business until SIGIO says that data are there.

Look at phase 1: no call waits for the data. The process computes, and pauses for reasons of its own.
Then the kernel sends SIGIO, and the handler receives: the copy happens inside its recv().
"""

import argparse
import fcntl
import os
import signal
import socket
import struct
import sys
import time
import zlib
from pathlib import Path
from types import FrameType

MESSAGE = 1 << 20


def serve(server: socket.socket) -> None:
    messages: dict[socket.socket, bytearray] = {}

    def on_sigio(signal_number: int, frame: FrameType | None) -> None:
        # C keeps a signal away while its handler runs; Python wants to be told.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
        while connection := accept(server):
            messages[connection] = bytearray()
            announce_when_whole(connection, bytearray())
            notify_by_signal(connection)
        for connection in list(messages):  # SIGIO does not say whose data they are
            if not receive(connection, messages[connection]):
                del messages[connection]
                connection.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})

    signal.signal(signal.SIGIO, on_sigio)
    notify_by_signal(server)
    while True:  # our own business; phase 1 passes meanwhile
        sum(number * number for number in range(20_000))
        time.sleep(0.005)


def notify_by_signal(connection: socket.socket) -> None:
    """Ask for SIGIO when there are data (or, on a listening socket, a connection); let no call wait."""
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(connection, fcntl.F_GETFL)
    fcntl.fcntl(connection, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)


def accept(server: socket.socket) -> socket.socket | None:
    try:
        return server.accept()[0]
    except BlockingIOError:
        return None


def receive(connection: socket.socket, message: bytearray) -> bool:
    """Receive what is there, and answer a whole message; return False when the client has left."""
    try:
        data = connection.recv(MESSAGE - len(message))  # phase 2
        message += data
        if len(message) == MESSAGE:
            connection.sendall(struct.pack("!II", MESSAGE, zlib.crc32(message)))
            message.clear()
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    announce_when_whole(connection, message)
    return bool(data)


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
    parser = argparse.ArgumentParser(description="Acknowledges messages of 1 MiB: signal-driven I/O.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8805)
    with listen(parser.parse_args().port) as listening:
        serve(listening)
