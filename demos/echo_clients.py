"""Clients of the echo servers: each thinks for a fixed time, sends a message, checks the answer.

The answer is short (length and CRC-32 of the message), so that sending it never blocks the server;
and a client begins to think when it has the answer, so the server waits for as long as it thinks.
"""

import argparse
import ctypes
import socket
import struct
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

PATIENCE_S = 10
PR_SET_TIMERSLACK = 29  # linux/prctl.h


def client(number: int, arguments: argparse.Namespace) -> int:
    """Send all messages; return how many were answered rightly."""
    # Sleep to the microsecond: by default the kernel may wake a thread 50 µs late, to save power.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
    right = 0
    with socket.create_connection(("127.0.0.1", arguments.port), timeout=PATIENCE_S) as connection:
        # BBR, where it is the default, pauses for some milliseconds now and then to measure the path.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
        for count in range(arguments.messages):
            began = time.monotonic()
            message = struct.pack("!II", number, count).ljust(arguments.bytes, b"x")
            expected = struct.pack("!II", len(message), zlib.crc32(message))
            time.sleep(max(0.0, began + arguments.think_ms / 1000 - time.monotonic()))
            connection.sendall(message)
            right += connection.recv(len(expected), socket.MSG_WAITALL) == expected
    return right


def main() -> str | None:
    parser = argparse.ArgumentParser(description="Clients for the echo servers.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--messages", type=int, default=23, help="of each client (default: 23)")
    parser.add_argument(
        "--bytes", type=int, default=1 << 20, help="of each message; the servers expect 1 MiB"
    )
    parser.add_argument("--think-ms", type=float, default=50, help="before each message (default: 50)")
    arguments = parser.parse_args()

    numbers = range(arguments.clients)
    with ThreadPoolExecutor(max_workers=len(numbers)) as pool:
        right = sum(pool.map(lambda number: client(number, arguments), numbers))
    sent = arguments.clients * arguments.messages
    return None if right == sent else f"{sent - right} of {sent} answers were wrong"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"a client lost the server: {error}")
