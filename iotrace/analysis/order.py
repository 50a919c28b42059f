"""In which order are clients answered? The question that the source text asks of its example 3.

When one wait announces several connections, their messages have an order of arrival (measured by
data-ready events) and an order in which the server received them. Connections are numbered in
the order in which they were accepted.
"""

from __future__ import annotations

import numpy as np

from iotrace.analysis.axis import Ints
from iotrace.analysis.matrix import call_names
from iotrace.analysis.model import Act, Basis, Model
from iotrace.analysis.operation import Operations
from iotrace.columns import Events
from iotrace.language import _


def order_of_answers(events: Events, operations: Operations, root: Ints) -> str:
    """Say, for the wait that announced most connections at once, who came first and who was answered first.

    Empty where no wait announced two connections. ``root`` (lives,) is the open file of each life.
    """
    if not np.any(operations["wait"] >= 0):
        return ""
    op = operations[
        (operations["act"] == Act.RECEIVE)
        & (operations["model"] == Model.MULTIPLEXING)
        & (operations["wait"] >= 0)
        & (operations["life"] >= 0)
    ]
    if len(op) < 2:
        return ""
    number = _numbers(operations, root)
    together = _largest_group(op, root)
    if len(together) < 2:
        return ""
    received = together[np.argsort(together["end_ns"], kind="stable")]
    clients = [number.get(int(root[life]), 0) for life in received["life"]]
    served = " ".join(map(str, clients))
    fds = received["fd"].tolist()
    wait = next(iter(call_names(events, received["wait"])), _("one wait"))
    measured = bool(np.all(_ready_of(events, received) > 0))
    if not measured:
        arrived = _("order of arrival unseen by this probe")
    else:
        by_arrival = np.argsort(_ready_of(events, received), kind="stable")
        arrival = " ".join(str(clients[index]) for index in by_arrival)
        arrived = _("messages arrived in the order {clients}").format(clients=arrival)
    words = (
        _(
            "{n} clients at once: {arrived}, received and answered {served}: {call} returned all {n}, the"
            " server took them by descriptor ({fds}), the order in which they had connected."
        )
        if fds == sorted(fds)
        else _(
            "{n} clients at once: {arrived}, received and answered {served}: {call} returned all {n}, the"
            " server took them as ({fds})."
        )
    )
    return words.format(n=len(received), arrived=arrived, served=served, call=wait, fds=_span(fds))


def _span(fds: list[int]) -> str:
    """Return ``fd 4 to 8`` for numbers that follow each other, else all of them."""
    if fds == list(range(fds[0], fds[0] + len(fds))):
        return _("fd {first} to {last}").format(first=fds[0], last=fds[-1])
    return f"fd {' '.join(map(str, fds))}"


def _ready_of(events: Events, op: Operations) -> Ints:
    """Return each receive's own data-ready time, 0 where unseen."""
    seen = events["ready_ns"][op["call"]]
    return np.where(op["ready_basis"] == Basis.MEASURED, seen, 0)


def _numbers(operations: Operations, root: Ints) -> dict[int, int]:
    """Number connections by their first receive where accepts are unseen, else by their descriptors' age."""
    receives = operations[(operations["act"] == Act.RECEIVE) & (operations["life"] >= 0)]
    roots = np.unique(root[receives["life"]])
    return {int(value): position + 1 for position, value in enumerate(roots)}


def _largest_group(op: Operations, root: Ints) -> Operations:
    """Return the operations of the wait that announced most connections, one for each connection."""
    inverse, counts = np.unique(op["wait"], return_inverse=True, return_counts=True)[1:]
    for index in np.argsort(-counts, kind="stable")[:5]:
        group = op[inverse == index]
        first = np.unique(root[group["life"]], return_index=True)[1]
        if len(first) > 1:
            together: Operations = group[np.sort(first)]
            return together
    return Operations(0)
