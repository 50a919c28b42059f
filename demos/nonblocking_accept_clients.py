"""The clients of nonblocking_accept.py: one after another, each at another moment of the server's pause.

They say how long each group of them, one a pause, waited for its answers.
"""

import argparse
import socket
import statistics
import sys
import time

GROUPS, CLIENTS = 3, 11  # as many as the server has pauses, and serves with each
PATIENCE_S = 10


def main() -> str | None:
    parser = argparse.ArgumentParser(description="Clients for nonblocking_accept.py.")
    parser.add_argument("--port", type=int, default=8807)
    port = parser.parse_args().port
    for _ in range(GROUPS):
        waited_ms = []
        for count in range(CLIENTS):
            # 25 to 75 ms in a mixed order: over a pause of 50 ms, and over each shorter one, spread evenly.
            time.sleep(0.025 + 0.0045 * (count * 7 % CLIENTS))
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
                client.sendall(b"hello")
                if (answer := client.recv(1024)) != b"HELLO":
                    return f"the answer was {answer!r}"
            waited_ms.append(1000 * (time.monotonic() - began))
        print(f"{CLIENTS} clients waited {statistics.mean(waited_ms):.1f} ms in the mean")
    return None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"a client lost the server: {error}")
