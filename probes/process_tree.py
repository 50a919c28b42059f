"""The tasks of processes that run already, as /proc lists them: proc(5), ``task`` and ``children``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def tasks(pid: int) -> Iterator[tuple[int, int]]:
    """Yield (process, thread) of a process and its descendants, but for this process and its own."""
    waiting = [pid]
    while waiting:
        tgid = waiting.pop()
        if tgid == os.getpid():  # the shell that was asked for has started us: nobody records himself
            continue
        for tid in threads(tgid):
            yield tgid, tid
            try:
                waiting += map(int, Path(f"/proc/{tgid}/task/{tid}/children").read_text().split())
            except OSError:
                continue


def threads(tgid: int) -> list[int]:
    """Return the threads of a process; none where it has ended."""
    try:
        return sorted(map(int, os.listdir(f"/proc/{tgid}/task")))
    except OSError:
        return []
