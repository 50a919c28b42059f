"""An echo server that never blocks in send(): select() also says who can be written to.

Look at the client who does not read: its buffers fill, send() takes only a part, and from then on
select() is asked about writing too. It does not return for that client until there is room again, and
meanwhile the others are answered. A connection is in the second list only while something is queued
for it: a socket with an empty buffer is always writable, and select() would never sleep.
"""

import argparse
import os
import select
import signal
import socket
import sys
from pathlib import Path

SEND_BUFFER = 64 << 10  # small, so that one who does not read soon fills it


def serve(server: socket.socket) -> None:
    queues: dict[socket.socket, bytearray] = {}  # one a connection: what it is still to get
    while True:
        unsent = [connection for connection, queue in queues.items() if queue]
        readable, writable, _ = select.select([server, *queues], unsent, [])
        for connection in writable:
            send(connection, queues)
        for connection in readable:
            if connection is server:
                queues[accept(server)] = bytearray()
            elif connection in queues:  # it may just have left
                receive(connection, queues)


def receive(connection: socket.socket, queues: dict[socket.socket, bytearray]) -> None:
    try:
        data = connection.recv(64 << 10)
    except ConnectionError:
        data = b""
    if data:
        queues[connection] += data  # not lost if it cannot be sent now; a public server would set a limit
    else:
        leave(connection, queues)


def send(connection: socket.socket, queues: dict[socket.socket, bytearray]) -> None:
    try:
        del queues[connection][: connection.send(queues[connection])]  # as much as there is room for
    except ConnectionError:
        leave(connection, queues)


def leave(connection: socket.socket, queues: dict[socket.socket, bytearray]) -> None:
    del queues[connection]  # from both lists
    connection.close()


def accept(server: socket.socket) -> socket.socket:
    connection, _ = server.accept()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return connection


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
    parser = argparse.ArgumentParser(description="Echoes, with a queue for each client.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8809)
    with listen(parser.parse_args().port) as listening:
        serve(listening)
