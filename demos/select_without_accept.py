"""select() and nobody who accepts: level-triggered, it says the same again and again.

The bug is kept on purpose: for 997 turns this server learns that a connection is waiting, and does
nothing about it. Look at those 997 returns: a client connected once, and still no select() sleeps, for
"readable" is a state of the listening socket, not news about it. Then the server accepts, and select()
sleeps again, until there is something else.
"""

import argparse
import contextlib
import os
import select
import signal
import socket
import sys
from pathlib import Path

TURNS = 997


def serve(server: socket.socket) -> None:
    while True:
        for _ in range(TURNS):
            select.select([server], [], [])  # returns at once, as soon as a client is there
            # The bug: server.accept() is missing here.
        connection, _ = server.accept()
        with connection, contextlib.suppress(ConnectionError):  # a client may leave at any time
            while select.select([connection], [], []) and (message := connection.recv(1024)):
                connection.sendall(message)


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
    parser = argparse.ArgumentParser(description="Hears of a connection 997 times before it accepts it.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8808)
    with listen(parser.parse_args().port) as listening:
        serve(listening)
