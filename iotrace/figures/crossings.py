"""What crosses between application and kernel in one operation, and the two scales of time it is drawn on."""

from __future__ import annotations

import signal
from dataclasses import dataclass

import numpy as np

from iotrace.analysis.matrix import spoken
from iotrace.analysis.model import Analysis, Model
from iotrace.figures.page import LINE
from iotrace.language import _
from iotrace.numbers import grouped, size
from iotrace.theme import Meaning
from iotrace.timeline import Magnified
from probes.events import Kind

#: How many failed tries are drawn as arrows; the others are counted.
_TRIES = 3

#: The stages of a figure that is built up.
CALLED, READY, BETWEEN, COPY, END = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class Scale:
    """From time to height: linear before ``fine_ns`` and after it."""

    begin_ns: int
    fine_ns: int
    end_ns: int
    top: float
    middle: float
    bottom: float

    def __call__(self, ns: int) -> float:
        if ns <= self.fine_ns and self.fine_ns > self.begin_ns:
            share = (ns - self.begin_ns) / (self.fine_ns - self.begin_ns)
            return self.top + share * (self.middle - self.top)
        share = (ns - self.fine_ns) / max(1, self.end_ns - self.fine_ns)
        return self.middle + share * (self.bottom - self.middle)

    @property
    def magnified(self) -> float:
        """How much larger what follows ``fine_ns`` is drawn; 1 where one scale serves all."""
        if self.middle <= self.top or self.end_ns <= self.fine_ns or self.bottom <= self.middle:
            return 1.0
        coarse = (self.fine_ns - self.begin_ns) / (self.middle - self.top)
        return coarse / ((self.end_ns - self.fine_ns) / (self.bottom - self.middle))


@dataclass(frozen=True)
class Arrow:
    """A crossing between application and kernel, ``to_kernel`` or back."""

    at_ns: int
    words: str
    to_kernel: bool
    step: int
    evidence: str
    meaning: Meaning = Meaning.TEXT
    returns: bool = False  # at once


def arrows(analysis: Analysis, whole: Magnified, scale: Scale) -> list[Arrow]:
    """Return the calls and returns of an operation in time, its signal, its submission and completion."""
    events, op = analysis.events, analysis.operations[whole.index]
    begin, end = int(op["begin_ns"]), int(op["end_ns"])
    wait, call = int(op["wait"]), int(op["call"])
    found: list[Arrow] = []
    if whole.model is Model.ASYNCHRONOUS:
        found.append(Arrow(begin, _("submit to io_uring"), True, CALLED, "io_uring_submit_req"))
        found.append(Arrow(end, _("completion"), False, END, whole.end))
        return found
    found += _tries(analysis, whole, scale)
    if wait >= 0:
        name = spoken(int(events["code"][wait]))
        found.append(Arrow(max(begin, int(events["enter_ns"][wait])), name, True, CALLED, "sys_enter"))
        found.append(Arrow(int(events["exit_ns"][wait]), _("return: readable"), False, BETWEEN, "sys_exit"))
    for step in whole.steps:
        if step.evidence == "signal_deliver":
            words = _("deliver {signal}").format(signal=_signal(analysis, step.begin_ns))
            found.append(Arrow(step.begin_ns, words, False, BETWEEN, step.evidence, Meaning.WAKE))
    if call >= 0 and int(events["kind"][call]) == Kind.CALL:
        name = spoken(int(events["code"][call]))
        entered = int(events["enter_ns"][call])
        found.append(Arrow(entered, name, True, CALLED if entered <= scale.fine_ns else BETWEEN,
                            "sys_enter"))  # fmt: skip
        result = size(whole.bytes) if whole.bytes > 0 else "OK"
        found.append(Arrow(end, _("return {result}").format(result=result), False, END, whole.end))
    return sorted((arrow for arrow in found if begin <= arrow.at_ns <= end), key=lambda arrow: arrow.at_ns)


def _signal(analysis: Analysis, delivered_ns: int) -> str:
    """Name the signal that was delivered at a moment."""
    events = analysis.events
    row = np.flatnonzero((events["kind"] == Kind.SIGNAL) & (events["exit_ns"] == delivered_ns))
    number = int(events["a"][row[0]]) if len(row) else 0
    known = number in set(signal.Signals)
    return signal.Signals(number).name if known else _("signal {n}").format(n=number)


def _tries(analysis: Analysis, whole: Magnified, scale: Scale) -> list[Arrow]:
    """Return the first failed tries and a count of the others."""
    op, begin = analysis.operations[whole.index], scale.begin_ns
    if not int(op["tries"]) or int(op["call"]) < 0:
        return []
    events = analysis.events
    last = int(events["enter_ns"][int(op["call"])])
    mine = (events["kind"] == Kind.CALL) & (events["fd"] == whole.fd) & (events["ret"] == -11)
    mine &= (events["tgid"] == int(op["tgid"])) & (events["enter_ns"] >= begin)
    rows = np.flatnonzero(mine & (events["enter_ns"] < last))
    if not len(rows):
        return []
    room = int((scale.middle - scale.top) // LINE)
    shown = min(len(rows), max(1, min(_TRIES, room // 2)))
    picked = rows[np.linspace(0, len(rows) - 1, shown).round().astype(int)]
    found = []
    for number, row in enumerate(picked.tolist()):
        name = spoken(int(events["code"][row]))
        words = f"{name} → EAGAIN"
        if number and number == shown - 1 and len(rows) > shown:
            words = _("the last of {n}").format(n=grouped(len(rows)))
        found.append(Arrow(int(events["enter_ns"][row]), words, True, CALLED, "sys_exit: EAGAIN",
                            Meaning.POLL, True))  # fmt: skip
    return found
