"""The fill of a kernel buffer over time: bytes sent into it minus bytes received out of it.

Drawn only where it tells something: both ends are in the recording, bytes went through, and a send
slept because there was no room. Calls count when they return, so the level is exact wherever no call
on the buffer is in progress and bounded by that call's bytes elsewhere.

The two ends of a pipe or a socketpair come from one call (pipe(2), socketpair(2)); those of a TCP
connection to this machine are joined by the client's port, which ``inet_sock_set_state`` reports for
the connecting socket and accept(2) returns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.arrivals import TCP_ESTABLISHED, peer_ports
from iotrace.analysis.attempts import STREAMS
from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import Calls, code, is_role
from iotrace.analysis.descriptors import PAIRS, Lives
from iotrace.analysis.model import Level
from iotrace.analysis.peeks import are_peeks
from iotrace.columns import Events
from probes.events import ADDRESSES, Kind
from probes.table import Role

#: A shorter sleep in a send can be a lock or the kernel's search for memory.
FULL_NS = 1_000_000

_UNCOUNTED = tuple(code(name) for name in ("sendmmsg", "recvmmsg"))  # they return messages, not bytes


def levels(events: Events, calls: Calls, lives: Lives) -> list[Level]:
    """Return the buffers that were full for a sender, one a direction, in the order of their first bytes."""
    sends = is_role(calls, Role.SEND) & (lives.of_call >= 0)
    slept = np.flatnonzero(sends & (calls.slept | calls.pending))
    lasted = calls.exit_ns[slept] - calls.enter_ns[slept]
    slept = slept[np.where(calls.pending[slept], lasted, calls.asleep_ns[slept]) >= FULL_NS]
    full = np.unique(lives.root[lives.of_call[slept]])
    full = np.array([each for each in full.tolist() if lives.kind[each] in STREAMS], np.int64)
    if not len(full):
        return []
    peer = _peers(events, calls, lives)
    full = full[peer[full] >= 0]
    if not len(full):
        return []
    root = take(lives.root, lives.of_call, -1)
    unknown = _uncounted(events, calls, lives, root)
    moved = (calls.ret > 0) & ~calls.pending
    sends &= moved
    receives = is_role(calls, Role.RECEIVE) & (root >= 0) & moved & ~are_peeks(events, calls)
    found = []
    for writer in full.tolist():
        reader = int(peer[writer])
        if unknown[writer] or unknown[reader]:
            continue
        put, taken = np.flatnonzero(sends & (root == writer)), np.flatnonzero(receives & (root == reader))
        level = _level(calls, writer, reader, put, taken)
        if level is not None:
            found.append(level)
    return sorted(found, key=lambda level: int(level.time_ns[0]))


def _level(calls: Calls, writer: int, reader: int, put: Ints, taken: Ints) -> Level | None:
    """Sum one direction up; None where most of its bytes went through within single calls."""
    if not len(put) or not len(taken):
        return None
    both = np.r_[put, taken]  # of one moment the sends come first
    time = calls.exit_ns[both]
    order = np.argsort(time, kind="stable")
    balance = np.cumsum(np.r_[calls.ret[put], -calls.ret[taken]][order])
    if -int(balance.min()) >= int(balance.max()):
        return None
    return Level(writer, reader, time[order], np.maximum(balance, 0))


def _peers(events: Events, calls: Calls, lives: Lives) -> Ints:
    """Return (lives,) the root at the other end of each root; -1 where it is not in the recording."""
    peer = np.full(len(lives), -1, np.int64)
    made = np.flatnonzero((lives.origin >= 0) & (lives.root == np.arange(len(lives))))
    made = made[np.isin(calls.code[lives.origin[made]], PAIRS)]
    made = made[np.argsort(lives.origin[made], kind="stable")]
    same = np.flatnonzero(lives.origin[made][1:] == lives.origin[made][:-1])
    peer[made[same]], peer[made[same + 1]] = made[same + 1], made[same]
    _join_connections(events, calls, lives, peer)
    return peer


def _join_connections(events: Events, calls: Calls, lives: Lives, peer: Ints) -> None:
    """Join the connected and the accepted socket of each TCP connection from this machine to itself."""
    rows = np.flatnonzero((events["kind"] == Kind.CONNECTION) & (events["a"] == TCP_ESTABLISHED))
    rows = rows[np.diff(events.blob_offsets)[rows] == ADDRESSES.itemsize]
    connects = np.flatnonzero((calls.code == code("connect")) & (lives.of_call >= 0))
    connects = connects[events["sk"][calls.row[connects]] != 0]
    origin = take(calls.role, lives.origin, 0)
    accepted = np.flatnonzero((origin == Role.ACCEPT) & (lives.root == np.arange(len(lives))))
    if not len(rows) or not len(connects) or not len(accepted):
        return
    bytes_of = events.blob_offsets[rows][:, None] + np.arange(ADDRESSES.itemsize)
    address = np.ascontiguousarray(events.blob[bytes_of]).view(ADDRESSES)[:, 0]
    own = np.all(address["local"] == address["remote"], axis=1)
    rows, port = rows[own], address["local_port"][own].astype(np.int64)
    time = events["enter_ns"][rows].astype(np.int64)
    # The kernel uses a socket's address again: the connect is the last one on it before the state changed.
    call = Axis(events["sk"][calls.row[connects]].astype(np.int64), calls.enter_ns[connects]).last(
        events["sk"][rows].astype(np.int64), time
    )
    known = call >= 0
    connected = lives.root[lives.of_call[connects[call[known]]]]
    asked = peer_ports(events, calls.row[lives.origin[accepted]])
    at = Axis(port[known], time[known]).last(asked, calls.exit_ns[lives.origin[accepted]])
    both = (at >= 0) & (asked >= 0)
    peer[accepted[both]] = connected[at[both]]
    peer[connected[at[both]]] = accepted[both]


def _uncounted(events: Events, calls: Calls, lives: Lives, root: Ints) -> NDArray[np.bool_]:
    """Return (lives,) bool: the roots on which bytes moved that no result counts."""
    found = np.zeros(len(lives) + 1, bool)  # the last one stands for no life
    moves = np.flatnonzero(is_role(calls, Role.TRANSFER))
    found[root[moves]] = True
    other = lives.find(calls.tgid[moves], events["a"][calls.row[moves]], calls.enter_ns[moves])
    found[take(lives.root, other, -1)] = True
    found[root[np.isin(calls.code, _UNCOUNTED)]] = True
    rows = np.flatnonzero((events["kind"] == Kind.RING) & (events["fd"] >= 0))
    by_ring = lives.find(events["tgid"][rows], events["fd"][rows], events["enter_ns"][rows])
    found[take(lives.root, by_ring, -1)] = True
    return found[:-1]
