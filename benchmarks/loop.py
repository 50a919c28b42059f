"""The loop of ``loop.c`` in Python: N times send 64 bytes and receive them; prints the nanoseconds."""

from __future__ import annotations

import socket
import sys
import time


def main() -> None:
    """Run the loop ``sys.argv[1]`` times."""
    left, right = socket.socketpair()
    data, count = bytes(64), int(sys.argv[1])
    send, receive = left.send, right.recv
    began = time.monotonic_ns()
    for _ in range(count):
        send(data)
        receive(64)
    print(time.monotonic_ns() - began)


if __name__ == "__main__":
    main()
