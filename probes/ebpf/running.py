"""Processes that run already: all threads of a tree, also those that come while we look."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from probes.contract import ProbeError
from probes.ebpf.session import Session


def join(session: Session, pids: Sequence[int]) -> int:
    """Follow the processes and their descendants; return how many tasks found no room.

    A task that a followed one makes is followed by the kernel; one that another makes before that is met on
    the next look. It ends when a look meets nobody new. Raises :class:`ProbeError` where a process is gone.
    """
    met: set[int] = set()
    refused = 0
    while True:
        new = [(tgid, tid) for pid in pids for tgid, tid in _tree(pid) if tid not in met]
        if not new:
            break
        for tgid, tid in new:
            met.add(tid)
            several = tid != tgid or len(_threads(tgid)) > 1
            refused += not session.join(tid, tgid, several)
            if not os.path.exists(f"/proc/{tgid}/task/{tid}"):
                session.leave(tid)
    if not met:
        raise ProbeError(f"no process {pids[0]}: it has ended")
    return refused


def _tree(pid: int) -> Iterator[tuple[int, int]]:
    """Yield (process, thread) of a process and its descendants; proc(5), ``task`` and ``children``."""
    waiting = [pid]
    while waiting:
        tgid = waiting.pop()
        if tgid == os.getpid():  # the shell that was asked for has started us: nobody records himself
            continue
        for tid in _threads(tgid):
            yield tgid, tid
            try:
                waiting += map(int, Path(f"/proc/{tgid}/task/{tid}/children").read_text().split())
            except OSError:
                continue


def _threads(tgid: int) -> list[int]:
    try:
        return sorted(map(int, os.listdir(f"/proc/{tgid}/task")))
    except OSError:
        return []
