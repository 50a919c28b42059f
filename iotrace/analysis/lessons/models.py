"""Lessons about the five models: what the receives of the recording prove."""

from __future__ import annotations

import numpy as np

from iotrace.analysis.lessons.case import Case
from iotrace.analysis.matrix import call_names, for_one, said
from iotrace.analysis.model import Act, MatrixRow, Model, Verdict
from iotrace.language import _

#: A phase counts as spent in one way when at least this share of it was: the rest is waking and queueing.
MOST = 0.9

#: One receive through poll can be any program's; a socket with a timeout has every one like that.
LEAST_TIMEOUTS = 2


def _judged(case: Case, model: Model) -> tuple[Verdict, MatrixRow] | None:
    """Return the verdict on the receives, and its row of the matrix, if that is the model."""
    for act in (Act.RECEIVE, Act.RECEIVE_DATAGRAM):
        verdict = case.verdicts.get(act)
        if verdict is None or not verdict.operations:
            continue
        rows = (row for row in case.matrix if row.act is act and row.model is model)
        row = next(rows, None)
        return (verdict, row) if verdict.model is model and row is not None else None
    return None


def blocking(case: Case) -> str | None:
    """A blocking receive holds the process through both phases."""
    found = _judged(case, Model.BLOCKING)
    if found is None or found[1].phase1.blocked < MOST or not found[1].phase2.total_ns:
        return None
    return _(
        "one call, both phases: the process slept in {call} until the data came, and stayed in it while they"
        " were copied."
    ).format(call=said(found[1].phase1.blocked_in))


def multiplexing(case: Case) -> str | None:
    """A wait for readiness only moves phase 1 to another call."""
    found = _judged(case, Model.MULTIPLEXING)
    if found is None or found[1].phase2.blocked < MOST:
        return None
    verdict, row = found
    return _(
        "{wait} told who was ready; {call} still copied, with the process inside it: multiplexing is"
        " synchronous."
    ).format(wait=said(row.phase1.blocked_in or verdict.multiplexer), call=said(row.phase2.blocked_in))


def nonblocking(case: Case) -> str | None:
    """Polling frees phase 1 of blocking, not phase 2."""
    found = _judged(case, Model.NONBLOCKING)
    if found is None or found[1].phase2.blocked < MOST:
        return None
    return _(
        "no try ever slept, but the last one copied with the process inside {call}: phase 2 blocks."
    ).format(call=said(found[1].phase2.blocked_in))


def signal_driven(case: Case) -> str | None:
    """SIGIO says that data are ready, not that they have arrived in the process."""
    found = _judged(case, Model.SIGNAL_DRIVEN)
    if found is None or found[1].phase1.free < MOST:
        return None
    row = found[1]
    return _(
        "the process was free for {share} of phase 1; the signal said when to call {call}, which copied:"
        " synchronous all the same."
    ).format(share=f"{row.phase1.free:.1%}", call=said(row.phase2.blocked_in) or _("the receive"))


def asynchronous(case: Case) -> str | None:
    """Only an asynchronous operation leaves the process free in both phases."""
    found = _judged(case, Model.ASYNCHRONOUS)
    if found is None or not found[1].phase2.total_ns or found[1].phase2.free <= 0.99:
        return None
    return _("a kernel thread copied: the process was blocked in neither phase.")


def who_copied(case: Case) -> str | None:
    """An asynchronous request can still be copied by the process's own thread."""
    found = _judged(case, Model.ASYNCHRONOUS)
    if found is None or not found[1].phase2.total_ns or found[1].phase2.free > 0.99:
        return None
    return _(
        "the request was asynchronous, but {share} of the copying ran in the process's own thread, in {call}."
    ).format(share=f"{found[1].phase2.blocked:.0%}", call=said(found[1].phase2.blocked_in))


def settimeout(case: Case) -> str | None:
    """A socket with a timeout is two calls: poll waits, the receive copies."""
    op = case.operations
    chosen = (op["model"] == Model.MULTIPLEXING) & (op["wait"] >= 0)
    if not chosen.any():
        return None
    wait, call = op["wait"][chosen], op["call"][chosen]
    events = case.events
    alone = for_one(events, wait, op["fd"][chosen]) & (events["c"][wait] > 0)
    if np.count_nonzero(alone) < LEAST_TIMEOUTS or np.count_nonzero(alone) < MOST * len(alone):
        return None
    return _(
        "each of {n} waits was a poll of one descriptor with a timeout, followed by {calls}: a socket with"
        " settimeout() is poll and receive, not a blocking receive."
    ).format(n=np.count_nonzero(alone), calls=_(" and ").join(sorted(call_names(events, call[alone]))))
