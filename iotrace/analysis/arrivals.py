"""When each accepted connection was ready: the kernel's own account, joined by its remote port.

``inet_sock_set_state`` says when a connection to one of our listening sockets became established;
accept returns the peer's address. Both carry the remote port, which is unique at any moment.
"""

from __future__ import annotations

import numpy as np

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import Calls
from iotrace.analysis.sockets import AF_INET, AF_INET6
from iotrace.columns import Events
from probes.events import ADDRESSES, Kind

TCP_ESTABLISHED = 1


def of_accepts(events: Events, calls: Calls, accepts: Ints) -> Ints:
    """Return (n,) ns at which each accept's connection was established; 0 where unseen."""
    rows = np.flatnonzero((events["kind"] == Kind.CONNECTION) & (events["a"] == TCP_ESTABLISHED))
    if not len(rows) or not len(accepts):
        return np.zeros(len(accepts), np.int64)
    size = ADDRESSES.itemsize
    whole = np.diff(events.blob_offsets)[rows] == size
    rows = rows[whole]
    bytes_of = events.blob_offsets[rows][:, None] + np.arange(size)
    addresses = np.ascontiguousarray(events.blob[bytes_of]).view(ADDRESSES)[:, 0]
    time = events["enter_ns"][rows]
    port = peer_ports(events, calls.row[accepts])
    at = Axis(addresses["remote_port"], time).last(port, calls.exit_ns[accepts])
    return np.where(port >= 0, take(time, at, 0), 0)


def peer_ports(events: Events, rows: Ints) -> Ints:
    """Return the port in each row's sockaddr (network order, ip(7)), -1 where it has none."""
    first = events.blob_offsets[rows]
    has = events.blob_offsets[rows + 1] - first >= 4
    first = np.where(has, first, 0)
    blob = events.blob if len(events.blob) >= 4 else np.zeros(4, np.uint8)
    family = blob[first].astype(np.int64) | blob[first + 1].astype(np.int64) << 8
    port = blob[first + 2].astype(np.int64) << 8 | blob[first + 3].astype(np.int64)
    return np.where(has & np.isin(family, (AF_INET, AF_INET6)), port, -1)
