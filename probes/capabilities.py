"""Capabilities of this process: which it has, which it gives up, which its target must not get.

capget(2) and capset(2) are of one thread. A thread that it starts later has what it has then; exec by user 0
gives all that the bounding set leaves, whatever was given up before (capabilities(7)).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3, include/uapi/linux/capability.h
_PR_SET_KEEPCAPS = 8


class Capability(IntEnum):
    """Those that a tracer has a use for; include/uapi/linux/capability.h."""

    DAC_OVERRIDE = 1
    DAC_READ_SEARCH = 2
    KILL = 5
    SYS_PTRACE = 19
    SYS_ADMIN = 21
    PERFMON = 38
    BPF = 39


#: What somebody grants to a tracer, and not to what it starts.
OURS = frozenset(Capability)


class Sets(NamedTuple):
    """The sets of a thread as bit masks."""

    effective: int
    permitted: int
    inheritable: int


def held() -> Sets:
    """Return the sets of this thread. Raises ``OSError``."""
    words = (ctypes.c_uint32 * 6)()
    _checked(_libc().capget(_header(), words))
    return Sets(*(words[place] | words[place + 3] << 32 for place in range(3)))


def restrict(allowed: Iterable[Capability]) -> None:
    """Give up, in this thread, all but ``allowed``; none can be inherited. Raises ``OSError``."""
    left = held().permitted & _mask(allowed)
    _set(Sets(left, left, 0))


@contextmanager
def only(wanted: Iterable[Capability]) -> Iterator[None]:
    """Have no other than ``wanted`` in effect, in this thread, while the block runs. Raises ``OSError``."""
    sets = held()
    _set(sets._replace(effective=sets.permitted & _mask(wanted)))
    try:
        yield
    finally:
        _set(sets)


def withhold(kept_back: Iterable[Capability] | None = None) -> None:
    """Let no program that this process becomes inherit these (None: any), ambient ones too.

    A capability is ambient only as long as it is inheritable. Raises ``OSError``.
    """
    sets = held()
    left = 0 if kept_back is None else sets.inheritable & ~_mask(kept_back)
    if left != sets.inheritable:
        _set(sets._replace(inheritable=left))


def become(uid: int, gid: int, groups: Iterable[int], keeping: Iterable[Capability] = ()) -> None:
    """Be another user for good, with all threads; this one keeps ``keeping``. Raises ``OSError``."""
    os.setgroups(list(groups))
    _checked(_libc().prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    _checked(_libc().prctl(_PR_SET_KEEPCAPS, 0, 0, 0, 0))
    restrict(keeping)


def _set(sets: Sets) -> None:
    low, high = [each & 0xFFFFFFFF for each in sets], [each >> 32 for each in sets]
    _checked(_libc().capset(_header(), (ctypes.c_uint32 * 6)(*low, *high)))


def _mask(wanted: Iterable[Capability]) -> int:
    return sum(1 << each for each in set(wanted))


def _header() -> ctypes.Array[ctypes.c_uint32]:
    return (ctypes.c_uint32 * 2)(_VERSION, 0)  # 0: the calling thread


def _checked(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
