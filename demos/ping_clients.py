"""Clients that send small messages and want each of them back: they think, send, wait for the echo."""

import argparse
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

PATIENCE_S = 10


def client(number: int, arguments: argparse.Namespace) -> int:
    """Send all messages; return how many came back as they were."""
    right = 0
    time.sleep(number * arguments.think_ms / 1000 / arguments.clients)  # they speak in turn
    with socket.create_connection(("127.0.0.1", arguments.port), timeout=PATIENCE_S) as connection:
        for _ in range(arguments.messages):
            time.sleep(arguments.think_ms / 1000)
            message = os.urandom(arguments.bytes)
            connection.sendall(message)
            right += receive(connection, len(message)) == message
    return right


def receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := connection.recv(size - len(data))):
        data += piece
    return data


def main() -> str | None:
    parser = argparse.ArgumentParser(description="Clients that want their small messages back.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--messages", type=int, default=7, help="of each client (default: 7)")
    parser.add_argument("--bytes", type=int, default=512, help="of each message (default: 512)")
    parser.add_argument("--think-ms", type=float, default=60, help="before each message (default: 60)")
    arguments = parser.parse_args()

    numbers = range(arguments.clients)
    with ThreadPoolExecutor(max_workers=len(numbers)) as pool:
        right = sum(pool.map(lambda number: client(number, arguments), numbers))
    sent = arguments.clients * arguments.messages
    return None if right == sent else f"{sent - right} of {sent} messages did not come back as they were"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"a client lost the server: {error}")
