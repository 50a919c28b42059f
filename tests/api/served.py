"""Servers for tests of the assertions: functions that are run in processes of their own."""

from __future__ import annotations

import select
import socket
import time


def blocking(port: int) -> None:
    """One connection at a time, asleep in recv."""
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(100):
                    connection.sendall(data)


def loop(port: int, pause_s: float = 0.0) -> None:
    """An event loop on select."""
    server = socket.create_server(("127.0.0.1", port))
    watched = [server]
    while True:
        for ready in select.select(watched, [], [])[0]:
            if ready is server:
                watched.append(server.accept()[0])
            elif data := ready.recv(100):
                time.sleep(pause_s)
                ready.sendall(data)
            else:
                watched.remove(ready)
                ready.close()


def stalling(port: int) -> None:
    """The same, and each answer takes it 80 ms of sleep."""
    loop(port, 0.08)


def clients(port: int) -> None:
    """Three connections with seven messages each, one after the other's message."""
    connections = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(3)]
    for _ in range(7):
        time.sleep(0.01)
        for connection in connections:
            connection.sendall(b"as it was sent")
        for connection in connections:
            assert connection.recv(100) == b"as it was sent"
    for connection in connections:  # and see the server leave: it has served its last turn
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
        connection.close()


def one_client(port: int) -> None:
    """One connection with seven messages."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for _ in range(7):
            time.sleep(0.01)
            connection.sendall(b"as it was sent")
            assert connection.recv(100) == b"as it was sent"
