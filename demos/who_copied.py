"""io_uring without IOSQE_ASYNC: asynchronous on paper, and the process's own thread copies.

Look at phase 2. The process computes while there are no data, but the copy is made by its own thread, the
next time that it enters the kernel. In io_uring_echo.py, one flag more, a kernel thread (iou-wrk) copies.
"""

import os
import socket
import sys
import time

try:
    from liburing import (
        Cqe,
        Ring,
        io_uring_cq_ready,
        io_uring_cqe_seen,
        io_uring_get_sqe,
        io_uring_peek_cqe,
        io_uring_prep_recv,
        io_uring_queue_init,
        io_uring_submit,
    )
except ImportError:
    sys.exit("who_copied.py needs the package liburing: python -m pip install liburing")

MESSAGE, MESSAGES, THINK_S = 1 << 16, 7, 0.05


def receive(ring: Ring, connection: socket.socket, buffer: bytearray) -> int:
    """Ask for a message, and compute until it has come; return its length."""
    io_uring_prep_recv(io_uring_get_sqe(ring), connection.fileno(), buffer, 0)  # without IOSQE_ASYNC
    io_uring_submit(ring)
    while not io_uring_cq_ready(ring):
        sum(number * number for number in range(1000))
    io_uring_peek_cqe(ring, completion := Cqe())
    length = int(completion[0].res)  # negative: an error
    io_uring_cqe_seen(ring, completion[0])
    return length


def main() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # a message is a message
    if os.fork() == 0:
        for number in range(MESSAGES):
            time.sleep(THINK_S)
            theirs.send(bytes([number]) * MESSAGE)
        os._exit(0)
    ring, buffer = Ring(), bytearray(MESSAGE)
    try:
        io_uring_queue_init(8, ring)
    except OSError as error:
        sys.exit(f"io_uring cannot be used here: {error} (see /proc/sys/kernel/io_uring_disabled)")
    for number in range(MESSAGES):
        length = receive(ring, ours, buffer)
        print(f"message {number}: {'right' if buffer[:length] == bytes([number]) * MESSAGE else 'wrong'}")


if __name__ == "__main__":
    main()
