"""Calls as slices on their threads' tracks, with a slice inside for each part of a call that took time.

recvfrom   ├──────────────────────────────────────────────────────┤
           │ blocked in the transfer │ waking up │     │ copying │
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.model import Basis
from iotrace.analysis.statistics import error_name
from iotrace.exporters.html.content import short
from iotrace.exporters.perfetto.arguments import NAMES, SILENT_AT_ZERO
from iotrace.exporters.perfetto.fields import TrackEvent
from iotrace.exporters.perfetto.links import Links
from iotrace.exporters.perfetto.names import ASLEEP, COPYING, PREEMPTED, WAKING, by_basis
from iotrace.exporters.perfetto.packets import Annotations, Interned, begin, end, flows
from iotrace.exporters.perfetto.tracks import Tracks
from iotrace.exporters.perfetto.wire import join, only
from iotrace.timeline.cuts import Cuts, Work
from iotrace.timeline.lanes import What
from iotrace.views.arguments import meaning
from probes.table import CALLS

Ints = NDArray[np.int64]

#: Calls that are encoded at once.
ROWS = 1 << 13


class CallSlices:
    """The slices of all calls. Iterating yields packets."""

    def __init__(self, work: Work, cut: Cuts, links: Links, tracks: Tracks, interned: Interned) -> None:
        self._work, self._cut, self._links = work, cut, links
        self._tracks, self._interned = tracks, interned
        self._events = interned.events.column([call.name for call in CALLS])
        self._asleep = np.zeros((len(What), len(Basis)), np.int64)
        for what, word in ASLEEP.items():
            self._asleep[what] = by_basis(interned.events, word)
        self._waking = by_basis(interned.events, WAKING)
        self._preempted = by_basis(interned.events, PREEMPTED)
        self._copying = by_basis(interned.events, COPYING)
        self._bases = interned.values.column([basis.label for basis in Basis])
        self._arguments = {name: interned.names.column(words) for name, words in NAMES.items()}
        self._silent = {
            name: np.array([word == SILENT_AT_ZERO for word in words]) for name, words in NAMES.items()
        }
        self._category = interned.categories["call"]
        self._part = interned.categories["part of a call"]
        sees = "sleep" in (work.analysis.events.header.get("evidence") or ())
        self._by_event = Basis.MEASURED if sees else Basis.UNSEEN
        self._descriptors = np.full(len(work.analysis.descriptors) + 1, -1, np.int64)
        self._descriptors[-1] = 0

    def __iter__(self) -> Iterator[bytes]:
        for first in range(0, len(self._cut.mine), ROWS):
            yield self._encoded(slice(first, min(first + ROWS, len(self._cut.mine))))

    def _encoded(self, part: slice) -> bytes:
        cut, calls = self._cut, self._work.calls
        mine = cut.mine[part]
        track = self._tracks.threads(calls.tid[mine])
        enter, sleep, waking, running, copy, left = (
            getattr(cut, name)[part] for name in ("enter", "sleep", "waking", "running", "copy", "exit")
        )
        # A call in flight has no end, unless another call of its thread follows: its end was lost.
        last = np.r_[calls.tid[cut.mine[part.start + 1 : part.stop + 1]], -1][: len(mine)] != calls.tid[mine]
        open_end = calls.pending[mine] & last
        slept = cut.slept[part] & (waking > sleep)
        queued = running > waking  # woken, or only preempted, and not yet on a CPU
        copied = cut.receives[part] & (left > copy)
        basis = np.where(cut.bounded[part], Basis.BOUNDED, self._by_event)
        queueing = np.where(slept, self._waking[basis], self._preempted[Basis.BOUNDED])
        seen = self._work.analysis.events["copy_ns"][calls.row[mine]] == copy
        copy_basis = np.where(cut.guessed[part] | ~seen, Basis.BOUNDED, Basis.MEASURED)
        asleep = self._asleep[cut.asleep_as[part], basis]
        flowing = flows(TrackEvent.TERMINATING_FLOW_IDS, self._links.announced[mine])
        arriving = flows(TrackEvent.TERMINATING_FLOW_IDS, self._links.woken[mine])
        moved = Annotations(self._interned).number("bytes", calls.ret[mine], copied)
        parts = [
            *begin(
                enter, track, self._events[calls.code[mine]], self._category,
                [*self._links.announcing(mine), *flowing, *self._annotations(mine, basis).parts],
            ),
            *only(slept, begin(sleep, track, asleep, self._part, self._several(mine, part).parts)),
            *only(slept & ~open_end, end(waking, track)),
            *only(queued, begin(waking, track, queueing, self._part, arriving)),
            *only(queued, end(running, track)),
            *only(copied, begin(copy, track, self._copying[copy_basis], self._part, moved.parts)),
            *only(copied, end(left, track)),
            *only(~open_end, end(left, track)),
        ]  # fmt: skip
        return join(parts, len(mine))

    def _several(self, mine: Ints, part: slice) -> Annotations:
        """Say of calls that slept several times how long in all: the slice goes from first to last."""
        events, row = self._work.analysis.events, self._work.calls.row[mine]
        several = (events["sleeps"][row] > 1) & ~self._cut.bounded[part]
        found = Annotations(self._interned).number("sleeps", events["sleeps"][row].astype(np.int64), several)
        return found.number("asleep_ns", events["asleep_ns"][row], several)

    def _annotations(self, mine: Ints, basis: NDArray[np.uint8]) -> Annotations:
        calls, events = self._work.calls, self._work.analysis.events
        row, codes, ret = calls.row[mine], calls.code[mine], calls.ret[mine]
        fd, pending = calls.fd[mine], calls.pending[mine]
        found = Annotations(self._interned).number("fd", fd, fd >= 0)
        found.word("descriptor", self._descriptor_words(self._work.analysis.lives[row]))
        for column, names in self._arguments.items():
            values, name = events[column][row], names[codes]
            found.numbers(name, values, (name > 0) & ~(self._silent[column][codes] & (values == 0)))
        found.number("result", ret, ~pending)
        found.word("error", np.where(pending, 0, self._error_words(ret)))
        ready, waker = events["ready_ns"][row], events["waker"][row]
        found.number("ready_after_ns", ready - calls.enter_ns[mine], ready > 0)
        found.number("woken_by", waker.astype(np.int64), waker > 0)
        return found.word("basis", self._bases[np.where(pending, Basis.UNSEEN, basis)])

    def _descriptor_words(self, life: NDArray[np.int32]) -> Ints:
        for each in np.unique(life[self._descriptors[life] < 0]).tolist():
            what = self._work.analysis.descriptors[each]
            words = short(meaning(what.kind, what.name))
            self._descriptors[each] = self._interned.values[words] if words else 0
        return self._descriptors[life]

    def _error_words(self, ret: Ints) -> Ints:
        numbers, index = np.unique(np.minimum(ret, 0), return_inverse=True)
        words = [error_name(each) if each < 0 else "" for each in numbers.tolist()]
        return self._interned.values.column(words)[index]
