"""Chat server: one operator, many clients, one select().

Look at where it waits: never in recv(), only in select(), for all of its clients at once. And look
at the order of the answers: select() returns those who are ready in the order of the list that it
was given, so clients who wrote while the operator was busy are answered in the order in which they
came in, whatever the order in which they wrote.

By hand: run it in one terminal, and `nc 127.0.0.1 8801` in some others. A message is one line.
"""

import argparse
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

DOCUMENT = 1 << 20


def chat(server: socket.socket, operator: Callable[[int, str], str]) -> None:
    inputs = [server]
    numbers: dict[socket.socket, int] = {}
    unfinished: dict[socket.socket, bytes] = {}
    while True:
        readable, _, _ = select.select(inputs, [], [], 5)  # phase 1: wait for any of them
        for ready in readable:
            if ready is server:
                connection, _ = server.accept()
                make_room(connection)
                inputs.append(connection)
                numbers[connection] = len(numbers) + 1
                unfinished[connection] = b""
                continue
            try:
                message = ready.recv(DOCUMENT)  # phase 2: copy, the data are there
                unfinished[ready] += message
                if message.endswith(b"\n"):
                    text = unfinished[ready].decode(errors="replace").strip()
                    unfinished[ready] = b""
                    ready.sendall(operator(numbers[ready], text).encode() + b"\n")
            except ConnectionError:
                message = b""
            if not message:  # it left: forget it, and go on with the others
                inputs.remove(ready)
                ready.close()


def make_room(connection: socket.socket) -> None:
    """Let the kernel hold a whole document that nobody reads yet."""
    # A low-water mark raises the buffer as far as needed (tcp(7)); with 1, a single byte wakes us again.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 2 * DOCUMENT)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)


def scripted_operator(number: int, text: str) -> str:
    time.sleep(0.2)  # thinks
    return f"answer for client {number}"


def operator_at_terminal(number: int, text: str) -> str:
    print(f"client {number}: {text[:1000]!r}")
    return input(f"answer for client {number} >>> ")


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
    scripted = bool(os.environ.get("IOTRACE_DEMO_PORT_FILE")) or not sys.stdin.isatty()
    parser = argparse.ArgumentParser(description="A chat server: one operator, many clients, one select().")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8801)
    parser.add_argument(
        "--operator", choices=["script", "terminal"], default="script" if scripted else "terminal"
    )
    arguments = parser.parse_args()
    with listen(arguments.port) as listening:
        chat(listening, scripted_operator if arguments.operator == "script" else operator_at_terminal)
