"""Where each thread slept: call by call, and on which descriptor, with percentiles and a histogram.

Asleep in a wait for something to do (readiness, a connection, a signal, a child) a thread is *idle*; asleep
in anything else while it has a loop to serve it is *stalled* (:mod:`iotrace.analysis.stalls`); otherwise it
is *blocked*: in a receive, a send, a lock, a disk.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from iotrace.analysis.axis import Ints, take
from iotrace.analysis.calls import Calls, is_role, sleep_bounded
from iotrace.analysis.model import Analysis, Basis
from iotrace.analysis.statistics import rank
from probes.table import CALLS, Role


class State(IntEnum):
    """Why a thread slept."""

    IDLE = 0
    STALLED = 1
    BLOCKED = 2

    @property
    def label(self) -> str:
        """The name used in JSON."""
        return self.name.lower()


@dataclass(frozen=True)
class Sleep:
    """All sleeps of one thread in one call, in one state, on one descriptor.

    ``life`` is an index in ``Analysis.descriptors``, -1 for none or several; ``descriptors`` counts them.
    Times are how long it was asleep, upper bounds where ``basis`` is bounded. ``histogram`` maps k to how
    many lasted from 2**k ns to less than 2**(k+1).
    """

    tgid: int
    tid: int
    name: str
    state: State
    life: int
    descriptors: int
    count: int
    total_ns: int
    p50_ns: int
    p90_ns: int
    p99_ns: int
    max_ns: int
    histogram: dict[int, int]
    basis: Basis


_IDLE = (Role.WAIT, Role.ACCEPT, Role.SIGNAL_WAIT, Role.CHILD_WAIT)


def sleeps(
    analysis: Analysis,
    threads: Collection[int] = (),
    fds: Collection[int] = (),
    by_descriptor: bool = True,
) -> list[Sleep]:
    """Return where the threads slept, the longest in sum first; only of ``threads`` and on ``fds`` if given.

    Without ``by_descriptor`` the descriptors of one thread's call share one line.
    """
    calls = analysis.call_columns
    chosen = calls.slept & ~calls.pending
    if threads:
        chosen &= np.isin(calls.tid, list(threads))
    if fds:
        chosen &= np.isin(calls.fd, list(fds))
    at = np.flatnonzero(chosen)
    if not len(at):
        return []
    life = analysis.lives[calls.row[at]].astype(np.int64)
    root = take(analysis.roots, life, -1)
    state = _states(analysis, calls, at)
    keys = np.stack(
        [calls.tid[at], calls.code[at].astype(np.int64), state, root if by_descriptor else 0 * root]
    )
    groups, group = _grouped(keys)
    return _lines(calls, at, life, root, state, groups, group)


def _states(analysis: Analysis, calls: Calls, at: Ints) -> Ints:
    state = np.where(is_role(calls, *_IDLE)[at], int(State.IDLE), int(State.BLOCKED))
    if analysis.stalls is not None and len(analysis.stalls):
        stalled = np.zeros(len(calls), bool)
        stalled[analysis.stalls.call] = True
        state[stalled[at]] = State.STALLED
    return state


def _grouped(keys: Ints) -> tuple[int, Ints]:
    """Return how many different columns there are, and which of them each one is."""
    dense = np.zeros(keys.shape[1], np.int64)
    for key in keys:
        _, number = np.unique(key, return_inverse=True)
        _, dense = np.unique(dense * (int(number.max()) + 1) + number, return_inverse=True)
    return int(dense.max()) + 1, dense.astype(np.int64)


def _lines(
    calls: Calls, at: Ints, life: Ints, root: Ints, state: Ints, groups: int, group: Ints
) -> list[Sleep]:
    asleep = calls.asleep_ns[at]
    order = np.lexsort((asleep, group))
    count = np.bincount(group, minlength=groups)
    end = np.cumsum(count)
    first = end - count
    asleep = asleep[order]
    total = np.add.reduceat(asleep, first)
    bucket = np.frexp(np.maximum(asleep, 1).astype(np.float64))[1] - 1
    table = np.bincount(group[order] * 64 + bucket, minlength=groups * 64).reshape(groups, 64)
    pairs = np.unique(group << 32 | (root + 1))
    descriptors = np.bincount(pairs >> 32, (pairs & 0xFFFFFFFF) > 0, groups).astype(np.int64)
    bounded = np.bincount(group, sleep_bounded(calls.flags[at]), groups) > 0
    found = []
    for index in np.argsort(-total, kind="stable").tolist():
        some = int(order[first[index]])
        call = int(at[some])
        mine = asleep[first[index] : end[index]]
        p50, p90, p99 = (int(mine[rank(len(mine), share)]) for share in (0.5, 0.9, 0.99))
        found.append(
            Sleep(
                int(calls.tgid[call]),
                int(calls.tid[call]),
                CALLS[calls.code[call]].name,
                State(int(state[some])),
                int(life[some]) if descriptors[index] == 1 else -1,
                int(descriptors[index]),
                int(count[index]),
                int(total[index]),
                p50,
                p90,
                p99,
                int(mine[-1]),
                {int(k): int(table[index, k]) for k in np.flatnonzero(table[index])},
                Basis.BOUNDED if bounded[index] else Basis.MEASURED,
            )
        )
    return found
