"""Give up, once the probe is attached, what attaching needed: for a process that does one run and ends.

Two things that are left need a privilege: to end processes of the target that have become another user
(CAP_KILL), and to read modules of a Python that only root may read, and the recording, which is the invoking
user's (CAP_DAC_READ_SEARCH). Linux before 5.19 wants CAP_BPF even to look into a map that is open
already; whether it does is tried, not guessed.

Capabilities are a thread's, so it must happen while there is one thread: numpy is imported without those of
OpenBLAS, pyarrow not at all yet. Threads that are started later have what is left.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from iotrace.invoking_user import User
from probes.capabilities import Capability, become, only, restrict

_KEPT = frozenset((Capability.KILL, Capability.DAC_READ_SEARCH))
_THREADS = "OPENBLAS_NUM_THREADS"


@runtime_checkable
class Confinable(Protocol):
    """A probe that needs privileges only to start."""

    def can_read(self) -> bool:
        """Return whether what was recorded can be read with the privileges in effect."""


def import_numpy() -> None:
    """Import numpy without threads, and leave no trace of that in the environment."""
    if "numpy" in sys.modules or _THREADS in os.environ:
        return
    os.environ[_THREADS] = "1"
    try:
        import numpy  # noqa: F401
    finally:
        del os.environ[_THREADS]


def confine(owner: User | None, can_read: Callable[[], bool], ends_others: bool = True) -> None:
    """Keep what the rest of a run needs, and be ``owner`` where one is given. Raises ``OSError``.

    ``ends_others``: it may have to end processes of another user.
    """
    root = os.geteuid() == 0
    kept = _KEPT if root else _KEPT - {Capability.DAC_READ_SEARCH}
    kept -= frozenset() if ends_others else {Capability.KILL}
    with only(kept):
        if not can_read():
            kept |= {Capability.BPF, Capability.SYS_ADMIN}
    if owner is not None and root:
        become(owner.uid, owner.gid, owner.groups, kept)
    else:
        restrict(kept)
