"""Which rows of a recording to look at: by descriptor, thread, process, call, time, duration, failure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.calls import RESTARTS, code
from iotrace.columns import Events
from probes.events import Kind
from probes.table import CALLS, Decode, Role

#: Rows that are calls, or like one.
_CALLS = np.zeros(256, bool)
_CALLS[[Kind.CALL, Kind.PENDING, Kind.RING]] = True
_FACTS = np.zeros(256, bool)
_FACTS[[Kind.SIGNAL, Kind.TASK_EXIT]] = True

#: Calls whose result is a descriptor, and those with a second descriptor in column ``a`` or ``b``.
MAKES = np.array([call.role in (Role.OPEN, Role.ACCEPT) for call in CALLS], bool)
MAKES[[code(name) for name in ("pipe", "pipe2", "socketpair")]] = False
_FD_IN_A = np.zeros(len(CALLS), bool)
_FD_IN_A[[code(n) for n in ("dup2", "dup3", "sendfile", "splice", "tee", "copy_file_range")]] = True
_FD_IN_B = code("epoll_ctl")
_IN_SET = np.array([call.decode in (Decode.SELECT, Decode.POLL, Decode.RIGHTS) for call in CALLS], bool)
_EPOLL = np.array([call.decode == Decode.EPOLL for call in CALLS], bool)
_PAIRS = np.array([call.decode == Decode.PAIR for call in CALLS], bool)


@dataclass(frozen=True)
class Choice:
    """What to look at; an empty set, 0 and None mean all. Times are absolute, in nanoseconds."""

    fds: frozenset[int] = frozenset()
    threads: frozenset[int] = frozenset()
    processes: frozenset[int] = frozenset()
    calls: frozenset[int] = frozenset()
    slower_ns: int = 0
    failed: bool = False
    from_ns: int | None = None
    to_ns: int | None = None

    def rows(self, events: Events) -> NDArray[np.bool_]:
        """Return (n,) bool: the rows that fit.

        Of calls in flight the duration is unknown here, of epoll's answers whom they name: both fit always.
        Signals, exits and gaps fit unless calls are asked for by what only a call has.
        """
        kind = events["kind"]
        chosen = _CALLS[kind]
        if self.calls:
            named = np.zeros(1 << 16, bool)
            named[list(self.calls)] = True
            chosen &= named[events["code"]] & (kind != Kind.RING)
        if self.failed:
            chosen &= (events["ret"] < 0) & ~np.isin(events["ret"], RESTARTS) & (kind != Kind.PENDING)
        if self.slower_ns:
            long = events["exit_ns"] - events["enter_ns"] >= self.slower_ns
            chosen &= long | (kind == Kind.PENDING)
        if self.fds:
            chosen &= self._on_fds(events)
        if not (self.calls or self.failed or self.slower_ns or self.fds):
            chosen |= _FACTS[kind]
        if self.threads:
            chosen &= np.isin(events["tid"], list(self.threads))
        if self.processes:
            chosen &= np.isin(events["tgid"], list(self.processes))
        chosen |= kind == Kind.GAP
        if self.from_ns is not None:
            last = np.maximum(events["exit_ns"], events["enter_ns"])
            chosen &= (last >= self.from_ns) | (kind == Kind.PENDING)
        if self.to_ns is not None:
            first = np.where(events["enter_ns"] > 0, events["enter_ns"], events["exit_ns"])
            chosen &= first <= self.to_ns
        return chosen

    def _on_fds(self, events: Events) -> NDArray[np.bool_]:
        fds = list(self.fds)
        call = events["kind"] != Kind.RING
        codes = np.where(call & (events["code"] < len(CALLS)), events["code"], code("pause"))
        on = np.isin(events["fd"], fds)
        on |= MAKES[codes] & np.isin(events["ret"], fds)
        on |= _FD_IN_A[codes] & np.isin(events["a"], fds)
        on |= (codes == _FD_IN_B) & np.isin(events["b"], fds)
        pairs = np.flatnonzero(_PAIRS[codes] & (events["ret"] == 0))
        both = events["c"][pairs]
        on[pairs] |= np.isin(both & 0xFFFFFFFF, fds) | np.isin(both >> 32, fds)
        on |= _EPOLL[codes] & (events["ret"] > 0)
        member = np.isin((events.watch & np.uint64(0xFFFFFFFF)).astype(np.int64), fds)
        named = np.r_[0, np.cumsum(member)]
        count = named[events.watch_offsets[1:]] - named[events.watch_offsets[:-1]]
        on |= _IN_SET[codes] & (count > 0)
        return on

    def fits(self, begin_ns: int, end_ns: int) -> bool:
        """Return whether a call in flight from ``begin_ns`` to ``end_ns`` fits in time and duration."""
        return end_ns - begin_ns >= self.slower_ns and (self.from_ns is None or end_ns >= self.from_ns)


def first_moment(events: Events) -> int | None:
    """Return when the earliest row of the target's own began; None where there is none."""
    own = (events["kind"] < Kind.DESCRIPTOR) & (events["enter_ns"] > 0)
    return int(events["enter_ns"][own].min()) if own.any() else None
