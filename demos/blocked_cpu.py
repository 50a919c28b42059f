"""A blocked process uses no CPU; and what a switch of processes costs.

Look at the read() of the first second: asleep from beginning to end, one voluntary switch. Then two
processes compute on one CPU: the kernel takes it away from each again and again, involuntary switches.
Last, two processes on one CPU throw a byte to and fro: every throw is a switch, because read() has to
sleep, or because the other, just woken, goes first. One process alone makes the same calls without any.
"""

import os
import resource
import time
from collections.abc import Callable

BLOCK_S = 1.0
COMPUTE_S = 0.1
ROUNDS = 2003


def measure(act: Callable[[], object]) -> tuple[float, float, int, int]:
    """Return wall time and CPU time in ms, and how often we left the CPU, willing and unwilling."""
    before, began, cpu = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter(), time.process_time()
    act()
    cpu, took = time.process_time() - cpu, time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    return took * 1000, cpu * 1000, after.ru_nvcsw - before.ru_nvcsw, after.ru_nivcsw - before.ru_nivcsw


def child(act: Callable[[], object]) -> None:
    if os.fork() == 0:
        act()
        os._exit(0)


def write_later(fd: int) -> None:
    time.sleep(BLOCK_S)
    os.write(fd, b"!")


def compute() -> None:
    until = time.perf_counter() + COMPUTE_S
    while time.perf_counter() < until:
        pass


def throw(read_from: int, write_to: int) -> None:
    for _ in range(ROUNDS):
        os.write(write_to, b"o")
        os.read(read_from, 1)


def catch(read_from: int, write_to: int) -> None:
    for _ in range(ROUNDS):
        os.read(read_from, 1)
        os.write(write_to, b"o")


def alone(*pipes: tuple[int, int]) -> None:
    """Write and read as ``throw`` and ``catch`` together do, with nobody to wait for."""
    for _ in range(ROUNDS):
        for reading, writing in pipes:
            os.write(writing, b"o")
            os.read(reading, 1)


def main() -> None:
    there, back = os.pipe(), os.pipe()
    child(lambda: write_later(back[1]))
    rows = [("read that blocks", *measure(lambda: os.read(back[0], 1)))]
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one CPU for us and our children
    child(compute)
    rows.append(("computing beside another", *measure(compute)))
    child(lambda: catch(there[0], back[1]))
    rows.append((f"{ROUNDS} throws to and fro", *measure(lambda: throw(back[0], there[1]))))
    rows.append(("the same calls, alone", *measure(lambda: alone(there, back))))
    print(f"{'':25}   wall ms    CPU ms   voluntary  involuntary switches")
    for name, wall, cpu, voluntary, involuntary in rows:
        print(f"{name:25}{wall:10.1f}{cpu:10.1f}{voluntary:12}{involuntary:13}")
    switch_us = (rows[2][1] - rows[3][1]) * 1000 / ROUNDS / 2
    print(f"one switch costs {switch_us:.2f} µs more than none")


if __name__ == "__main__":
    main()
