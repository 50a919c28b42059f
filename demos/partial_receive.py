"""One send is not one receive: messages of 300 bytes that come in three pieces.

Look at how many receives stand before each answer. Every recv() may return 4096 bytes, and returns the
100 that are there now: TCP carries bytes, and does not say where a message ends. The length ends it here.
"""

import os
import socket
import time

MESSAGES = 5
PIECES = 3
PIECE = 100
PAUSE_S = 0.01


def send_in_pieces(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(MESSAGES):
            for _ in range(PIECES):
                time.sleep(PAUSE_S)
                client.sendall(b"x" * PIECE)
            client.recv(1)  # the answer


def receive_whole(connection: socket.socket) -> list[int]:
    """Receive until the message is whole; return how long each piece was."""
    lengths: list[int] = []
    while sum(lengths) < PIECES * PIECE:  # without this loop, a third of the message would pass for all of it
        piece = connection.recv(4096)
        if not piece:
            raise EOFError("the client left in the middle of a message")
        lengths.append(len(piece))
    return lengths


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if os.fork() == 0:
            send_in_pieces(listener.getsockname())
            os._exit(0)
        connection, _ = listener.accept()
        with connection:
            for number in range(MESSAGES):
                lengths = receive_whole(connection)
                connection.sendall(b"k")
                print(f"message {number}: {sum(lengths)} bytes, received as", *lengths)
    os.wait()


if __name__ == "__main__":
    main()
