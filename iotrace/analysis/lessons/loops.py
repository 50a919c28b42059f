"""Lessons about event loops: what stalls one, and what only looks like a stall."""

from __future__ import annotations

import numpy as np

from iotrace.analysis.calls import code, is_code, is_role
from iotrace.analysis.lessons.case import Case, milliseconds, times
from iotrace.analysis.lessons.triggers import undrained_edge
from iotrace.analysis.matrix import spoken
from iotrace.language import _, ngettext
from probes.table import Role

#: So long a wait makes a person who watches with strace ask whether the server hangs.
IDLE_NS = 1_000_000_000

_COUNTED = ("select", "pselect6", "poll", "ppoll")


def blocking_call_in_loop(case: Case) -> str | None:
    """While a loop's thread sleeps in anything but its wait, all of its descriptors wait with it."""
    stalls = case.stalls
    culprits = np.flatnonzero(stalls.waited > 0)
    if not len(culprits):
        return None
    codes, counts = np.unique(case.calls.code[stalls.call[culprits]], return_counts=True)
    name = spoken(int(codes[counts.argmax()]))
    longest = int(stalls.asleep_ns[culprits].max())
    waited = int(stalls.waited.sum())
    return ngettext(
        "the loop slept in {call} ({times}, up to {longest}) while descriptors that it watches were ready:"
        " {n} operation waited for it, up to {late}.",
        "the loop slept in {call} ({times}, up to {longest}) while descriptors that it watches were ready:"
        " {n} operations waited for it, up to {late}.",
        waited,
    ).format(
        call=name,
        times=times(len(culprits)),
        longest=milliseconds(longest),
        n=waited,
        late=milliseconds(int(stalls.late_ns.max())),
    )


def idle_wait(case: Case) -> str | None:
    """A long wait for readiness is idleness: had there been anything to do, it would have returned."""
    calls = case.calls
    waits = (calls.role == Role.WAIT) & (calls.slept | calls.pending)
    counted = is_code(calls, *(code(name) for name in _COUNTED))
    waits &= ~counted | (case.asked > 0)  # of nothing: a way to pause
    waits &= is_role(calls, Role.WAIT) & (calls.exit_ns - calls.enter_ns >= IDLE_NS)
    waits &= calls.pending | (calls.asleep_ns >= IDLE_NS)
    long = np.flatnonzero(waits)
    if not len(long) or undrained_edge(case):
        return None
    length = calls.exit_ns[long] - calls.enter_ns[long]
    name = spoken(calls.code[long[length.argmax()]])
    return _(
        "{call} slept for a second or more {times}, {time} at most, and nothing that it watched was ready:"
        " that is idleness, no stall."
    ).format(call=name, times=times(len(long)), time=milliseconds(int(length.max())))
