"""A nonblocking accept() in a loop with pauses: who sleeps between two questions answers late.

Look at the lane of the listening socket: a connection, and the message behind it, wait in the kernel
until the server wakes up and asks again. It serves 11 clients with each pause. The longer the pause,
the later the answer, half a pause in the mean; the shorter the pause, the more questions (EAGAIN) are
asked for nothing. There is no good pause: `epoll_echo.py` needs none.
"""

import argparse
import contextlib
import os
import signal
import socket
import sys
import time
from pathlib import Path

PAUSES_S = (0.002, 0.010, 0.050)
CLIENTS = 11  # for each pause; nonblocking_accept_clients.py brings as many


def serve(server: socket.socket) -> None:
    server.setblocking(False)
    # A connection counts as there when its message is: no recv() waits, however late the client sends.
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
    while True:
        for pause_s in PAUSES_S:
            for _ in range(CLIENTS):
                connection = accept(server, pause_s)
                with connection, contextlib.suppress(ConnectionError):  # a client may leave at any time
                    connection.sendall(connection.recv(1024).upper())  # it is there


def accept(server: socket.socket, pause_s: float) -> socket.socket:
    """Ask until there is a connection; it does not inherit O_NONBLOCK (accept(2))."""
    while True:
        try:
            return server.accept()[0]
        except BlockingIOError:  # nobody is there
            time.sleep(pause_s)


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
    parser = argparse.ArgumentParser(description="Answers in capitals, when it happens to look.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8807)
    with listen(parser.parse_args().port) as listening:
        serve(listening)
