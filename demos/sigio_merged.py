"""SIGIO is a bit, not a queue: two sockets become readable, and one signal is delivered.

Look at the one signal beside the two that became ready. While a signal is pending, a second one of the same
number adds nothing: SIGIO does not count, and does not say who. So this handler asks every descriptor, until
EAGAIN; one that took a message for each signal would leave half of them lying.
"""

import fcntl
import os
import signal
import socket

TURNS = 7

pairs: list[tuple[socket.socket, socket.socket]] = [socket.socketpair() for _ in range(2)]
signals = messages = 0


def on_sigio(*_: object) -> None:
    global signals, messages
    signals += 1
    for reader, _writer in pairs:  # all of them, for the signal does not say which
        try:
            while reader.recv(1):
                messages += 1
        except BlockingIOError:
            pass


def main() -> None:
    signal.signal(signal.SIGIO, on_sigio)
    for reader, _ in pairs:
        fcntl.fcntl(reader, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    for _ in range(TURNS):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})  # as while a handler runs
        for _reader, writer in pairs:
            writer.send(b"x")  # makes SIGIO pending, and then adds nothing
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})
    for reader, _ in pairs:
        fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK)  # no SIGIO for the end of the program
    print(f"{messages} messages, {signals} signals")


if __name__ == "__main__":
    main()
