"""An echo server on `selectors`, which picks the best that the system has: here epoll.

Look at the calls: the program says select(), the kernel hears epoll_create1, epoll_ctl for each
connection that comes or goes, and epoll_wait. Beside each socket the program registers what is to be
done when it is ready, a callback, and the loop at the end knows nothing else.
"""

import argparse
import os
import selectors
import signal
import socket
import sys
from functools import partial
from pathlib import Path

loop = selectors.DefaultSelector()


def accept(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.setblocking(False)
    loop.register(connection, selectors.EVENT_READ, read)


def read(connection: socket.socket) -> None:
    try:
        data = connection.recv(64 << 10)
    except ConnectionError:
        data = b""
    if data:
        write(connection, data)
    else:
        loop.unregister(connection)
        connection.close()


def write(connection: socket.socket, data: bytes) -> None:
    """Send what there is room for; until the rest is sent, read nothing more from this client."""
    try:
        unsent = data[connection.send(data) :]
    except BlockingIOError:
        unsent = data
    except ConnectionError:
        unsent = b""  # that it has left can be read, too
    if unsent:
        loop.modify(connection, selectors.EVENT_WRITE, partial(write, data=unsent))
    elif loop.get_key(connection).data is not read:
        loop.modify(connection, selectors.EVENT_READ, read)


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
    parser = argparse.ArgumentParser(description="Echoes, with callbacks.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8811)
    with listen(parser.parse_args().port) as listening:
        listening.setblocking(False)
        loop.register(listening, selectors.EVENT_READ, accept)
        while True:
            for ready, _ in loop.select():
                ready.data(ready.fileobj)
