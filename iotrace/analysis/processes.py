"""The process model: who accepts, who receives, and when those who receive were made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Ints
from iotrace.analysis.matrix import for_one
from iotrace.analysis.model import Act, Model
from iotrace.analysis.operation import Operations
from iotrace.columns import Events
from probes.events import Kind


def process_model(events: Events, operations: Operations, root: Ints, listeners: Ints) -> str:
    """Name the process model, from the tasks that accept and receive.

    ``root`` (lives,) is the open file of each life; ``listeners`` are the processes that asked a listening
    socket for connections, whether they got one or not. Returns one of event_loop, event_loop_per_thread,
    event_loop_with_workers, process_per_connection, prefork, thread_per_connection, thread_pool, sequential,
    unknown.
    """
    known = operations[operations["life"] >= 0]
    receives = known[known["act"] == Act.RECEIVE]
    if not len(receives):
        receives = known[known["act"] == Act.RECEIVE_DATAGRAM]
    accepts = operations[operations["act"] == Act.ACCEPT]
    if not len(receives):
        return "unknown"
    receivers = _distinct(receives["tid"])
    processes = _distinct(receives["tgid"])
    acceptors = np.unique(accepts["tgid"]) if len(accepts) else np.zeros(0, np.int64)
    looped = np.isin(receives["model"], _LOOP_MODELS) & ~_for_itself(events, receives)
    loops = bool(2 * np.count_nonzero(looped) > len(receives))
    connections = len(_distinct(root[receives["life"]]))
    born = _births(events)
    if len(acceptors) > 1 and set(acceptors.tolist()) & set(processes.tolist()):
        return "prefork"
    if len(listeners) > 1 and len(acceptors) and set(acceptors.tolist()) <= set(processes.tolist()):
        return "prefork"  # that one process got all connections is chance, or a lock (nginx, accept_mutex)
    if len(acceptors) == 1 and acceptors[0] not in processes:
        after = _born_after(born, receives["tgid"], accepts)
        return "process_per_connection" if after else "prefork"
    if len(receivers) == 1:
        if loops:
            return "event_loop"
        return "sequential" if len(accepts) else "unknown"
    if loops and not len(accepts):
        return "event_loop_with_workers"
    accepting = set(accepts["tid"].tolist())
    others = [tid for tid in receivers.tolist() if tid not in accepting]
    if loops:
        waiters = np.unique(receives["waiter"])
        alike = len(waiters) >= len(receivers) and not others and _own_sets(events, receives, waiters)
        return "event_loop_per_thread" if alike else "event_loop_with_workers"
    if not others:
        return "thread_pool"
    fresh = _born_after(born, receives["tid"][np.isin(receives["tid"], others)], accepts)
    return "thread_per_connection" if fresh and len(others) * 2 > connections else "thread_pool"


_LOOP_MODELS = [
    int(m) for m in (Model.MULTIPLEXING, Model.SIGNAL_DRIVEN, Model.NONBLOCKING, Model.ASYNCHRONOUS)
]


def _own_sets(events: Events, receives: Operations, waiters: NDArray[np.int64]) -> bool:
    """Return whether each thread waits on a set of its own: Go's threads share one epoll descriptor.

    A set that is given to select or poll belongs to the call, and so to its thread.
    """
    seen = (receives["wait"] >= 0) & (receives["model"] == Model.MULTIPLEXING)
    epoll, waiter = events["fd"][receives["wait"][seen]], receives["waiter"][seen]
    return len(np.unique(np.where(epoll >= 0, epoll, -1 - waiter.astype(np.int64)))) >= len(waiters)


def _for_itself(events: Events, receives: Operations) -> NDArray[np.bool_]:
    """Return which receives a poll of one descriptor announced to the very thread: a timeout, no loop."""
    alone: NDArray[np.bool_] = receives["waiter"] == receives["tid"]
    return alone & for_one(events, receives["wait"], receives["fd"])


def _distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sorted distinct small non-negative integers among ``values``."""
    return np.flatnonzero(np.bincount(values))


def _births(events: Events) -> dict[int, int]:
    rows = np.flatnonzero(events["kind"] == Kind.TASK_NEW)
    return dict(zip(events["tid"][rows].tolist(), events["enter_ns"][rows].tolist(), strict=True))


def _born_after(born: dict[int, int], tasks: NDArray[np.int64], accepts: Operations) -> bool:
    """Return whether most of these tasks were made after the first accept."""
    if not len(accepts):
        return False
    first = int(accepts["end_ns"].min())
    distinct = np.unique(tasks).tolist()
    return 2 * sum(born.get(task, 0) > first for task in distinct) > len(distinct)
