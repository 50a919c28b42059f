"""No descriptor is left: accept() fails, and the wait before it never sleeps again.

Look at the calls after the last accept() that succeeds. It fails with EMFILE, the connection stays in the
listening socket's queue, so select() says "readable" at once, and accept() fails again: a loop at full
speed that serves nobody.
"""

import errno
import resource
import select
import socket

DESCRIPTORS = 32
CLIENTS = 20
FAILURES = 23  # then we have seen enough


def serve(listener: socket.socket) -> tuple[int, int]:
    """Return how many connections were accepted, and how many times accept() failed."""
    connections: list[socket.socket] = []
    failures = 0
    while failures < FAILURES:
        select.select([listener], [], [], 5)
        try:
            connection, _ = listener.accept()
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            failures += 1
        else:
            connections.append(connection)  # The bug, kept on purpose: none is ever closed.
    return len(connections), failures


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    with socket.create_server(("127.0.0.1", 0), backlog=CLIENTS) as listener:
        clients = [socket.socket() for _ in range(CLIENTS)]
        for client in clients:
            client.connect(listener.getsockname())
        accepted, failures = serve(listener)
    print(f"{CLIENTS} clients, {DESCRIPTORS} descriptors: {accepted} accepted, EMFILE {failures} times")


if __name__ == "__main__":
    main()
