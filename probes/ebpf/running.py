"""Processes that run already: all threads of a tree, also those that come while we look."""

from __future__ import annotations

import os
from collections.abc import Sequence

from probes.contract import ProbeError
from probes.ebpf.session import Session
from probes.process_tree import tasks, threads


def join(session: Session, pids: Sequence[int]) -> int:
    """Follow the processes and their descendants; return how many tasks found no room.

    A task that a followed one makes is followed by the kernel; one that another makes before that is met on
    the next look. It ends when a look meets nobody new. Raises :class:`ProbeError` where a process is gone.
    """
    met: set[int] = set()
    refused = 0
    while True:
        new = [(tgid, tid) for pid in pids for tgid, tid in tasks(pid) if tid not in met]
        if not new:
            break
        for tgid, tid in new:
            met.add(tid)
            several = tid != tgid or len(threads(tgid)) > 1
            refused += not session.join(tid, tgid, several)
            if not os.path.exists(f"/proc/{tgid}/task/{tid}"):
                session.leave(tid)
    if not met:
        raise ProbeError(f"no process {pids[0]}: it has ended")
    return refused
