"""What a process has open when it begins: rows that no system call would tell us."""

from __future__ import annotations

import os
import time

import numpy as np

from probes.events import EVENT, Batch, Kind, batch


def open_descriptors(pid: int) -> Batch:
    """Return a DESCRIPTOR row for each descriptor of ``pid``; proc(5), ``fd`` and ``fdinfo``.

    Descriptors that are closed at exec are left out: the process has yet to become its program.
    """
    found: list[tuple[int, int, bytes]] = []
    for name in _listing(f"/proc/{pid}/fd"):
        flags = _flags(pid, name)
        if flags is None or flags & os.O_CLOEXEC:
            continue
        try:
            link = os.readlink(os.fsencode(f"/proc/{pid}/fd/{name}"))
        except OSError:
            continue
        found.append((int(name), flags, link))
    found.sort()
    rows = np.zeros(len(found), EVENT)
    rows["kind"] = Kind.DESCRIPTOR
    rows["enter_ns"] = time.monotonic_ns()
    rows["tid"] = rows["tgid"] = pid
    rows["fd"] = [fd for fd, _, _ in found]
    rows["a"] = [flags for _, flags, _ in found]
    return batch(rows, blob={index: link for index, (_, _, link) in enumerate(found)})


def _listing(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _flags(pid: int, name: str) -> int | None:
    try:
        with open(f"/proc/{pid}/fdinfo/{name}") as lines:
            return next((int(line.split()[1], 8) for line in lines if line.startswith("flags:")), None)
    except (OSError, ValueError):
        return None
