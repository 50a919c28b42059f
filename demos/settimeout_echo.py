"""A socket with a timeout: the program says recv, the kernel hears poll and then recvfrom.

Look at the two calls for every message. settimeout() makes the socket nonblocking, and Python waits for it
in a poll() of this one descriptor, with the time that is left: the thread sleeps there, not in recvfrom.
"""

import os
import socket
import time

MESSAGES = 7
THINK_S = 0.01


def ask(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as client:  # no timeout: one recvfrom for each answer
        for number in range(MESSAGES):
            time.sleep(THINK_S)
            client.sendall(b"message %d" % number)
            client.recv(1024)


def echo(connection: socket.socket) -> int:
    """Echo until the client leaves; return how many messages there were."""
    connection.settimeout(5)
    messages = 0
    while message := connection.recv(1024):  # poll, then recvfrom
        connection.sendall(message)
        messages += 1
    return messages


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if os.fork() == 0:
            ask(listener.getsockname())
            os._exit(0)
        connection, _ = listener.accept()
        with connection:
            messages = echo(connection)
            print(f"{messages} messages echoed; nonblocking:", not os.get_blocking(connection.fileno()))
    os.wait()


if __name__ == "__main__":
    main()
