"""The clients of stalled_loop.py: three that chat all the time, and one that makes the loop block, twice.

They say how long the three waited for their answers: in the median, and at worst.
"""

import argparse
import socket
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

PATIENCE_S = 10
THINK_S = (0.029, 0.037, 0.043)  # each its own, so that they do not go in step after a stall
STALLS = ((0.3, b"sleep"), (0.4, b"look up"))  # how long to wait before, what to ask for
IN_ALL_S = 1.2


def chat(port: int, think_s: float) -> list[float]:
    """Send and receive until the time is over; return how long each answer took."""
    waited_s = []
    end = time.monotonic() + IN_ALL_S
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        while (began := time.monotonic()) < end:
            connection.sendall(b"hello")
            if connection.recv(1024) != b"hello":
                sys.exit("the answer was not the message")
            waited_s.append(time.monotonic() - began)
            time.sleep(think_s)
    return waited_s


def main() -> str | None:
    parser = argparse.ArgumentParser(description="Clients for stalled_loop.py.")
    parser.add_argument("--port", type=int, default=8813)
    port = parser.parse_args().port
    with ThreadPoolExecutor(max_workers=len(THINK_S)) as pool:
        chats = [pool.submit(chat, port, think_s) for think_s in THINK_S]
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            for pause_s, request in STALLS:
                time.sleep(pause_s)
                connection.sendall(request)
                if connection.recv(1024) != request:
                    return "the request that blocks was not answered"
        for number, waited_s in enumerate(done.result() for done in chats):
            middle, worst = statistics.median(waited_s), max(waited_s)
            print(
                f"client {number} waited {1000 * middle:.1f} ms in the median, {1000 * worst:.0f} ms at worst"
            )
    return None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"a client lost the server: {error}")
