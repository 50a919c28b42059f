"""One operation, cut at every boundary that the kernel told of, each with its evidence.

The wait of an operation is a thousand times longer than its copy, so its picture needs a piecewise
axis: this module gives the pieces, a view gives them room.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.calls import ACCOUNT_NOISE_NS
from iotrace.analysis.matrix import peeked, spoken
from iotrace.analysis.model import PLACES, Act, Analysis, Basis, Model, Place
from iotrace.language import _
from iotrace.timeline.lanes import What
from probes.events import Flag, Kind
from probes.table import CALLS, Role

#: (time, what begins, its words, the evidence and basis of the boundary)
_Cut = tuple[int, What, str, str, Basis]


@dataclass(frozen=True)
class Step:
    """One piece of an operation. ``evidence`` and ``basis`` are those of the boundary where it begins.

    ``length_basis`` is the worse of its two boundaries'.
    """

    what: What
    begin_ns: int
    end_ns: int
    text: str
    evidence: str
    basis: Basis
    length_basis: Basis


@dataclass(frozen=True)
class Magnified:
    """An operation in pieces that touch each other. ``end`` is the evidence of the last boundary.

    ``fine_ns`` is when the short pieces begin: what lies before is the wait. ``of`` is the number
    of like operations: of the same kind and model, that waited as it did or found their data there
    (``waited``). ``typical``: it has the median wait of them.
    """

    index: int
    act: Act
    model: Model
    life: int
    fd: int
    bytes: int
    steps: tuple[Step, ...]
    end: str
    end_basis: Basis
    fine_ns: int
    of: int
    waited: bool
    typical: bool

    @property
    def end_ns(self) -> int:
        """When the data were in the process."""
        return self.steps[-1].end_ns


def typical(analysis: Analysis, among: NDArray[np.bool_] | None = None) -> int | None:
    """Return the index of the operation that stands for the recording: the median phase 1.

    Among receives of stream connections where there are any (then datagrams, then accepts), of the
    model most of them follow, and of those that had to wait where any had. ``among`` (operations,)
    bool leaves the others out. None without operations.
    """
    operations = analysis.operations
    for act in (Act.RECEIVE, Act.RECEIVE_DATAGRAM, Act.ACCEPT, Act.SEND):
        chosen = operations["act"] == act
        mine = np.flatnonzero(chosen if among is None else chosen & among)
        if not len(mine):
            continue
        mine = mine[operations["model"][mine] == np.bincount(operations["model"][mine]).argmax()]
        for column, wanted in (("at_once", False), ("bytes", True)):
            fitting = mine[(operations[column][mine] != 0) == wanted]
            mine = fitting if len(fitting) else mine
        phase1 = operations["ready_ns"][mine] - operations["begin_ns"][mine]
        return int(mine[np.argsort(phase1, kind="stable")[(len(mine) - 1) // 2]])
    return None


def magnify(analysis: Analysis, index: int, is_typical: bool = False) -> Magnified:
    """Cut operation ``index`` into its pieces. Raises IndexError where there is none.

    ``is_typical``: it was chosen by :func:`typical` among all operations.
    """
    operation = analysis.operations[index]
    cutter = _Cutter(analysis, index)
    steps = cutter.steps()
    same = np.ones(len(analysis.operations), bool)
    for column in ("act", "model", "at_once"):
        same &= analysis.operations[column] == operation[column]
    fine = next(
        (step.begin_ns for step in steps if step.begin_ns >= int(operation["ready_ns"])), steps[0].begin_ns
    )
    return Magnified(
        index,
        Act(int(operation["act"])),
        Model(int(operation["model"])),
        int(operation["life"]),
        int(operation["fd"]),
        int(operation["bytes"]),
        tuple(steps),
        cutter.end_evidence(),
        Basis(int(operation["end_basis"])),
        fine,
        int(same.sum()),
        not operation["at_once"],
        is_typical,
    )


class _Cutter:
    """Finds the boundaries of one operation in the rows of its wait and its call."""

    def __init__(self, analysis: Analysis, index: int) -> None:
        self.events = analysis.events
        self.operation = analysis.operations[index]
        self.act = Act(int(self.operation["act"]))
        self.model = Model(int(self.operation["model"]))
        self.call = int(self.operation["call"])
        self.wait = int(self.operation["wait"])
        self.peeked = bool(peeked(analysis.events, np.array([self.wait]))[0])
        self.begin = int(self.operation["begin_ns"])
        self.ready = int(self.operation["ready_ns"])
        self.copy = int(self.operation["copy_ns"])
        self.end = int(self.operation["end_ns"])
        self.ready_basis = Basis(int(self.operation["ready_basis"]))
        self.copy_basis = Basis(int(self.operation["copy_basis"]))

    def steps(self) -> list[Step]:
        """Return the pieces in time; boundaries out of order are pulled to their neighbours."""
        cuts = [self._first(), *self._after_ready()]
        cuts.sort(key=lambda cut: cut[0])
        times = [min(max(cut[0], self.begin), self.end) for cut in cuts]
        long = [index for index, stop in enumerate([*times[1:], self.end]) if stop > times[index]]
        long = long or [len(cuts) - 1]
        stops = [*(times[index] for index in long[1:]), self.end]
        end_basis = Basis(int(self.operation["end_basis"]))
        bases = [*(cuts[index][4] for index in long[1:]), end_basis]
        steps = []
        for index, stop, after in zip(long, stops, bases, strict=True):
            what, text, evidence, basis = cuts[index][1:]
            steps.append(Step(what, times[index], stop, text, evidence, basis, min(basis, after)))
        return steps

    def end_evidence(self) -> str:
        """Name what says that the operation was over."""
        if self.call < 0:
            return _("unseen")
        if int(self.events["kind"][self.call]) == Kind.RING:
            return "io_uring_complete"
        if int(self.events["done_ns"][self.call]) == self.end:
            return "sock_recv_length"
        return _("{call} returns").format(call=self._name(self.call))

    def _first(self) -> _Cut:
        basis = Basis(int(self.operation["begin_basis"]))
        owner = self.wait if self.wait >= 0 else self.call
        name = self._name(owner) if owner >= 0 else _("a call")
        return self.begin, *self._waiting(name), self._begin_evidence(owner, name), basis

    def _waiting(self, name: str) -> tuple[What, str]:
        shares = {place: int(self.operation[column]) for place, column in zip(Place, PLACES, strict=True)}
        most = max(shares, key=shares.__getitem__)
        tries = int(self.operation["tries"])
        if most == Place.WAIT:
            return What.BLOCKED_WAIT, _("blocked in {call}").format(call=name)
        if most == Place.TRANSFER:
            slept = self.wait if self.peeked else self.call
            return What.BLOCKED_TRANSFER, _("blocked in {call}").format(call=self._name(slept))
        if most == Place.SIGNAL:
            return What.BLOCKED_WAIT, _("blocked, waiting for the signal")
        if most == Place.RING:
            return What.BLOCKED_WAIT, _("blocked in {call}").format(call="io_uring_enter")
        if most == Place.OTHER:
            return What.BLOCKED_OTHER, _("blocked in another call")
        if most == Place.QUEUED:
            return What.WAKING, _("runnable, not on a CPU")
        if tries and shares[Place.POLLING] > 0 and self.model == Model.NONBLOCKING:
            share = shares[Place.POLLING] / max(1, self.ready - self.begin)
            if most == Place.POLLING:
                return What.POLLING, _("polling: {n} tries failed").format(n=tries)
            words = _("free; {n} failed tries took {share}")
            return What.OWN, words.format(n=tries, share=f"{share * 100:.1f} %")
        if most == Place.POLLING:
            return What.POLLING, _("polling")
        return What.OWN, _("free: the process does other things")

    def _begin_evidence(self, owner: int, name: str) -> str:
        if self.model == Model.ASYNCHRONOUS:
            return "io_uring_submit_req"
        if self.model == Model.NONBLOCKING and int(self.operation["tries"]):
            return _("first try: EAGAIN")
        if self.model == Model.SIGNAL_DRIVEN:
            return _("drained or armed (O_ASYNC)")
        if owner >= 0 and int(self.events["enter_ns"][owner]) == self.begin:
            return _("{call} called").format(call=name)
        return _("drained before") if owner >= 0 else _("unseen")

    def _after_ready(self) -> list[_Cut]:
        ring = self.call >= 0 and int(self.events["kind"][self.call]) == Kind.RING
        sleeper = self.wait if self.wait >= 0 else -1 if ring else self.call
        cuts: list[_Cut] = []
        if self.ready > self.begin or self.operation["at_once"]:
            slept = self._slept(sleeper)
            what, text = (What.WAKING, _("data ready, thread waking")) if slept else self._unnoticed(ring)
            cuts.append((self.ready, what, text, self._ready_evidence(sleeper, slept), self.ready_basis))
        running = self._running(sleeper)
        if running:
            name = self._name(sleeper)
            text = _("{call} returns") if self.wait >= 0 else _("{call}, before the copy")
            cuts.append((running, What.CALL, text.format(call=name), "sched_switch", Basis.MEASURED))
        if self.wait >= 0:
            left = int(self.events["exit_ns"][self.wait])
            text = _("own code, after {call}").format(call=self._name(self.wait))
            cuts.append((left, What.OWN, text, "sys_exit", Basis.MEASURED))
        if self.model == Model.SIGNAL_DRIVEN:
            cuts += self._signal()
        if self.call >= 0 and not ring:
            entered = int(self.events["enter_ns"][self.call])
            if entered > self.begin:
                text = _("{call}, before the copy").format(call=self._name(self.call))
                cuts.append((entered, What.CALL, text, "sys_enter", Basis.MEASURED))
        if self.act not in (Act.ACCEPT, Act.SEND):
            cuts.append((self.copy, What.COPY, self._copying(), self._copy_evidence(), self.copy_basis))
        return [cut for cut in cuts if self.ready <= cut[0] <= self.end or cut[1] == What.COPY]

    def _signal(self) -> list[_Cut]:
        """Return when the announcing signal was generated and delivered, as far as that was seen."""
        entered = int(self.events["enter_ns"][self.call]) if self.call >= 0 else self.end
        rows = np.flatnonzero(self.events["kind"] == Kind.SIGNAL)
        times = self.events["enter_ns"][rows]
        mine = self.events["tgid"][rows] == int(self.operation["tgid"])
        rows = rows[mine & (times >= self.ready) & (times <= entered)]
        if not len(rows):
            return []
        number, delivered = int(self.events["a"][rows[0]]), int(self.events["exit_ns"][rows[0]])
        name = (
            signal.Signals(number).name
            if number in set(signal.Signals)
            else _("signal {number}").format(number=number)
        )
        sent = int(self.events["enter_ns"][rows[0]])
        text = _("{signal} sent").format(signal=name)
        cuts: list[_Cut] = [(sent, What.UNREAD, text, "signal_generate", Basis.MEASURED)]
        if delivered:
            text = _("{signal} delivered").format(signal=name)
            cuts.append((delivered, What.OWN, text, "signal_deliver", Basis.MEASURED))
        return cuts

    def _slept(self, row: int) -> bool:
        """Tell whether the call slept until the data came, and had to be woken by them."""
        if row < 0 or not int(self.events["enter_ns"][row]) <= self.ready <= int(self.events["exit_ns"][row]):
            return False
        if int(self.events["flags"][row]) & Flag.ACCOUNTED:
            return int(self.events["asleep_ns"][row]) > ACCOUNT_NOISE_NS
        return int(self.events["sleeps"][row]) > 0

    def _running(self, row: int) -> int:
        """Return when the sleeper was back on a CPU after the data came; 0 where nobody saw it."""
        if row < 0 or not self._slept(row):
            return 0
        running = int(self.events["running_ns"][row])
        return running if self.ready < running <= self.end else 0

    def _unnoticed(self, ring: bool) -> tuple[What, str]:
        if ring:
            return What.UNREAD, _("data ready; the kernel takes over")
        if self.act == Act.ACCEPT:
            return What.UNREAD, _("a connection is ready")
        return What.UNREAD, _("data ready, unread")

    def _ready_evidence(self, sleeper: int, woken: bool) -> str:
        if self.ready_basis == Basis.UNSEEN:
            return _("unseen")
        row = self.call if self.call >= 0 else sleeper
        flags = int(self.events["flags"][row]) if row >= 0 else 0
        waker = int(self.events["waker"][sleeper]) if woken else 0
        by = _("{event}, woken by {tid}") if waker else "{event}"
        if self.ready_basis == Basis.MEASURED:
            return by.format(event="sk_data_ready", tid=waker)
        if flags & Flag.ACCOUNTED:
            return _("schedstat: time asleep")
        if flags & (Flag.READY_AT_ENTRY | Flag.EMPTY_AT_ENTRY) and not woken:
            return _("poll at entry")
        return by.format(event="sched_waking", tid=waker)

    def _copying(self) -> str:
        worker = bool(self.operation["by_worker"])
        who = int(self.events["waker"][self.call]) if worker and self.call >= 0 else 0
        if worker and who:
            return _("a kernel thread ({tid}) copies").format(tid=who)
        return _("{call} copies").format(call=self._name(self.call))

    def _copy_evidence(self) -> str:
        if self.copy_basis == Basis.UNSEEN or self.call < 0:
            return _("unseen")
        copies = int(self.events["copies"][self.call])
        if copies and self.copy_basis == Basis.MEASURED:
            return "skb_copy_datagram_iovec" + (f" ×{copies}" if copies > 1 else "")
        if int(self.events["flags"][self.call]) & Flag.ACCOUNTED:
            return _("schedstat: at most its CPU time")
        return _("at most the rest of the call")

    def _name(self, row: int) -> str:
        if row < 0:
            return _("the call")
        if int(self.events["kind"][row]) == Kind.RING:
            return "io_uring"
        code = int(self.events["code"][row])
        return spoken(code) if CALLS[code].role != Role.RESTART else _("the call")
