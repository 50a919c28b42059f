"""Operations: every act of input, with the boundaries of its two phases and how well each is known.

For a receive that a process made itself, four facts decide the model, in this order:

1. a select, poll or epoll_wait announced the descriptor since the last try, and the receive itself did
   not have to wait for the data: **multiplexing**;
2. the descriptor was armed (O_ASYNC) and its signal came since the last try: **signal-driven**;
3. the thread's own try before failed with EAGAIN, and this one did not sleep: **non-blocking**;
4. the receive slept until the data came: **blocking**.

A receive with MSG_PEEK that slept counts as that sleep, and one that failed as a try (:mod:`.peeks`).

A receive that found its data at once and that nothing announced continues the operation before
it on the same file (the rest of a message); the first of its kind counts as blocking where the
descriptor is known to be in blocking mode, and proves nothing (unknown) where it is not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.attempts import Taken
from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import Calls, code
from iotrace.analysis.descriptors import Lives
from iotrace.analysis.model import PLACES, Act, Basis, Model
from iotrace.analysis.notices import Announced, Signalled, announcing, signals
from iotrace.analysis.operation import Operations
from iotrace.analysis.places import Whereabouts
from iotrace.columns import Events
from probes.events import Flag, Kind
from probes.table import Role


def by_calls(
    act: Act,
    taken: Taken,
    events: Events,
    calls: Calls,
    lives: Lives,
    announced: Announced,
    blocking: NDArray[np.bool_],
    arrived: Ints | None = None,
) -> tuple[Operations, Ints]:
    """Build the operations of one act that calls completed.

    ``blocking`` (n,) bool: the descriptor was then known to be without O_NONBLOCK. ``arrived`` (n,) int64:
    when each connection became ready, 0 unseen; default: the receive's own ``ready_ns``.
    Returns the operations without the phase-1 places, and (n,) index in Readiness of the announcement.
    """
    r = taken.call
    row = calls.row[r]
    enter, exit_ns = calls.enter_ns[r], calls.exit_ns[r]
    peeked, asked = taken.peek >= 0, taken.asked
    wait, entry = announcing(taken, calls, announced)
    signalled = signals(events, calls, lives, taken)
    own = events["ready_ns"][row] if arrived is None else arrived
    flags, life, tid = calls.flags[r], lives.of_call[r], calls.tid[r]
    # Empty at the look before the call: then it slept, unless O_NONBLOCK forbids that and data came just now.
    slept = calls.slept[r] | (((flags & Flag.EMPTY_AT_ENTRY) != 0) & blocking)
    slept &= (flags & Flag.READY_AT_ENTRY) == 0
    asleep = slept & ~peeked  # in the receive itself
    if peeked.any():
        slept = slept | peeked
        told = events["ready_ns"][calls.row[asked]]
        own = np.where(peeked & (told > 0), told, own)
    model = _models(taken, wait, signalled, slept, slept & (own > calls.enter_ns[asked]))
    by_ring = _after_ring(events, calls, taken) & np.isin(model, (Model.UNKNOWN, Model.NONBLOCKING))
    model[by_ring] = Model.UNKNOWN
    model = _continue(model, taken, enter, blocking, by_ring)

    begin = taken.first_ns.copy()
    _put(begin, model == Model.UNKNOWN, enter)
    _put(begin, model == Model.MULTIPLEXING, np.where(wait >= 0, take(calls.enter_ns, wait, 0), enter))
    since = np.maximum(np.maximum(taken.previous_exit_ns, taken.failed_exit_ns), signalled.armed_ns)
    _put(begin, model == Model.SIGNAL_DRIVEN, np.where(signalled.row >= 0, since, enter))
    ready, ready_basis = _ready(events, calls, asked, wait, signalled, model, own, slept)
    if act is Act.ACCEPT:
        copy, copy_basis = exit_ns, np.full(len(r), Basis.MEASURED, np.uint8)
    else:
        copy, copy_basis = _copy(events, calls, r, row, asleep, enter)
        moved = calls.code[r] == code("splice")  # from buffer to buffer, and never to the process
        _put(copy, moved, exit_ns)
        copy_basis[moved] = Basis.MEASURED

    op = Operations(len(r))
    op["act"], op["model"], op["at_once"] = act, model, ready <= begin
    ready = np.clip(ready, begin, exit_ns)
    copy = np.clip(copy, ready, exit_ns)
    op["arrived_ns"] = own
    op["begin_ns"], op["begin_basis"] = begin, Basis.MEASURED
    op["ready_ns"], op["ready_basis"] = ready, ready_basis
    op["copy_ns"], op["copy_basis"] = copy, copy_basis
    op["end_ns"], op["end_basis"] = exit_ns, Basis.MEASURED
    op["blocked2_ns"] = exit_ns - copy
    op["by_ring"] = by_ring
    op["bytes"] = 0 if act is Act.ACCEPT else _bytes(events, calls, r, row)
    wait = np.where(peeked & (model == Model.BLOCKING), taken.peek, wait)
    op["call"], op["wait"], op["tries"] = row, take(calls.row, wait, -1), taken.tries
    op["life"], op["fd"] = life, calls.fd[r]
    op["tid"], op["tgid"] = tid, calls.tgid[r]
    op["waiter"] = np.where(
        wait >= 0, take(calls.tid, wait, 0), np.where(taken.poller > 0, taken.poller, tid)
    )
    return op, entry


def _put(values: Ints, where: NDArray[np.bool_], others: Ints) -> None:
    """Replace some values in place; mostly there are none, or all, to replace."""
    if where.any():
        values[where] = others[where]


def place_phase1(op: Operations, whereabouts: Whereabouts) -> None:
    """Fill the columns :data:`PLACES` of operations in place."""
    some = np.flatnonzero(op["ready_ns"] > op["begin_ns"])
    if not len(some):
        return
    waiter = op["waiter"][some].astype(np.int64)
    shares = whereabouts.between(waiter, op["begin_ns"][some], op["ready_ns"][some])
    for place, values in shares.items():
        if values.any():
            op.place(PLACES[place], some, values)


def _models(
    taken: Taken, wait: Ints, signalled: Signalled, slept: NDArray[np.bool_], inside: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    model = np.where(slept, np.uint8(Model.BLOCKING), np.uint8(Model.UNKNOWN))
    model[taken.own_failed & ~slept] = Model.NONBLOCKING
    model[(signalled.row >= 0) & ~slept] = Model.SIGNAL_DRIVEN
    model[(wait >= 0) & ~inside] = Model.MULTIPLEXING
    return model


def _after_ring(events: Events, calls: Calls, taken: Taken) -> NDArray[np.bool_]:
    """Return (n,) whether the thread was in io_uring_enter since the last try, where requests are unseen.

    A completion can tell that the data are there (IORING_OP_POLL_ADD), or something else.
    """
    enters = np.flatnonzero(calls.code == code("io_uring_enter"))
    if not len(enters) or np.any(events["kind"] == Kind.RING):
        return np.zeros(len(taken.call), bool)
    before = Axis(calls.tid[enters], calls.exit_ns[enters])
    last = before.last(calls.tid[taken.call], calls.enter_ns[taken.call])
    since = np.maximum(taken.previous_exit_ns, taken.failed_exit_ns)
    found: NDArray[np.bool_] = (last >= 0) & (take(calls.exit_ns[enters], last, 0) > since)
    return found


def _continue(
    model: NDArray[np.uint8],
    taken: Taken,
    enter: Ints,
    blocking: NDArray[np.bool_],
    by_ring: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Give receives that nothing announced and nothing delayed the model of the one before on their file."""
    blocking = blocking & ~by_ring
    unknown = (model == Model.UNKNOWN) & ~by_ring
    if not unknown.any():
        return model
    if unknown.all():
        return np.where(blocking, np.uint8(Model.BLOCKING), np.uint8(Model.UNKNOWN))
    order = Axis(taken.root, enter).order
    root, sorted_model = taken.root[order], model[order]
    position = np.arange(len(order), dtype=np.int64)
    before = np.maximum.accumulate(np.where(sorted_model != Model.UNKNOWN, position, -1))
    same = (before >= 0) & (root[before] == root)
    filled = np.where(same, sorted_model[before], Model.UNKNOWN)
    result = model.copy()
    result[order] = np.where(by_ring[order], model[order], filled)
    result[(result == Model.UNKNOWN) & blocking] = Model.BLOCKING
    return result


