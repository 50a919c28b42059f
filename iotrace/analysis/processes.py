"""The process model: who accepts, who receives, who answers, and when those who receive were made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import Calls, interrupted, is_role
from iotrace.analysis.descriptors import Lives
from iotrace.analysis.matrix import for_one
from iotrace.analysis.model import Act, Model
from iotrace.analysis.operation import Operations
from iotrace.columns import Events
from probes.events import Kind
from probes.table import Role


def process_model(events: Events, calls: Calls, operations: Operations, lives: Lives, listeners: Ints) -> str:
    """Name the process model, from the tasks that accept, receive and answer.

    ``listeners`` are the processes that asked a listening socket for connections, whether they got one or
    not. Returns one of event_loop, event_loop_per_thread, event_loop_with_workers, process_per_connection,
    prefork, thread_per_connection, thread_pool, process_per_request, thread_per_request, sequential, unknown.
    """
    known = operations[operations["life"] >= 0]
    receives = known[known["act"] == Act.RECEIVE]
    accepts = operations[operations["act"] == Act.ACCEPT]
    if not len(receives):
        receives = known[known["act"] == Act.RECEIVE_DATAGRAM]
        return _of_datagrams(events, calls, lives, receives) if len(receives) else "unknown"
    receivers = _distinct(receives["tid"])
    processes = _distinct(receives["tgid"])
    acceptors = np.unique(accepts["tgid"]) if len(accepts) else np.zeros(0, np.int64)
    loops = _in_loops(events, receives)
    connections = len(_distinct(lives.root[receives["life"]]))
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
        return "sequential" if len(accepts) and _in_turn(lives.root[receives["life"]]) else "unknown"
    if loops and not len(accepts):
        return "event_loop_with_workers"
    accepting = set(accepts["tid"].tolist())
    others = [tid for tid in receivers.tolist() if tid not in accepting]
    fresh = _born_after(born, np.array(others, np.int64), accepts) and len(others) * 2 > connections
    if loops:
        if fresh and len(others) == len(receivers) and _alike(events, receives):
            return "thread_per_connection"
        alike = not others and _alike(events, receives)
        return "event_loop_per_thread" if alike else "event_loop_with_workers"
    return "thread_per_connection" if fresh and not _outlive(events, calls, others) else "thread_pool"


def _of_datagrams(events: Events, calls: Calls, lives: Lives, receives: Operations) -> str:
    """Name the process model of a server without connections."""
    loops = _in_loops(events, receives)
    receivers = _distinct(receives["tid"])
    if len(receivers) > 1:
        if len(_distinct(receives["tgid"])) > 1:
            return "prefork"
        if not loops:
            return "thread_pool"
        return "event_loop_per_thread" if _alike(events, receives) else "event_loop_with_workers"
    of_socket = np.zeros(len(lives) + 1, bool)
    of_socket[lives.root[receives["life"]]] = True
    root = take(lives.root, lives.of_call, len(lives))
    answers = np.flatnonzero(is_role(calls, Role.SEND) & of_socket[root])
    others = answers[calls.tid[answers] != receivers[0]]
    if 2 * len(others) > len(answers):
        return "thread_per_request" if calls.tgid[others[0]] == receives["tgid"][0] else "process_per_request"
    return "event_loop" if loops else "sequential"


_EVER = np.iinfo(np.int64).max
_LOOP_MODELS = [
    int(m) for m in (Model.MULTIPLEXING, Model.SIGNAL_DRIVEN, Model.NONBLOCKING, Model.ASYNCHRONOUS)
]


def _in_loops(events: Events, receives: Operations) -> bool:
    """Return whether most were awaited among others: a poll of one descriptor is a timeout, no loop."""
    looped = np.isin(receives["model"], _LOOP_MODELS)
    looped &= ~((receives["waiter"] == receives["tid"]) & for_one(events, receives["wait"], receives["fd"]))
    return bool(2 * np.count_nonzero(looped) > len(receives))


def _in_turn(root: Ints) -> bool:
    """Return whether a connection was done before the next one's first receive."""
    return int(np.count_nonzero(root[1:] != root[:-1])) < len(_distinct(root))


def _alike(events: Events, receives: Operations) -> bool:
    """Return whether each thread waits for what it receives, on a set of its own: Go's share one epoll.

    A set that is given to select or poll belongs to the call, and so to its thread; a request to its ring.
    """
    waiters = np.unique(receives["waiter"])
    if len(waiters) < len(_distinct(receives["tid"])):
        return False
    ring = receives["model"] == Model.ASYNCHRONOUS
    seen = ring | ((receives["wait"] >= 0) & (receives["model"] == Model.MULTIPLEXING))
    row = np.where(ring, receives["call"], receives["wait"])[seen]
    waiter = receives["waiter"][seen].astype(np.int64)
    epoll = np.where(ring[seen], events["c"][row], events["fd"][row])
    return len(np.unique(np.where(epoll != -1, epoll, -2 - waiter))) >= len(waiters)


def _outlive(events: Events, calls: Calls, tids: list[int]) -> bool:
    """Return whether most of these threads were killed, or left, asleep in a lock that they held out for.

    Those of a pool wait so for their next client; one that waits with a timeout means to end.
    """
    mine = np.flatnonzero(np.isin(calls.tid, tids))
    last = Axis(calls.tid[mine], calls.enter_ns[mine]).last(np.array(tids), np.full(len(tids), _EVER))
    last = mine[last[last >= 0]]
    waits = (calls.role[last] == Role.LOCK) & (events["c"][calls.row[last]] < 0)
    waits &= calls.pending[last] | interrupted(calls)[last]
    return bool(2 * np.count_nonzero(waits) > len(tids))


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
