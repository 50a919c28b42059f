"""A descriptor's lane: its operations as waiting, data lying unread, and the copy or the accept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.model import Act, Analysis, Basis
from iotrace.timeline.lanes import Ints, Lane, Track, What, track
from iotrace.timeline.threads import processes_of

#: An operation for a client weighs so many times one on a connection that the target made itself.
_CLIENTS_FIRST = 1_000


class DescriptorLanes:
    """The columns of ``Analysis.operations`` that lanes need, each in one piece: its rows are wide."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self.life = np.ascontiguousarray(analysis.operations["life"])
        self._copies: dict[str, NDArray[np.generic]] = {}
        self._processes = processes_of(analysis)

    def weights(self, wanted: NDArray[np.bool_] | None = None) -> dict[int, int]:
        """Return {life: weight} of every descriptor with operations, among the (operations,) ``wanted``.

        The weight is their number, that of clients before that of connections the target made itself.
        """
        known = self.life >= 0
        chosen = np.flatnonzero(known if wanted is None else known & wanted)
        if not len(chosen):
            return {}
        upstream = self._column("act", chosen) == Act.RECEIVE_UPSTREAM
        count = np.bincount(self.life[chosen], np.where(upstream, 1, _CLIENTS_FIRST))
        return {int(index): int(count[index]) for index in np.flatnonzero(count)}

    def lane(self, life: int) -> Lane:
        """Lay a descriptor's operations end to end; what overlaps an earlier one begins after it."""
        mine = np.flatnonzero(self.life == life)
        end = self._column("end_ns", mine)
        if len(end) > 1 and not np.all(end[1:] >= end[:-1]):
            mine = mine[np.argsort(end, kind="stable")]
            end = self._column("end_ns", mine)
        begin = np.minimum(self._column("begin_ns", mine), end)
        ready = np.minimum(self._column("ready_ns", mine), end)
        arrived = self._column("arrived_ns", mine)
        early = (arrived > 0) & (arrived < begin)  # they lay unread before anybody asked for them
        begin, ready = np.where(early, arrived, begin), np.where(early, arrived, ready)
        if len(mine) > 1:
            np.maximum(begin[1:], end[:-1], out=begin[1:])
        ready = np.clip(ready, begin, end)
        copy = np.clip(self._column("copy_ns", mine), ready, end)

        act = self._column("act", mine)
        sends, accepts = act == Act.SEND, act == Act.ACCEPT
        receives = ~sends & ~accepts
        ready_bounded = self._column("ready_basis", mine) != Basis.MEASURED
        copy_bounded = self._column("copy_basis", mine) != Basis.MEASURED
        size = self._column("bytes", mine)
        tracks = (
            track(What.WAITING, begin, ready, ~sends, ready_bounded),
            track(What.UNREAD, ready, copy, receives, ready_bounded | copy_bounded),
            track(What.UNREAD, ready, end, accepts, ready_bounded),
            track(What.COPY, copy, end, receives, copy_bounded, None, size),
            track(What.ROOM, begin, end, sends, ready_bounded, None, size),
        )
        return Lane(
            "descriptor",
            self._analysis.descriptors[life].tgid,
            0,
            life,
            What.OPEN,
            *self.life_of(life),
            tuple(each for each in tracks if each is not None),
            _moments(end[accepts]),
            len(mine),
        )

    def life_of(self, life: int) -> tuple[int, int]:
        """Return when a descriptor was opened and closed; its process's begin and end where unseen."""
        what = self._analysis.descriptors[life]
        came, went = self._processes.get(what.tgid, (self._analysis.begin_ns, self._analysis.end_ns))
        opened = came if what.open_ns is None else what.open_ns
        closed = went if what.close_ns is None else what.close_ns
        return opened, max(opened, closed)

    def _column(self, name: str, index: Ints) -> Ints:
        if name not in self._copies:
            self._copies[name] = np.ascontiguousarray(self._analysis.operations[name])
        values = self._copies[name]
        taken: Ints = values[index]  # type: ignore[assignment]
        return taken


def _moments(at: Ints) -> tuple[Track, ...]:
    n = len(at)
    if not n:
        return ()
    at = np.sort(at)
    return (Track(What.ACCEPTED, at, at, np.zeros(n, bool), np.full(n, -1, np.int16), np.ones(n, np.int64)),)
