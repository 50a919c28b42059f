"""An event loop in which one call blocks: everybody waits.

The bug is kept on purpose: a request that asks for it makes the loop sleep, or look up a name at a name
server that does not answer. Look at the other connections meanwhile: their messages are in the kernel,
and the only thread that could read them is asleep in a call that has nothing to do with them. Then
epoll_wait() returns at once and names them all. What may block belongs into a thread, or is to be asked
of the loop itself.
"""

import argparse
import contextlib
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path

STALL_S = 0.15


def serve(server: socket.socket) -> None:
    epoll = select.epoll()
    epoll.register(server, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for fd, _ in epoll.poll():
            if fd == server.fileno():
                connection, _ = server.accept()
                connections[connection.fileno()] = connection
                epoll.register(connection, select.EPOLLIN)
            elif not answer(connections[fd]):
                connections.pop(fd).close()  # and so it leaves the epoll set: epoll(7)


def answer(connection: socket.socket) -> bool:
    """Answer one request; return False when the client has left."""
    try:
        request = connection.recv(1024)
        if request == b"sleep":
            time.sleep(STALL_S)  # the bug
        elif request == b"look up":
            look_up("example.org")  # the bug again: socket.getaddrinfo() waits like this
        if request:
            connection.sendall(request)
    except ConnectionError:
        return False
    return bool(request)


def look_up(name: str) -> None:
    """Ask a name server, and wait for an answer that does not come."""
    with (
        socket.socket(type=socket.SOCK_DGRAM) as silent,
        socket.socket(type=socket.SOCK_DGRAM) as question,
        contextlib.suppress(TimeoutError),
    ):
        silent.bind(("127.0.0.1", 0))
        question.connect(silent.getsockname())
        question.settimeout(STALL_S)
        question.send(name.encode())
        question.recv(512)


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
    parser = argparse.ArgumentParser(description="Echoes, unless it is asked to block.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8813)
    with listen(parser.parse_args().port) as listening:
        serve(listening)
