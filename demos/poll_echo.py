"""An echo server on poll(): the same as with select(), without the limit of 1024.

Look at the numbers of the connections: 2000 and above, as if as many clients were there. select() takes a
fixed set of 1024 bits, and Python refuses to put such a descriptor into it; poll() takes a list. What
poll() shares with select(): the whole list goes to the kernel and is looked through with every call.
"""

import argparse
import fcntl
import os
import resource
import select
import signal
import socket
import sys
from pathlib import Path

HIGH = 2000


def serve(server: socket.socket) -> None:
    poll = select.poll()
    poll.register(server, select.POLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for fd, _ in poll.poll():  # a hang-up is reported without being asked for
            if fd == server.fileno():
                connection = renumber(server.accept()[0])
                connections[connection.fileno()] = connection
                poll.register(connection, select.POLLIN)
            elif not echo(connections[fd]):
                poll.unregister(fd)
                connections.pop(fd).close()


def echo(connection: socket.socket) -> bool:
    """Echo what is there; return False when the client has left."""
    try:
        if data := connection.recv(64 << 10):
            connection.sendall(data)  # waits for one who does not read: see select_echo_queues.py
    except ConnectionError:
        return False
    return bool(data)


def renumber(connection: socket.socket) -> socket.socket:
    """Give a connection the first free number from HIGH on."""
    fd = fcntl.fcntl(connection, fcntl.F_DUPFD_CLOEXEC, HIGH)
    connection.close()
    return socket.socket(fileno=fd)


def allow_descriptors(count: int) -> None:
    """Raise the soft limit of open descriptors, mostly 1024, if that is needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


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
    parser = argparse.ArgumentParser(description="Echoes, on descriptors that select() cannot take.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8810)
    allow_descriptors(2 * HIGH)
    with listen(parser.parse_args().port) as listening:
        serve(listening)
