"""I/O multiplexing: the process sleeps in epoll_wait() for all its connections, never in recv().

Look at the pairs: epoll_wait() returns when a message is there (phase 1), then recv() copies it
(phase 2). Level-triggered: what was not read is announced again.
"""

import argparse
import os
import select
import signal
import socket
import struct
import sys
import zlib
from pathlib import Path

MESSAGE = 1 << 20


def serve(server: socket.socket) -> None:
    epoll = select.epoll()
    epoll.register(server, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    messages: dict[int, bytearray] = {}
    while True:
        for fd, _ in epoll.poll():  # phase 1, for all of them
            if fd == server.fileno():
                connection, _ = server.accept()
                connection.setblocking(False)
                connections[connection.fileno()] = connection
                messages[connection.fileno()] = bytearray()
                announce_when_whole(connection, bytearray())
                epoll.register(connection, select.EPOLLIN)
            elif not receive(connections[fd], messages[fd]):
                epoll.unregister(fd)
                connections.pop(fd).close()
                del messages[fd]


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
    parser = argparse.ArgumentParser(
        description="Acknowledges messages of 1 MiB: I/O multiplexing with epoll."
    )
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8804)
    with listen(parser.parse_args().port) as listening:
        serve(listening)
