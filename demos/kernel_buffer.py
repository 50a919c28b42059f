"""The kernel's buffer: empty, not empty, full, not full; whoever is too fast sleeps.

Look at the two processes. The reader's first read() sleeps: the buffer is empty. One write(), it is
not empty, and the reader is woken. The reader turns to something else; the writer goes on until the
buffer is full, and sleeps in write(). The reader comes back: not full, the writer is woken. In the end
the reader has emptied the buffer, and sleeps again. First through a pipe, then through TCP, whose
buffer is two, the sender's and the receiver's, and which wakes a writer only when much of it is free.
"""

import os
import socket
import time

CHUNK = 4096
CHUNKS = 67  # more than both kinds of buffer hold
PAUSE_S = 0.15


def write_all(fd: int) -> None:
    time.sleep(PAUSE_S)  # the buffer is empty: the reader sleeps
    for _ in range(CHUNKS):
        written = 0
        while written < CHUNK:
            written += os.write(fd, bytes(CHUNK - written))  # sleeps while the buffer is full
    time.sleep(PAUSE_S)


def read_all(fd: int) -> int:
    received = len(os.read(fd, CHUNK))  # sleeps until the buffer is not empty
    time.sleep(3 * PAUSE_S)  # meanwhile the writer fills it, and sleeps
    while data := os.read(fd, CHUNK):
        received += len(data)
    return received


def tcp() -> tuple[int, int]:
    """Return the reading and the writing end of a TCP connection with small buffers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 10)  # inherited by what it accepts
        writer = socket.socket()
        writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 << 10)
        writer.connect(listening.getsockname())
        return listening.accept()[0].detach(), writer.detach()


def main() -> None:
    for name, ends in (("pipe", os.pipe), ("TCP", tcp)):
        reading, writing = ends()
        if os.fork() == 0:
            os.close(writing)
            print(f"{name}: {read_all(reading)} bytes read", flush=True)
            os._exit(0)
        os.close(reading)
        write_all(writing)
        os.close(writing)
        os.wait()


if __name__ == "__main__":
    main()
