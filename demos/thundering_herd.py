"""The thundering herd: four processes wait for one listening socket, and each connection wakes them all.

Look at what follows a connection: more than one poll() returns, for the socket is readable for all of them.
One accept() succeeds, the others come too late, return EAGAIN and have run for nothing. The longer a worker
takes from poll() to accept(), the larger the herd.
"""

import os
import select
import signal
import socket
import time

WORKERS = 4
CONNECTIONS = 23
PAUSE_S = 0.01
BUSY_S = 0.001


def work(listener: socket.socket) -> None:
    """Serve until SIGTERM; the exit status is how often this worker came too late."""
    late = 0
    signal.signal(signal.SIGTERM, lambda *_: os._exit(late))
    poll = select.poll()
    poll.register(listener, select.POLLIN)  # The bug, kept on purpose: epoll has EPOLLEXCLUSIVE for this.
    while True:
        poll.poll()
        time.sleep(BUSY_S)  # stands for anything between being told and accepting
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            late += 1


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    workers = []
    for _ in range(WORKERS):
        if pid := os.fork():
            workers.append(pid)
        else:
            work(listener)
    for _ in range(CONNECTIONS):
        time.sleep(PAUSE_S)
        socket.create_connection(listener.getsockname()).close()
    time.sleep(PAUSE_S)
    late = 0
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
        late += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(f"{CONNECTIONS} connections for {WORKERS} workers, who came too late {late} times")


if __name__ == "__main__":
    main()
