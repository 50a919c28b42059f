"""The proof matrix: for each act and model, where the process was during the two phases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.calls import ROLE
from iotrace.analysis.model import PLACES, Act, Basis, MatrixRow, Model, Phase, Place
from iotrace.analysis.operation import Operations
from iotrace.columns import Events
from iotrace.language import N_, _
from probes.events import Kind
from probes.table import BY_NAME, CALLS, Role

_SPOKEN = {
    "pselect6": "select",
    "ppoll": "poll",
    "epoll_pwait": "epoll_wait",
    "epoll_pwait2": "epoll_wait",
    "accept4": "accept",
}
_POLLS = tuple(BY_NAME[name].code for name in ("poll", "ppoll"))
_BLOCKED = (Place.WAIT, Place.TRANSFER, Place.SIGNAL, Place.RING, Place.OTHER)


def proof_matrix(events: Events, operations: Operations) -> list[MatrixRow]:
    """Sum the operations up, one row for each (act, model) that occurs, the largest group of an act first."""
    rows = []
    for act in Act:
        of_act = operations[operations["act"] == act]
        counts = np.bincount(of_act["model"], minlength=len(Model))
        for model in np.argsort(-counts, kind="stable"):
            if counts[model]:
                rows.append(_row(events, act, Model(model), of_act[of_act["model"] == model]))
    return rows


def spoken(code: int) -> str:
    """Name a call as programs do: the C library turns select into pselect6, and so on."""
    return _SPOKEN.get(CALLS[code].name, CALLS[code].name)


def peeked(events: Events, wait: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return (n,) which of operations' waits are receives: with MSG_PEEK, they slept until data came."""
    codes = np.minimum(events["code"][np.maximum(wait, 0)], len(CALLS) - 1)
    slept: NDArray[np.bool_] = (wait >= 0) & (ROLE[codes] == Role.RECEIVE)
    return slept


def for_one(events: Events, wait: NDArray[np.int64], fd: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return (n,) which waits are a poll of nothing but the operation's own descriptor ``fd``."""
    row = np.maximum(wait, 0)
    polls = np.isin(events["code"][row], _POLLS) & (events["a"][row] == 1) & (wait >= 0)
    polls &= np.diff(events.watch_offsets)[row] == 1
    alone: NDArray[np.bool_] = np.zeros(len(wait), bool)
    some = np.flatnonzero(polls)
    watched = events.watch[events.watch_offsets[row[some]]]
    alone[some] = (watched & np.uint64(0xFFFFFFFF)) == fd[some].astype(np.uint64)
    return alone


def call_names(events: Events, rows: NDArray[np.int64]) -> dict[str, int]:
    """Return {name: how many} of the calls in the given event rows, most frequent first; -1 is no call.

    Names are those that a program calls, see :func:`spoken`.
    """
    rows = rows[rows >= 0]
    codes = events["code"][rows]
    counts = np.bincount(codes[codes < len(CALLS)], minlength=len(CALLS))
    order = np.argsort(-counts, kind="stable")
    names: dict[str, int] = {}
    for code in order[counts[order] > 0]:
        name = spoken(code)
        names[name] = names.get(name, 0) + int(counts[code])
    return names


def _row(events: Events, act: Act, model: Model, op: Operations) -> MatrixRow:
    return MatrixRow(
        act,
        model,
        len(op),
        int(op["bytes"].sum()),
        _phase1(events, model, op),
        _phase2(events, act, model, op),
        int((op["copy_ns"] - op["ready_ns"]).sum()),
    )


def _phase1(events: Events, model: Model, op: Operations) -> Phase:
    total = int((op["ready_ns"] - op["begin_ns"]).sum())
    sums = {place: int(op[PLACES[place]].sum()) for place in Place}
    waited = op["ready_basis"][~op["at_once"]]
    basis = _worst(waited if len(waited) else op["ready_basis"])
    if not total:
        return Phase(0, 0.0, None, 0.0, 0.0, 0.0, basis)
    most = max(_BLOCKED, key=lambda place: sums[place])
    blocked = sum(sums[place] for place in _BLOCKED)
    return Phase(
        total,
        blocked / total,
        _name_of(events, most, op["wait"], np.where(peeked(events, op["wait"]), op["wait"], op["call"]))
        if blocked
        else None,
        sums[Place.POLLING] / total,
        sums[Place.QUEUED] / total,
        sums[Place.FREE] / total,
        basis,
    )


def _phase2(events: Events, act: Act, model: Model, op: Operations) -> Phase:
    total = int((op["end_ns"] - op["copy_ns"]).sum())
    basis = _worst(op["copy_basis"])
    if act is Act.ACCEPT or not total:
        return Phase(0, 0.0, None, 0.0, 0.0, 0.0, basis)
    blocked = int(op["blocked2_ns"].sum()) / total
    if model is Model.ASYNCHRONOUS:
        name = _copier(events, op)
    else:
        name = _name_of(events, Place.TRANSFER, op["wait"], op["call"])
    return Phase(
        total,
        blocked,
        name if blocked else None,
        0.0,
        0.0,
        1.0 - blocked,
        basis,
    )


def _name_of(events: Events, place: Place, waits: NDArray[np.int64], receives: NDArray[np.int64]) -> str:
    """Return the call that stands for a place: the one most of these operations used. Not yet translated.

    ``waits``, ``receives`` (n,) rows of the calls in which they waited, and received.
    """
    if place is Place.RING:
        return "io_uring_enter"
    if place is Place.SIGNAL:
        return N_("a wait for signals")
    if place is Place.OTHER:
        return N_("another call")
    names = call_names(events, waits if place is Place.WAIT else receives)
    if names:
        return next(iter(names))
    return N_("a wait for readiness") if place is Place.WAIT else N_("a receive")


def _copier(events: Events, op: Operations) -> str:
    """Name what the process's own thread was in while it copied for io_uring. Not yet translated.

    The kernel runs task work whenever the thread is about to leave it: at the end of a call, or of an
    interrupt (io_uring_setup(2), IORING_SETUP_COOP_TASKRUN). Only what passed within io_uring_enter is its.
    """
    mine = op[op["blocked2_ns"] > 0]
    rows = np.flatnonzero((events["kind"] == Kind.CALL) & (events["code"] == BY_NAME["io_uring_enter"].code))
    inside = 0
    for tid in np.unique(mine["tid"]).tolist():
        enters = rows[events["tid"][rows] == tid]
        enters = enters[np.argsort(events["enter_ns"][enters], kind="stable")]
        copy = mine["copy_ns"][mine["tid"] == tid]
        at = np.searchsorted(events["enter_ns"][enters], copy, "right") - 1
        known = at >= 0
        inside += int((events["exit_ns"][enters[at[known]]] >= copy[known]).sum())
    return "io_uring_enter" if inside * 2 > len(mine) else N_("io_uring's task work")


def said(call: str | None) -> str:
    """Name what a phase was blocked in: a call's own name, or in words what stands for several."""
    return _(call) if call and " " in call else call or ""


def _worst(basis: NDArray[np.uint8]) -> Basis:
    return Basis(int(basis.min())) if len(basis) else Basis.UNSEEN
