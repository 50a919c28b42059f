"""1 KiB in a pipe, read 512 bytes at a time: level-triggered epoll reports a state, edge-triggered a change.

Look at the second epoll_wait() of each half. Level-triggered it returns at once, for 512 bytes are still
there. Edge-triggered it sleeps beside the same 512 bytes: it has told of them. The bug is kept on purpose:
who does not read until EAGAIN loses this wake-up, for ever if the writer waits for an answer. More bytes
are news: then the old and the new can be read together.
"""

import os
import select

TURNS = 5
PATIENCE_S = 0.1


def level_triggered() -> None:
    reader, writer, epoll = pipe_watched_by(select.EPOLLIN)
    for _ in range(TURNS):
        os.write(writer, b"x" * 1024)
        told = [bool(epoll.poll(PATIENCE_S))]
        os.read(reader, 512)
        told.append(bool(epoll.poll(PATIENCE_S)))  # at once: 512 bytes are left
        os.read(reader, 512)
        told.append(bool(epoll.poll(PATIENCE_S)))  # sleeps: the pipe is empty
    print("level: told of 1024 bytes, of the 512 that were left, and of none:", *told)


def edge_triggered() -> None:
    reader, writer, epoll = pipe_watched_by(select.EPOLLIN | select.EPOLLET)
    for _ in range(TURNS):
        os.write(writer, b"x" * 1024)
        told = [bool(epoll.poll(PATIENCE_S))]
        os.read(reader, 512)
        told.append(bool(epoll.poll(PATIENCE_S)))  # sleeps, beside 512 bytes
        os.write(writer, b"y" * 512)
        told.append(bool(epoll.poll(PATIENCE_S)))  # at once: that was news
        read_until_empty(reader)
    print("edge: told of 1024 bytes, of the 512 that were left, and of 512 more:", *told)


def read_until_empty(reader: int) -> bytes:
    """Read as an edge-triggered reader must: until EAGAIN says that nothing is left."""
    data = b""
    while True:
        try:
            data += os.read(reader, 512)
        except BlockingIOError:
            return data


def pipe_watched_by(events: int) -> tuple[int, int, select.epoll]:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    epoll = select.epoll()
    epoll.register(reader, events)
    return reader, writer, epoll


if __name__ == "__main__":
    level_triggered()
    edge_triggered()
