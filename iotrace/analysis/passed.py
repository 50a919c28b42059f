"""Descriptors that one process passes to another in a message: SCM_RIGHTS, unix(7).

A master accepts and hands its connections to workers so (Node's cluster, Dovecot). The receiver gets a number
of its own for the same open file; which, the order of messages on their channel tells.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

import numpy as np

from iotrace.analysis.axis import Ints
from iotrace.analysis.calls import Calls, code, is_code
from iotrace.columns import Events


@dataclass(frozen=True)
class Passed:
    """Descriptors in messages, one a row: ``call`` the calls index, ``fd`` the number in its process."""

    call: Ints
    fd: Ints


def received(events: Events, calls: Calls) -> Passed:
    """Return the descriptors that messages brought."""
    return _of(events, calls, "recvmsg")


def _of(events: Events, calls: Calls, name: str) -> Passed:
    call = np.flatnonzero(is_code(calls, code(name)) & (calls.ret >= 0) & ~calls.pending)
    row = calls.row[call]
    first = events.watch_offsets[row].astype(np.int64)
    count = events.watch_offsets[row + 1].astype(np.int64) - first
    call, first, count = call[count > 0], first[count > 0], count[count > 0]
    start = np.repeat(first - (np.cumsum(count) - count), count)
    at = start + np.arange(len(start), dtype=np.int64)
    return Passed(np.repeat(call, count), events.watch[at].astype(np.int64))


def sent(events: Events, calls: Calls) -> Passed:
    """Return the descriptors that messages took away."""
    return _of(events, calls, "sendmsg")


def sources(calls: Calls, gave: Passed, got: Passed, root: Ints, mates: dict[int, int]) -> list[list[int]]:
    """Return, for each received descriptor, the rows of ``gave`` that it can be: one where it is known.

    ``root`` (calls,) is the open file of each call's descriptor, ``mates`` the other end of each pair of
    sockets: what one end took away in order, the other brings in order. Where the other end is not known, it
    is one of those that are on their way in sockets which are no pair.
    """
    waiting: dict[int, deque[int]] = defaultdict(deque)
    for row in np.argsort(calls.enter_ns[gave.call], kind="stable").tolist():
        waiting[int(root[gave.call[row]])].append(row)
    open_channels = [channel for channel in waiting if channel not in mates]
    found: list[list[int]] = [[] for _ in got.call]
    doubtful: set[int] = set()  # those that came where others were on their way, until all had come
    for number in np.argsort(calls.exit_ns[got.call], kind="stable").tolist():
        call = int(got.call[number])
        mate = mates.get(int(root[call]))
        heads = [
            waiting[channel][0]
            for channel in (open_channels if mate is None else [mate])
            if waiting[channel] and calls.enter_ns[gave.call[waiting[channel][0]]] < calls.exit_ns[call]
        ]
        if mate is None and (len(heads) > 1 or doubtful):
            doubtful.update(heads)
        found[number] = heads if mate is not None else sorted(doubtful) or heads
        if heads:
            waiting[int(root[gave.call[min(heads)]])].popleft()
        if mate is None and len(heads) <= 1:
            doubtful.clear()
    return found
