"""Operations as slices on their descriptors' tracks, with the two phases inside.

    receive    ├──────────────────────────────────────────────────────────┤
               │ phase 1: waiting for data │ ready, unread │ phase 2: … │

Operations on one descriptor can overlap (two threads receive from it): those that do are on further tracks of
the same name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.model import PLACES, Act, Analysis, Model
from iotrace.exporters.perfetto.layers import layers
from iotrace.exporters.perfetto.names import EARLY, OPERATIONS, PHASE1, PHASE2, UNREAD, by_basis
from iotrace.exporters.perfetto.packets import Annotations, Interned, begin, end
from iotrace.exporters.perfetto.tracks import Tracks
from iotrace.exporters.perfetto.wire import join, only
from probes.table import CALLS

Ints = NDArray[np.int64]

#: Operations that are encoded at once.
_ROWS = 1 << 13


class OperationSlices:
    """The slices of all operations. Iterating yields packets."""

    def __init__(self, analysis: Analysis, tracks: Tracks, interned: Interned) -> None:
        self._analysis, self._interned = analysis, interned
        self._op = analysis.operations
        begin_ns, end_ns, tgid = self._op["begin_ns"], self._op["end_ns"], self._op["tgid"]
        life = self._op["life"].astype(np.int64)
        life = np.where(life < 0, -1 - tgid, life)  # those on a descriptor that nobody saw, by their process
        layer = layers(life, begin_ns, end_ns)
        self._mine = np.lexsort((end_ns, begin_ns, layer, life))
        life, layer = life[self._mine], layer[self._mine]
        self._heads = np.r_[True, (life[1:] != life[:-1]) | (layer[1:] != layer[:-1])][: len(life)]
        uuids = [
            tracks.descriptor(analysis.descriptors[each]) if each >= 0 else tracks.unknown(-1 - each)
            for each in life[self._heads].tolist()
        ]
        self._track = np.array(uuids, np.int64)[np.cumsum(self._heads) - 1]

        self._acts = interned.events.column(["", *OPERATIONS.values()])
        self._early = by_basis(interned.events, EARLY)
        self._phase1 = by_basis(interned.events, PHASE1)
        self._unread = by_basis(interned.events, UNREAD)
        self._phase2 = by_basis(interned.events, PHASE2)
        self._models = interned.values.column([model.label for model in Model])
        self._calls = interned.values.column([*(call.name for call in CALLS), ""])
        self._category = interned.categories["operation"]
        self._part = interned.categories["phase"]

    def __iter__(self) -> Iterator[bytes]:
        for first in range(0, len(self._mine), _ROWS):
            yield self._encoded(slice(first, min(first + _ROWS, len(self._mine))))

    def _encoded(self, part: slice) -> bytes:
        mine, track = self._mine[part], self._track[part]

        def column(name: str) -> NDArray[Any]:
            return self._op[name][mine]

        asked, arrived, done = column("begin_ns"), column("arrived_ns"), column("end_ns")
        ready = np.clip(column("ready_ns"), asked, done)
        copy = np.clip(column("copy_ns"), ready, done)
        bases = {name: column(f"{name}_basis") for name in ("begin", "ready", "copy", "end")}
        accepts = column("act") == Act.ACCEPT
        # What lay there before it was asked for is drawn up to the operation before.
        before = self._op["end_ns"][self._mine[np.maximum(np.arange(part.start, part.stop) - 1, 0)]]
        lay = np.where(self._heads[part], arrived, np.maximum(arrived, before))
        early = (arrived > 0) & (lay < asked)
        waited, lay_unread, copied = ready > asked, copy > ready, (done > copy) & ~accepts
        lay_unread = np.where(accepts, done > ready, lay_unread)

        def worse(one: str, other: str) -> NDArray[np.uint8]:
            worst: NDArray[np.uint8] = np.minimum(bases[one], bases[other])
            return worst

        taken = np.where(accepts, worse("ready", "end"), worse("ready", "copy"))
        until = np.where(accepts, done, copy)
        annotations = self._annotations(mine).parts
        parts = [
            *only(early, begin(lay, track, self._early[worse("begin", "ready")], self._part)),
            *only(early, end(asked, track)),
            *begin(asked, track, self._acts[column("act")], self._category, annotations),
            *only(waited, begin(asked, track, self._phase1[worse("begin", "ready")], self._part)),
            *only(waited, end(ready, track)),
            *only(lay_unread, begin(ready, track, self._unread[taken], self._part)),
            *only(lay_unread, end(until, track)),
            *only(copied, begin(copy, track, self._phase2[worse("copy", "end")], self._part)),
            *only(copied, end(done, track)),
            *end(done, track),
        ]
        return join(parts, len(mine))

    def _annotations(self, mine: Ints) -> Annotations:
        op = self._op
        found = Annotations(self._interned).word("model", self._models[op["model"][mine]])

        def some(name: str, values: Ints) -> None:
            found.number(name, values, values != 0)

        found.number("bytes", op["bytes"][mine], op["act"][mine] != Act.ACCEPT)
        early = np.where(op["arrived_ns"][mine] > 0, op["begin_ns"][mine] - op["arrived_ns"][mine], 0)
        some("ready_before_ns", np.maximum(early, 0))
        for name in PLACES:
            some(name, op[name][mine])
        some("blocked2_ns", op["blocked2_ns"][mine])
        some("failed_tries", op["tries"][mine].astype(np.int64))
        some("thread", op["tid"][mine].astype(np.int64))
        waiter = op["waiter"][mine].astype(np.int64)
        some("waiter", np.where(waiter != op["tid"][mine], waiter, 0))
        found.word("call", self._named(op["call"][mine]))
        found.word("announced_by", self._named(op["wait"][mine]))
        kernel = self._interned.values["a kernel thread"]
        return found.word("copied_by", np.where(op["by_worker"][mine], kernel, 0))

    def _named(self, row: Ints) -> Ints:
        """Return the words for the calls at rows of the events; 0 where there is none."""
        codes = self._analysis.events["code"]
        if not len(codes):
            return np.zeros(len(row), np.int64)
        return self._calls[np.where(row >= 0, np.minimum(codes[np.maximum(row, 0)], len(CALLS)), len(CALLS))]
