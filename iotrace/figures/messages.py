"""What passed between clients and server: each message with when it lay ready and when it was taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from iotrace.analysis.matrix import spoken
from iotrace.analysis.model import Act, Analysis, Basis
from iotrace.figures.page import NothingToDraw
from iotrace.language import _

_Index = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Message:
    """One operation: ready, then taken by ``call`` of thread ``tid``. ``basis`` is that of ready.

    ``life``: the connection's, of an accept the one that it made. ``woken_by``: the thread that woke the
    sleeper, 0 where none slept or nobody knows.
    """

    index: int
    act: Act
    life: int
    ready_ns: int
    taken_ns: int
    bytes: int
    call: str
    tid: int
    woken_by: int
    basis: Basis


@dataclass(frozen=True)
class Excerpt:
    """Messages in the order in which they were taken, from the ``first`` (of 0) of ``of``."""

    messages: Sequence[Message]
    first: int
    of: int


def messages(analysis: Analysis, most: int, asked: int | None = None) -> Excerpt:
    """Return at most ``most`` messages, from operation ``asked`` on, or where most of them overtook others.

    ``asked`` counts from 1 in the order of begin. Raises :class:`NothingToDraw` where nothing was received or
    accepted, or where this operation is none of it.
    """
    op = analysis.operations
    received = (op["act"] != Act.SEND) & (op["life"] >= 0)
    served = received & (op["act"] != Act.RECEIVE_UPSTREAM)  # what came from who was asked is no client's
    known = np.flatnonzero(served if served.any() else received)
    if not len(known):
        raise NothingToDraw(_("nothing was received or accepted in this recording: there is no conversation"))
    taken = known[np.argsort(op["end_ns"][known], kind="stable")]
    first = _first(analysis, taken, most, asked)
    found = [_message(analysis, int(index)) for index in taken[first : first + most].tolist()]
    return Excerpt(found, first, len(taken))


def _first(analysis: Analysis, taken: _Index, most: int, asked: int | None) -> int:
    if asked is not None:
        count = len(analysis.operations)
        if not 1 <= asked <= count:
            raise NothingToDraw(
                _("there is no operation {n}: this recording has 1 to {all}").format(n=asked, all=count)
            )
        at = np.flatnonzero(taken == asked - 1)
        if not len(at):
            raise NothingToDraw(
                _("operation {n} received nothing: choose another, or leave --operation away").format(n=asked)
            )
        return int(at[0])
    if len(taken) <= most:
        return 0
    ready = _ready(analysis, taken)
    overtaken = np.r_[0, np.cumsum(ready[:-1] > ready[1:])]
    inside = overtaken[most - 1 :] - overtaken[: len(overtaken) - most + 1]
    return int(inside.argmax())


def _ready(analysis: Analysis, index: _Index) -> _Index:
    op = analysis.operations
    arrived, ready = op["arrived_ns"][index], op["ready_ns"][index]
    return np.asarray(np.where((arrived > 0) & (arrived < ready), arrived, ready), np.int64)


def _message(analysis: Analysis, index: int) -> Message:
    op, events = analysis.operations[index], analysis.events
    call, wait = int(op["call"]), int(op["wait"])
    sleeper = wait if wait >= 0 else call
    ready = int(_ready(analysis, np.array([index], np.int64))[0])
    woken = 0
    if sleeper >= 0 and int(events["sleeps"][sleeper]) and int(events["enter_ns"][sleeper]) <= ready:
        woken = int(events["waker"][sleeper]) if ready <= int(events["exit_ns"][sleeper]) else 0
    act = Act(int(op["act"]))
    accepts = act is Act.ACCEPT
    name = "io_uring" if call >= 0 and not int(events["enter_ns"][call]) else _("a call")
    if call >= 0 and int(events["code"][call]) >= 0:
        name = "io_uring" if op["model"] == 5 else spoken(int(events["code"][call]))
    life = int(op["life"])
    if accepts and call >= 0:  # the connection, not the listening socket
        made = _made_by(analysis, call)
        life = made if made >= 0 else life
    taken = int(op["end_ns"] if accepts else op["copy_ns"])
    return Message(index, act, life, ready, max(ready, taken), int(op["bytes"]), name, int(op["tid"]), woken,
                   Basis(int(op["ready_basis"])))  # fmt: skip


def _made_by(analysis: Analysis, call: int) -> int:
    """Return the descriptor that an accept returned, learned from its first use; -1 where none is known."""
    events = analysis.events
    made = (events["fd"] == int(events["ret"][call])) & (events["tgid"] == int(events["tgid"][call]))
    rows = np.flatnonzero(made & (events["enter_ns"] >= int(events["exit_ns"][call])) & (analysis.lives >= 0))
    return int(analysis.lives[rows[events["enter_ns"][rows].argmin()]]) if len(rows) else -1
