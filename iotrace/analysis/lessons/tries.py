"""Lessons about asking again: what polling costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import EAGAIN, is_role
from iotrace.analysis.lessons.case import Case, milliseconds
from iotrace.analysis.matrix import spoken
from iotrace.analysis.model import Basis, Model
from iotrace.analysis.notices import signal_numbers
from iotrace.language import _
from probes.events import Kind
from probes.table import Role

#: A receiver that drains its descriptor asks once in vain. So many questions after a vain one are a habit.
HABIT = 20


def polling_waste(case: Case) -> str | None:
    """Who asks again and again is told nothing most of the time, and too late when there is something."""
    return _tries(case) or _looks(case)


def _tries(case: Case) -> str | None:
    """Find receives and accepts that failed right after one that had failed, with nothing said between."""
    calls = case.calls
    if np.count_nonzero(calls.ret == EAGAIN) < HABIT:
        return None
    asks = is_role(calls, Role.RECEIVE, Role.ACCEPT) & ~calls.pending & (case.root >= 0)
    asks &= (calls.ret >= 0) | ((calls.ret == EAGAIN) & ~calls.slept)
    tries = np.flatnonzero(asks)
    if len(tries) <= HABIT:
        return None
    asker = case.root << 24 | calls.tid  # who asks after a vain try of another's does not ask again
    tries = tries[Axis(asker[tries], calls.enter_ns[tries]).order]
    before, now = tries[:-1], tries[1:]
    vain = (asker[before] == asker[now]) & (calls.ret[before] == EAGAIN) & (calls.ret[now] == EAGAIN)
    if np.count_nonzero(vain) < HABIT:
        return None
    vain &= ~case.announced_since(case.root[now], calls.exit_ns[before], calls.enter_ns[now])
    vain &= ~_signalled_since(case, calls.tgid[now], calls.exit_ns[before], calls.enter_ns[now])
    wasted = np.bincount(case.root[now[vain]], minlength=len(case.lives))
    asked = np.bincount(case.root[tries], minlength=len(case.lives))
    habit = (wasted >= HABIT) & (2 * wasted >= asked)
    if not habit.any():
        return None
    worst = int(np.where(habit, wasted, 0).argmax())
    mine = tries[case.root[tries] == worst]
    failed = int(np.count_nonzero(calls.ret[mine] == EAGAIN))
    name = spoken(calls.code[mine[-1]])
    facts = {
        "call": name,
        "n": len(mine),
        "fd": case.named(worst),
        "failed": failed,
        "share": f"{failed / len(mine):.0%}",
    }
    late_ns = _delay(case, worst)
    if late_ns is None:
        words = _("{call} was tried {n} times on {fd}, and {failed} tries ({share}) found nothing.")
        return words.format(**facts)
    return _(
        "{call} was tried {n} times on {fd}, and {failed} tries ({share}) found nothing; what came meanwhile"
        " lay ready for {time} (median) until the next."
    ).format(**facts, time=milliseconds(late_ns))


def _signalled_since(case: Case, tgid: Ints, since: Ints, until: Ints) -> NDArray[np.bool_]:
    """Return (m,) bool: was a signal for I/O delivered to the process in (since, until]?"""
    events = case.events
    numbers = list(signal_numbers(events, case.calls))
    row = np.flatnonzero((events["kind"] == Kind.SIGNAL) & np.isin(events["a"], numbers))
    axis = Axis(events["tgid"][row], events["exit_ns"][row])
    return axis.slot(tgid, until) > axis.slot(tgid, since)


def _delay(case: Case, root: int) -> int | None:
    """Return how long, in ns, what was ready waited for the next try; None: nobody told when it was."""
    op = case.operations
    late = take(case.lives.root, op["life"].astype(np.int64), -1) == root
    late &= (op["model"] == Model.NONBLOCKING) & (op["ready_basis"] == Basis.MEASURED) & (op["tries"] > 0)
    if not late.any():
        return None
    return int(np.median((op["copy_ns"] - op["ready_ns"])[late]))


def _looks(case: Case) -> str | None:
    """Find threads that look at their descriptors with timeout 0, over and over.

    A few looks before a wait that may sleep are a loop with work in hand (asyncio's callbacks): no waste.
    """
    calls = case.calls
    waits = np.flatnonzero((calls.role == Role.WAIT) & ~calls.pending)
    if len(waits) <= HABIT:
        return None
    waits = waits[Axis(calls.tid[waits], calls.enter_ns[waits]).order]
    empty = (case.timeout[waits] == 0) & (calls.ret[waits] == 0) & ~calls.slept[waits]
    again = empty[1:] & empty[:-1] & (calls.tid[waits][1:] == calls.tid[waits][:-1])
    again &= ~_with_work_in_hand(calls.tid[waits], empty, case.timeout[waits] != 0)[1:]
    if np.count_nonzero(again) < HABIT:
        return None
    tid, index = np.unique(calls.tid[waits], return_inverse=True)
    wasted = np.bincount(index[1:][again], minlength=len(tid))
    habit = (wasted >= HABIT) & (2 * wasted >= np.bincount(index))
    if not habit.any():
        return None
    worst = int(np.where(habit, wasted, 0).argmax())
    mine: Ints = waits[index == worst]
    mine = mine[case.timeout[mine] == 0]
    failed = int(np.count_nonzero(empty[index == worst]))
    return _(
        "{call} was asked {n} times with timeout 0, and {failed} times ({share}) nothing was ready: a wait"
        " that sleeps asks once."
    ).format(call=spoken(calls.code[mine[0]]), n=len(mine), failed=failed, share=f"{failed / len(mine):.0%}")


def _with_work_in_hand(tid: Ints, empty: NDArray[np.bool_], sleeps: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (n,) which waits, sorted by thread, are vain looks, few, before one that may sleep."""
    first = np.ones(len(tid), bool)
    first[1:] = (tid[1:] != tid[:-1]) | (empty[1:] != empty[:-1])
    run = np.cumsum(first) - 1
    start = np.flatnonzero(first)
    after = np.r_[start[1:], len(tid)]
    follows = np.minimum(after, len(tid) - 1)
    rests = (after < len(tid)) & sleeps[follows] & (tid[follows] == tid[start])
    short: NDArray[np.bool_] = rests & (after - start < HABIT)
    found: NDArray[np.bool_] = empty & short[run]
    return found
