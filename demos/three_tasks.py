"""Three tasks that each wait twice for somebody: one after another, in three threads, in one event loop.

Look at where they wait. In one thread the second task waits, too, while the first one does: six waits in a
row. Three threads wait in three recv() at the same time. The event loop waits once for all of them, in
epoll_wait(), and runs whoever is answered: a third of the time, as with threads, in one thread.
"""

import argparse
import os
import selectors
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TASKS = 3
STEPS = 2  # of each task: ask, wait for the answer


def task(connection: socket.socket) -> None:
    for _ in range(STEPS):
        connection.sendall(b"?")
        connection.recv(1)  # blocks this thread


def in_one_thread(connections: list[socket.socket]) -> None:
    for connection in connections:
        task(connection)


def in_threads(connections: list[socket.socket]) -> None:
    with ThreadPoolExecutor(TASKS) as threads:
        list(threads.map(task, connections))


def in_an_event_loop(connections: list[socket.socket]) -> None:
    steps_left = dict.fromkeys(connections, STEPS)
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ, connection)
            connection.sendall(b"?")
        while any(steps_left.values()):
            for key, _ in selector.select():  # blocks for all of them
                connection = key.data
                connection.recv(1)
                steps_left[connection] -= 1
                if steps_left[connection]:
                    connection.sendall(b"?")


def serve(server: socket.socket) -> None:
    while True:
        took = []
        for run in (in_one_thread, in_threads, in_an_event_loop):
            connections = [server.accept()[0] for _ in range(TASKS)]
            began = time.monotonic()
            run(connections)
            took.append(f"{run.__name__.replace('_', ' ')} {time.monotonic() - began:.2f} s")
            for connection in connections:
                connection.close()
        print(*took, sep=", ", flush=True)


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
    parser = argparse.ArgumentParser(description="Runs three tasks in three ways.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8814)
    with listen(parser.parse_args().port) as listening:
        serve(listening)
