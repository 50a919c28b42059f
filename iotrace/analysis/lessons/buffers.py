"""Lessons about the buffers in the kernel: full for the writer, cut anyhow for the reader."""

from __future__ import annotations

import numpy as np

from iotrace.analysis.attempts import DATAGRAMS, STREAMS
from iotrace.analysis.axis import Axis
from iotrace.analysis.calls import EAGAIN, is_role
from iotrace.analysis.lessons.case import Case, milliseconds, times
from iotrace.analysis.levels import FULL_NS
from iotrace.analysis.matrix import spoken
from iotrace.analysis.peeks import are_peeks
from iotrace.language import _
from probes.events import Flag
from probes.table import Role

#: One or two answers that took several receives can be one slow client.
PARTIAL = 3

#: One sleep that only the scheduler's accounts tell of may be time for which the host took the CPU away.
_ONCE_NS = 10 * FULL_NS


def full_buffer(case: Case) -> str | None:
    """A send waits when the kernel's buffer is full: the writer is blocked by the reader."""
    calls = case.calls
    sends = is_role(calls, Role.SEND) & case.is_kind(*STREAMS, *DATAGRAMS)[case.root]
    length = np.where(calls.pending, calls.exit_ns - calls.enter_ns, calls.asleep_ns)
    slept = np.flatnonzero(sends & (calls.slept | calls.pending) & (length >= FULL_NS))
    if len(slept) == 1 and calls.flags[slept[0]] & Flag.ACCOUNTED and length[slept[0]] < _ONCE_NS:
        slept = slept[:0]
    refused = np.flatnonzero(sends & (calls.ret == EAGAIN))
    if not len(slept) and not len(refused):
        return None
    chosen = slept if len(slept) else refused
    name, what = spoken(calls.code[chosen[0]]), case.named(int(case.root[chosen[0]]))
    if not len(slept):
        return _(
            "{call} found no room {times} (EAGAIN) on {fd}: the reader is slower than the writer."
        ).format(call=name, times=times(len(refused)), fd=what)
    words = (
        _(
            "{call} slept {times} ({n} more returned EAGAIN), {time} in all, first on {fd}: the buffer was"
            " full, and the writer waited for the reader."
        )
        if len(refused)
        else _(
            "{call} slept {times}, {time} in all, first on {fd}: the buffer was full, and the writer waited"
            " for the reader."
        )
    )
    slept_ns = int(length[slept].sum())
    return words.format(
        call=name, times=times(len(slept)), n=len(refused), time=milliseconds(slept_ns), fd=what
    )


def partial_receive(case: Case) -> str | None:
    """A receive returns what is there: one send is not one receive."""
    calls = case.calls
    chosen = (
        is_role(calls, Role.RECEIVE) & (calls.ret > 0) & case.is_kind(*STREAMS)[case.root] & ~calls.pending
    )
    taken = np.flatnonzero(chosen & ~are_peeks(case.events, calls))
    if not np.any(calls.ret[taken] < case.asked[taken]):
        return None
    sends = np.flatnonzero(is_role(calls, Role.SEND) & (calls.ret > 0) & (case.root >= 0))
    if len(taken) < 2 or not len(sends):
        return None
    taken = taken[Axis(case.root[taken], calls.enter_ns[taken]).order]
    answers = Axis(case.root[sends], calls.enter_ns[sends])
    root = case.root[taken]
    sent = answers.slot(root, calls.exit_ns[taken])  # another thread may answer while this one waits again
    last = answers.slot(root, np.full(len(root), np.iinfo(np.int64).max >> 1))
    more = np.r_[(root[1:] == root[:-1]) & (sent[1:] == sent[:-1]), False]  # another before the answer
    short = more & (calls.ret[taken] < case.asked[taken]) & (last > sent)
    if not short.any():
        return None
    message = np.where(sent >= 0, sent, -2 - root)
    counts = np.unique(message[short], return_counts=True)[1]
    if len(counts) < PARTIAL:
        return None
    at = int(taken[np.flatnonzero(short)[0]])
    return _(
        "{n} answers took more than one {call}, up to {most}: asked for {asked} bytes it returned the"
        " {bytes} that were there. One send is not one receive."
    ).format(
        n=len(counts),
        call=spoken(calls.code[at]),
        most=int(counts.max()) + 1,
        asked=int(case.asked[at]),
        bytes=int(calls.ret[at]),
    )
