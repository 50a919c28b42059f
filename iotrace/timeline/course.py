"""The course of one operation: its three spells, and the lanes of who waited, who received and the kernel.

Spells touch each other: phase 1 (begin until data ready), the time until somebody took them (waking up,
or what the process did first), and phase 2 (the copy).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from iotrace.analysis.model import Act, Analysis, Basis, Model
from iotrace.timeline import cuts, threads
from iotrace.timeline.lanes import Lane, Track, What, track


@dataclass(frozen=True)
class Spell:
    """One of the three: its time and its lanes. ``length_basis`` is the worse of its two boundaries'."""

    begin_ns: int
    end_ns: int
    process: Lane
    kernel: Lane
    length_basis: Basis

    @property
    def length_ns(self) -> int:
        """How long it lasted."""
        return self.end_ns - self.begin_ns


@dataclass(frozen=True)
class Course:
    """One operation: ``spells`` are phase 1, the time between, and phase 2."""

    index: int
    act: Act
    by_worker: bool
    spells: tuple[Spell, Spell, Spell]


def course(analysis: Analysis, index: int) -> Course:
    """Cut operation ``index`` into its spells. Raises IndexError where there is none."""
    op = analysis.operations[index]
    begin, ready, copy, end = (int(op[name]) for name in ("begin_ns", "ready_ns", "copy_ns", "end_ns"))
    bases = [Basis(int(op[name])) for name in ("begin_basis", "ready_basis", "copy_basis", "end_basis")]
    work = cuts.prepare(analysis)
    tgid = int(op["tgid"])
    waiter = threads.thread_lane(work, tgid, int(op["waiter"]))
    receiver = waiter if op["tid"] == op["waiter"] else threads.thread_lane(work, tgid, int(op["tid"]))
    kernel = _kernel(analysis, begin, ready, copy, end, bases)
    return Course(
        index,
        Act(int(op["act"])),
        bool(op["by_worker"]),
        (
            Spell(begin, ready, waiter, kernel, min(bases[0], bases[1])),
            Spell(ready, copy, receiver, kernel, min(bases[1], bases[2])),
            Spell(copy, end, _copying(op, receiver), kernel, min(bases[2], bases[3])),
        ),
    )


def _copying(op: Mapping[str, Any], lane: Lane) -> Lane:
    """Return the lane of a thread while it copies for io_uring: that is no call of its own."""
    if int(op["model"]) != Model.ASYNCHRONOUS or not int(op["blocked2_ns"]):
        return lane
    copies = _piece(What.COPY, int(op["copy_ns"]), int(op["end_ns"]), Basis(int(op["copy_basis"])))
    return lane if copies is None else replace(lane, tracks=(copies,), marks=())


def _kernel(analysis: Analysis, begin: int, ready: int, copy: int, end: int, bases: list[Basis]) -> Lane:
    """Return the kernel's side as a lane: nothing there, something there, on its way to the process."""
    tracks = (
        _piece(What.WAITING, begin, ready, bases[1]),
        _piece(What.UNREAD, ready, copy, min(bases[1], bases[2])),
        _piece(What.COPY, copy, end, bases[2]),
    )
    kept = tuple(each for each in tracks if each is not None)
    return Lane("descriptor", 0, 0, -1, What.OPEN, analysis.begin_ns, analysis.end_ns, kept)


def _piece(what: What, begin: int, end: int, basis: Basis) -> Track | None:
    return track(
        what,
        np.array([begin], np.int64),
        np.array([end], np.int64),
        np.ones(1, bool),
        basis is not Basis.MEASURED,
    )
