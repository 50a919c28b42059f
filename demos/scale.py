"""select, poll and epoll with 2 … 8192 connections of which two are active: who looks at them all?

Look at the time of one call. select and poll are handed the whole set every time, and look at every
member of it; epoll was told once (epoll_ctl), and hands out the two that are ready. And look at where
select ends: its set has FD_SETSIZE = 1024 bits, no descriptor from 1024 on fits in.
"""

import itertools
import math
import resource
import select
import socket
import statistics
import time
from collections.abc import Callable

SIZES = (2, 4, 8, 16, 64, 256, 1024, 2048, 4096, 8192)
ACTIVE = 2
CALLS = 23


def median_us(wait: Callable[[], int]) -> float:
    """Call ``wait`` often; return what one call takes."""
    took = []
    for _ in range(CALLS):
        began = time.perf_counter_ns()
        ready = wait()
        took.append((time.perf_counter_ns() - began) / 1000)
        assert ready == ACTIVE
    return statistics.median(took)


def measure(watched: list[socket.socket]) -> dict[str, float]:
    """Return what one call of each kind takes, in microseconds."""
    poll, epoll = select.poll(), select.epoll()
    for connection in watched:
        poll.register(connection, select.POLLIN)
        epoll.register(connection, select.EPOLLIN)
    took = {"poll": median_us(lambda: len(poll.poll(0))), "epoll": median_us(lambda: len(epoll.poll(0)))}
    epoll.close()
    fds = [connection.fileno() for connection in watched]
    try:
        took["select"] = median_us(lambda: len(select.select(fds, [], [], 0)[0]))
    except ValueError as error:
        print(f"select, {len(fds)} connections: ValueError: {error}")
    return took


def show(table: dict[int, dict[str, float]]) -> None:
    print(
        f"µs for one call, {ACTIVE} of N connections ready; s, p, e from 0.1 µs to 10 ms, each step ten times"
    )
    for size, took in table.items():
        chart = list("|         " * 5 + "|")
        for name, us in sorted(took.items(), reverse=True):
            chart[round(10 * math.log10(us * 10))] = name[0]
        numbers = "  ".join(
            f"{name} {took[name]:6.1f}" for name in ("select", "poll", "epoll") if name in took
        )
        print(f"{size:5} {''.join(chart)} {numbers}")
    for (few, at_few), (many, at_many) in itertools.pairwise(table.items()):
        below, above = at_few["epoll"] - at_few["poll"], at_many["poll"] - at_many["epoll"]
        if below >= 0 and above > 0:
            crossing = few + (many - few) * below / (below + above)
            print(f"epoll overtakes poll at about {crossing:.0f} connections")
            break


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    pairs: list[tuple[socket.socket, socket.socket]] = []
    table: dict[int, dict[str, float]] = {}
    for size in SIZES:
        if 2 * size + 64 > hard:  # both ends of every connection, and what Python has open
            print(f"{size} connections are more than `ulimit -Hn` allows: {hard} descriptors")
            continue
        pairs += [socket.socketpair() for _ in range(size - len(pairs))]
        for _, active in pairs[:ACTIVE]:
            active.send(b"!")  # nobody reads it: these two stay ready
        table[size] = measure([watched for watched, _ in pairs])
    show(table)


if __name__ == "__main__":
    main()