def _ready(
    events: Events,
    calls: Calls,
    r: Ints,
    wait: Ints,
    signalled: Signalled,
    model: NDArray[np.uint8],
    own: Ints,
    slept: NDArray[np.bool_],
) -> tuple[Ints, NDArray[np.uint8]]:
    """Return when the data became ready, and how well that is known; ``r`` the calls that asked for them."""
    enter = calls.enter_ns[r]
    ready = np.where(own > 0, own, 0)
    basis = np.where(own > 0, Basis.MEASURED, Basis.UNSEEN).astype(np.uint8)

    def fill(where: NDArray[Any], values: Ints, how: Basis) -> None:
        chosen = where & (ready == 0) & (values > 0)
        ready[chosen] = values[chosen]
        basis[chosen] = how

    missing = ready == 0
    if missing.any():
        row = calls.row[r]
        wait_row = take(calls.row, wait, 0)
        by_wait = (model == Model.MULTIPLEXING) & (wait >= 0)
        wait_slept = by_wait & (take(calls.slept, wait, 0) > 0)
        single = wait_slept & (take(calls.ret, wait, 0) == 1) & (take(calls.role, wait, 0) == Role.WAIT)
        wait_enter = take(calls.enter_ns, wait, 0)
        wait_exit = take(calls.exit_ns, wait, 0)
        fill(
            single & (events["ready_ns"][wait_row] <= wait_exit), events["ready_ns"][wait_row], Basis.MEASURED
        )
        fill(wait_slept, events["waking_ns"][wait_row], Basis.BOUNDED)
        fill(wait_slept, events["running_ns"][wait_row], Basis.BOUNDED)
        asleep = take(calls.asleep_ns, wait, 0)
        fill(wait_slept & (asleep > 0), np.minimum(wait_enter + asleep, wait_exit), Basis.BOUNDED)
        fill(by_wait, wait_enter, Basis.BOUNDED)
        fill(model == Model.SIGNAL_DRIVEN, signalled.time_ns, Basis.BOUNDED)
        inside = slept & (model != Model.MULTIPLEXING)
        fill(inside, events["waking_ns"][row], Basis.BOUNDED)
        fill(inside, events["running_ns"][row], Basis.BOUNDED)
        fill(inside & (calls.asleep_ns[r] > 0), enter + calls.asleep_ns[r], Basis.BOUNDED)
        fill(missing, enter, Basis.BOUNDED)
    return ready, basis


def _copy(
    events: Events, calls: Calls, r: Ints, row: Ints, slept: NDArray[np.bool_], enter: Ints
) -> tuple[Ints, NDArray[np.uint8]]:
    """Return when the copy began: its event, else the moment the task was back on a CPU, else the entry."""
    seen = events["copy_ns"][row]
    running = events["running_ns"][row]
    back = np.where(running > 0, running, enter + calls.asleep_ns[r] + calls.queued_ns[r])
    bound = np.where(slept, np.maximum(back, enter), enter)
    copy = np.where(seen > 0, seen, bound)
    return copy, np.where(seen > 0, Basis.MEASURED, Basis.BOUNDED).astype(np.uint8)


def _bytes(events: Events, calls: Calls, r: Ints, row: Ints) -> Ints:
    """Return the bytes of each receive: its result, or for recvmmsg the sum over its messages."""
    return np.where(calls.code[r] == code("recvmmsg"), events["c"][row], calls.ret[r])
