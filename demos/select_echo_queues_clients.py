"""The clients of select_echo_queues.py: one sends 2 MiB and does not read, the others chat meanwhile.

They chat for as long as it does not read; then it reads, and checks that nothing was lost.
"""

import argparse
import os
import socket
import sys
import time

PATIENCE_S = 10
CHATTERS, ROUNDS = 2, 11


def main() -> str | None:
    parser = argparse.ArgumentParser(description="Clients for select_echo_queues.py.")
    parser.add_argument("--port", type=int, default=8809)
    parser.add_argument("--think-ms", type=float, default=40)
    arguments = parser.parse_args()

    address = ("127.0.0.1", arguments.port)
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
    lazy.settimeout(PATIENCE_S)
    lazy.connect(address)
    chatters = [socket.create_connection(address, timeout=PATIENCE_S) for _ in range(CHATTERS)]

    document = os.urandom(2 << 20)
    lazy.sendall(document)  # the server takes all of it, though it cannot give it back yet
    for _ in range(ROUNDS):
        for number, chatter in enumerate(chatters):
            time.sleep(arguments.think_ms / 1000 / CHATTERS)
            message = os.urandom(512)
            chatter.sendall(message)
            if receive(chatter, len(message)) != message:
                return f"client {number} did not get its message back"
    if receive(lazy, len(document)) != document:
        return "the client that read late did not get its document back"
    for client in (lazy, *chatters):
        client.close()
    return None


def receive(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := client.recv(size - len(data))):
        data += piece
    return data


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"a client lost the server: {error}")
