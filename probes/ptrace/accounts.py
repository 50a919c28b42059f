"""The scheduler's accounts of a thread: how long it ran and queued, how often it was given a CPU.

``/proc/PID/task/TID/schedstat`` holds nanoseconds on a CPU, nanoseconds on a run queue, and the number
of times that the thread came onto a CPU (Documentation/scheduler/sched-stats.rst). The third
field decides between waiting and not waiting without any measuring error: from the stop at a call's
entry to the stop at its exit a thread comes onto a CPU once, to run the call. If it came only once,
it left the CPU nowhere in between, so it neither slept nor queued.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

_SIZE = 64
UNKNOWN = -1


def available() -> bool:
    """Tell whether this kernel keeps the accounts; without CONFIG_SCHED_INFO the file is absent or zeros."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:
            return file.read(_SIZE).split() != [b"0", b"0", b"0"]
    except OSError:
        return False


def open_accounts(tgid: int, tid: int) -> int:
    """Open the accounts of a thread and return the descriptor, or :data:`UNKNOWN`.

    Raises ``OSError`` (EMFILE, ENFILE) only where descriptors run out.
    """
    try:
        return os.open(f"/proc/{tgid}/task/{tid}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        return UNKNOWN


def close_accounts(descriptors: Iterable[int]) -> None:
    """Close what :func:`open_accounts` returned."""
    for descriptor in descriptors:
        if descriptor != UNKNOWN:
            os.close(descriptor)


def between(before: bytes, after: bytes, wall_ns: int) -> tuple[int, int]:
    """Return how many nanoseconds of ``wall_ns`` a thread slept and queued, by its accounts at both ends.

    The wait for a CPU after the entry's stop is the tracer's doing, but cannot be told from the call's own.
    """
    ran_before, queued_before, times_before = before.split()
    ran_after, queued_after, times_after = after.split()
    if int(times_after) - int(times_before) < 2:
        return 0, 0
    queued = max(int(queued_after) - int(queued_before), 0)
    asleep = wall_ns - queued - (int(ran_after) - int(ran_before))
    return max(asleep, 0), queued


def queued(before: bytes, after: bytes) -> int:
    """Return for how many nanoseconds a thread queued from one reading of its accounts to another."""
    return int(after.split()[1]) - int(before.split()[1])
