"""Programs whose files would have given them privileges, and did not: said, for the run differs by it.

Without CAP_SYS_ADMIN the ptrace probe must set no_new_privs, with which exec ignores set-user-ID and
set-group-ID bits and file capabilities (Documentation/userspace-api/no_new_privs.rst). The eBPF probe
changes nothing.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np

from probes.events import Batch, Kind

_MOST = 16  # programs that are named


class Helpers:
    """Looks at each exec of a run for such a program."""

    def __init__(self, pid: int) -> None:
        self.met: list[str] = []
        self._watching = _no_new_privs(pid) and not _no_new_privs(os.getpid())

    def look(self, rows: Batch) -> None:
        """Look at a batch, soon after its events."""
        if not self._watching:
            return
        for row in np.flatnonzero(rows.rows["kind"] == Kind.TASK_EXEC):
            first, last = rows.blob_offsets[row : row + 2]
            path = os.fsdecode(rows.blob[first:last].tobytes())
            if path not in self.met and len(self.met) < _MOST and _gives(path, int(rows.rows["tgid"][row])):
                self.met.append(path)


def _no_new_privs(pid: int) -> bool:
    try:
        return "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text(errors="replace")
    except OSError:
        return False


def _gives(path: str, pid: int) -> bool:
    """Whether a file gives privileges, as the process saw it, or by its name where the process is gone."""
    for name in (f"/proc/{pid}/root{path}" if path.startswith("/") else f"/proc/{pid}/cwd/{path}", path):
        try:
            mode = os.stat(name).st_mode
        except (OSError, ValueError):
            continue
        if mode & stat.S_ISUID or (mode & stat.S_ISGID and mode & stat.S_IXGRP):
            return True
        try:
            return bool(os.getxattr(name, "security.capability"))
        except OSError:
            return False
    return False
