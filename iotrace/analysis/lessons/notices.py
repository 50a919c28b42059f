"""A lesson about SIGIO: a pending signal is a bit, not a queue."""

from __future__ import annotations

import numpy as np

from iotrace.analysis import notices
from iotrace.analysis.axis import take
from iotrace.analysis.calls import is_role
from iotrace.analysis.lessons.case import Case
from iotrace.language import ngettext
from probes.events import Kind
from probes.table import Role

#: Signals from here on are queued, each with its own siginfo (signal(7)).
_REAL_TIME = 32


def sigio_merged(case: Case) -> str | None:
    """One SIGIO can stand for several arrivals: who receives once a signal leaves data behind."""
    calls, events = case.calls, case.events
    armed = notices.armings(events, calls, case.lives)
    if len(armed) < 2:
        return None
    numbers = [n for n in notices.signal_numbers(events, calls) if n < _REAL_TIME]
    row = np.flatnonzero(
        (events["kind"] == Kind.SIGNAL) & np.isin(events["a"], numbers) & (events["exit_ns"] > 0)
    )
    is_armed = np.zeros(len(case.lives) + 1, bool)
    is_armed[list(armed)] = True
    taken = np.flatnonzero(
        is_role(calls, Role.RECEIVE, Role.ACCEPT) & (calls.ret >= 0) & is_armed[case.root] & (case.ready > 0)
    )
    merged = 0
    for tgid in np.unique(calls.tgid[taken]).tolist():
        delivered = np.sort(events["exit_ns"][row[events["tgid"][row] == tgid]])
        mine = taken[calls.tgid[taken] == tgid]
        after = np.searchsorted(delivered, case.ready[mine])  # the first signal delivered since
        served = after < len(delivered)
        when = take(delivered, np.where(served, after, -1), 0)
        mine, after = (
            mine[served & (calls.enter_ns[mine] >= when)],
            after[served & (calls.enter_ns[mine] >= when)],
        )
        pairs = np.unique(np.stack([after, case.root[mine]]), axis=1)
        counts = np.unique(pairs[0], return_counts=True)[1]
        merged += int(np.count_nonzero(counts > 1))
    if not merged:
        return None
    return ngettext(
        "once one signal stood for data on several descriptors: while SIGIO is pending another is dropped."
        " Look at all of them, until EAGAIN.",
        "{n} times one signal stood for data on several descriptors: while SIGIO is pending another is"
        " dropped. Look at all of them, until EAGAIN.",
        merged,
    ).format(n=merged)
