"""The five clients of select_chat.py. They send in the order 5 4 3 2 1, and check who is answered when.

First while the operator is busy with an earlier question: all five wait for the same select().
Then one after another, each thinking for a while when the one before has its answer. In the middle
of that, client 3 leaves; nobody else may notice.
"""

import argparse
import select
import socket
import sys
import time

DOCUMENT = b"d" * ((1 << 20) - 1) + b"\n"
PATIENCE_S = 10


def main() -> str | None:
    parser = argparse.ArgumentParser(description="Five clients for select_chat.py.")
    parser.add_argument("--port", type=int, default=8801)
    parser.add_argument("--think-ms", type=float, default=100)
    arguments = parser.parse_args()
    think_s = arguments.think_ms / 1000

    clients: dict[int, socket.socket] = {}
    for number in (1, 2, 3, 4, 5):
        clients[number] = socket.create_connection(("127.0.0.1", arguments.port), timeout=PATIENCE_S)
        time.sleep(0.01)

    clients[1].sendall(b"may I ask something?\n")
    time.sleep(0.05)  # now the operator is busy for a while
    for number in (5, 4, 3, 2, 1):
        clients[number].sendall(DOCUMENT)
        time.sleep(0.01)
    together = [next_answer(clients) for _ in range(6)]

    apart = []
    for number in (5, 4, 3, 2, 1):
        time.sleep(think_s)
        clients[number].sendall(b"and now?\n")
        apart.append(next_answer(clients))
        if number == 3:
            clients.pop(3).close()
    for client in clients.values():
        time.sleep(0.01)
        client.close()

    if together != [1, 1, 2, 3, 4, 5]:
        return f"answers to 5 4 3 2 1 sent together came to {together}, not in the order of the server's list"
    if apart != [5, 4, 3, 2, 1]:
        return f"answers to 5 4 3 2 1 sent one by one came to {apart}, not in the order of sending"
    return None


def next_answer(clients: dict[int, socket.socket]) -> int:
    """Return the number of the client that gets the next answer, having checked that it is its own."""
    ready, _, _ = select.select(list(clients.values()), [], [], PATIENCE_S)
    for number, client in clients.items():
        if client in ready:
            answer = client.recv(1024)
            if answer != f"answer for client {number}\n".encode():
                sys.exit(f"client {number} was told {answer!r}")
            return number
    sys.exit(f"no answer within {PATIENCE_S} s")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"a client lost the server: {error}")
