"""POSIX aio: "asynchronous" because somebody else is blocked.

Look at the threads. aio_read() returns at once, and the process computes. But the C library has made
a thread (clone), and that thread sleeps in read() until the data are there, then copies them: blocking
I/O in both phases as ever, only not in the thread that asked. Compare io_uring_echo.py, which has none.
"""

import ctypes
import errno
import os
import socket
import time

MESSAGE = 1 << 16
MESSAGES = 7
THINK_S = 0.05


class ControlBlock(ctypes.Structure):
    """glibc's struct aiocb on a 64-bit machine, aio(7)."""

    _fields_ = (
        ("fildes", ctypes.c_int),
        ("lio_opcode", ctypes.c_int),
        ("reqprio", ctypes.c_int),
        ("buf", ctypes.c_void_p),
        ("nbytes", ctypes.c_size_t),
        ("sigevent", ctypes.c_uint8 * 64),
        ("private", ctypes.c_uint8 * 32),
        ("offset", ctypes.c_int64),
        ("reserved", ctypes.c_uint8 * 32),
    )


libc = ctypes.CDLL("libc.so.6", use_errno=True)
libc.aio_return.restype = ctypes.c_ssize_t


def receive(fd: int, buffer: ctypes.Array[ctypes.c_char]) -> tuple[int, int]:
    """Ask for a message, and compute until it has come; return its length and how much we computed."""
    request = ControlBlock(fildes=fd, buf=ctypes.addressof(buffer), nbytes=MESSAGE)
    request.sigevent[12] = 1  # SIGEV_NONE: send no signal, we look ourselves
    if libc.aio_read(ctypes.byref(request)):  # returns at once
        raise OSError(ctypes.get_errno(), "aio_read")
    computed = 0
    while (error := libc.aio_error(ctypes.byref(request))) == errno.EINPROGRESS:  # no system call
        computed += sum(number * number for number in range(1000)) > 0
    if error:
        raise OSError(error, "aio_read")
    return libc.aio_return(ctypes.byref(request)), computed


def send_slowly(connection: socket.socket) -> None:
    for number in range(MESSAGES):
        time.sleep(THINK_S)
        connection.send(bytes([number]) * MESSAGE)


def main() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # a message is a message
    if os.fork() == 0:
        send_slowly(theirs)
        os._exit(0)
    buffer = ctypes.create_string_buffer(MESSAGE)
    for number in range(MESSAGES):
        length, computed = receive(ours.fileno(), buffer)
        right = length == MESSAGE and buffer.raw == bytes([number]) * MESSAGE
        print(f"message {number}: {'right' if right else 'wrong'}, and {computed} sums meanwhile")
    print(f"threads of this process that asked for one: {len(os.listdir('/proc/self/task'))}")


if __name__ == "__main__":
    main()
