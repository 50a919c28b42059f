"""One after another, a process, a thread for every connection, or an event loop: who waits, what it costs.

Look at the answers' times. With one connection the event loop is not faster: it makes one more call for
each request (epoll_wait). With seven, who serves one after another lets six wait; the other three do not,
and what differs is the price: tasks made, memory (RSS counts what processes share once in each of them,
PSS once in all), switches between tasks.
"""

import os
import selectors
import signal
import socket
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

CONNECTIONS = (1, 7)
REQUESTS = 11  # of each
THINK_S = 0.005
REQUEST = b"what is the time?"


def converse(connection: socket.socket) -> None:
    """Answer until the client leaves."""
    with connection:
        while request := connection.recv(len(REQUEST)):
            connection.sendall(request)


def one_after_another(server: socket.socket) -> None:
    while True:
        converse(server.accept()[0])


def process_each(server: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children that ended leave nothing behind
    while True:
        connection, _ = server.accept()
        if os.fork() == 0:
            converse(connection)
            os._exit(0)
        connection.close()


def thread_each(server: socket.socket) -> None:
    while True:
        threading.Thread(target=converse, args=(server.accept()[0],), daemon=True).start()


def event_loop(server: socket.socket) -> None:
    selector = selectors.DefaultSelector()
    selector.register(server, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is server:
                selector.register(server.accept()[0], selectors.EVENT_READ)
                continue
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            if request := connection.recv(len(REQUEST)):
                connection.sendall(request)
            else:
                selector.unregister(connection)
                connection.close()


def client(port: int, tell: int, stay: int, leave: int, stays: bool) -> None:
    """Ask, tell how long each answer took, and stay until the other end of ``stay`` is closed."""
    os.close(leave)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(REQUESTS):
            time.sleep(THINK_S)
            began = time.perf_counter()
            connection.sendall(REQUEST)
            connection.recv(len(REQUEST), socket.MSG_WAITALL)
            os.write(tell, f"{(time.perf_counter() - began) * 1e6:16.1f}".encode())
        if stays:
            os.read(stay, 1)


def child(act: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(0)
    return pid


def switches(task: Path) -> int:
    """Return how often a task (a folder of /proc) went to sleep; psutil tells it of first threads only."""
    lines = (line.split() for line in (task / "status").read_text().splitlines())
    return next(int(words[1]) for words in lines if words[0] == "voluntary_ctxt_switches:")


def measure(serve: Callable[[socket.socket], None], connections: int) -> tuple[float, ...]:
    """Return the mean answer in µs; tasks made, RSS and PSS in MiB, switches for each answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, pid = server.getsockname()[1], child(lambda: serve(server))
    told, tell = os.pipe()
    stay, leave = os.pipe()
    stays = serve is not one_after_another  # there the next one waits until we leave
    clients = [child(lambda: client(port, tell, stay, leave, stays)) for _ in range(connections)]
    took = [float(os.read(told, 16)) for _ in range(connections * REQUESTS)]
    server_process = psutil.Process(pid)
    processes = [server_process, *server_process.children()]
    memory = [process.memory_full_info() for process in processes]
    rss, pss = (sum(each) / (1 << 20) for each in zip(*((one.rss, one.pss) for one in memory), strict=True))
    tasks = [task for process in processes for task in Path(f"/proc/{process.pid}/task").iterdir()]
    slept = sum(switches(task) for task in tasks) / len(took)
    for end in (told, tell, stay, leave):
        os.close(end)
    for each in clients:
        os.waitpid(each, 0)
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    return statistics.mean(took), len(tasks) - 1, rss, pss, slept


def main() -> None:
    few, many = CONNECTIONS
    print(f"µs an answer {few:11}{many:9} connections    tasks  RSS MiB    PSS  switches each")
    for name, serve in (
        ("one after another", one_after_another),
        ("process each", process_each),
        ("thread each", thread_each),
        ("event loop", event_loop),
    ):
        alone = measure(serve, few)[0]
        among, tasks, rss, pss, slept = measure(serve, many)
        print(f"{name:23}{alone:9.0f}{among:9.0f}{tasks:22.0f}{rss:9.1f}{pss:7.1f}{slept:15.1f}")


if __name__ == "__main__":
    main()
