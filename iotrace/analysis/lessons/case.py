"""What a lesson looks at: the whole analysis, in the columns it was worked out of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import Calls
from iotrace.analysis.descriptors import Lives
from iotrace.analysis.model import Act, CallStatistics, Descriptor, MatrixRow, Verdict
from iotrace.analysis.operation import Operations
from iotrace.analysis.readiness import Readiness, Registrations
from iotrace.analysis.stalls import Stalls, find
from iotrace.columns import Events
from iotrace.language import ngettext


@dataclass(frozen=True)
class Case:
    """One recording, analysed. ``sets`` are the entries of waits, ``control`` the epoll registrations."""

    events: Events
    calls: Calls
    lives: Lives
    sets: Readiness
    control: Registrations
    operations: Operations
    descriptors: Sequence[Descriptor]
    verdicts: Mapping[Act, Verdict]
    matrix: Sequence[MatrixRow]
    statistics: Sequence[CallStatistics]

    @cached_property
    def root(self) -> Ints:
        """The open file of each call's descriptor, (calls,); -1 where it has none."""
        return take(self.lives.root, self.lives.of_call, -1)

    @cached_property
    def entry_root(self) -> Ints:
        """The open file of each entry of a set, (entries,); -1 where nothing is known of it."""
        time = self.calls.exit_ns[self.sets.call]
        return take(self.lives.root, self.lives.find(self.sets.tgid, self.sets.fd, time), -1)

    @cached_property
    def timeout(self) -> Ints:
        """Column ``c`` of each call, (calls,): of waits the timeout in ns, -1 for ever."""
        values: Ints = self.events["c"][self.calls.row]
        return values

    @cached_property
    def asked(self) -> Ints:
        """Column ``a`` of each call, (calls,): of receives the room, of select and poll how many."""
        values: Ints = self.events["a"][self.calls.row]
        return values

    @cached_property
    def ready(self) -> Ints:
        """When data became ready, as the kernel told each call, (calls,); 0 unseen."""
        values: Ints = self.events["ready_ns"][self.calls.row]
        return values

    @cached_property
    def stalls(self) -> Stalls:
        """The loops' sleeps elsewhere than in their waits."""
        return find(self)

    @cached_property
    def announced(self) -> Axis:
        """Every entry that was ready, as (open file, return of its wait)."""
        ready = np.flatnonzero((self.sets.revents != 0) & (self.entry_root >= 0))
        return Axis(self.entry_root[ready], self.calls.exit_ns[self.sets.call[ready]])

    def announced_since(self, root: Ints, since: Ints, until: Ints) -> NDArray[np.bool_]:
        """Return (m,) bool: did a wait that returned in (since, until] name the open file?"""
        return self.announced.slot(root, until) > self.announced.slot(root, since)

    def is_kind(self, *kinds: str) -> NDArray[np.bool_]:
        """Return (lives + 1,) bool: the lives of these kinds; the last, index -1, is of none."""
        return np.array([kind in kinds for kind in self.lives.kind] + [False], bool)

    def call_of_row(self, row: Ints) -> Ints:
        """Return (m,) the calls index of event rows that are calls, -1 for the others."""
        if not len(self.calls):
            return np.full(len(row), -1, np.int64)
        at = np.minimum(np.searchsorted(self.calls.row, row), len(self.calls) - 1)
        return np.where(self.calls.row[at] == row, at, -1)

    def named(self, life: int) -> str:
        """Name a descriptor for evidence: ``fd 3 (listen 127.0.0.1:8801)``. Not yet escaped."""
        what = self.descriptors[int(life)]
        words = f"{what.kind} {what.name}".strip() if what.kind != "unknown" else what.name
        return f"fd {what.fd} ({words})" if words else f"fd {what.fd}"


#: Returns the evidence in one sentence, or None where the recording does not show it.
Find = Callable[[Case], str | None]


def milliseconds(ns: int) -> str:
    """Write a duration for a sentence: ``1.20 s``, ``34.5 ms``, ``12 µs``."""
    if ns >= 1_000_000_000:
        return f"{ns / 1e9:.2f} s"
    return f"{ns / 1e6:.1f} ms" if ns >= 1_000_000 else f"{ns / 1e3:.0f} µs"


def times(count: int) -> str:
    """Write how often: ``once``, ``23 times``."""
    return ngettext("once", "{n} times", count).format(n=count)
