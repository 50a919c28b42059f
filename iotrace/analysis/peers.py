"""Who is at the other end of connections that were accepted without asking: accept(fd, NULL, NULL), io_uring.

The kernel names a connection's socket when it is established, and again with what is received on it.
"""

from __future__ import annotations

import numpy as np

from iotrace.analysis import sockets
from iotrace.analysis.axis import Axis, Ints
from iotrace.analysis.calls import Calls
from iotrace.columns import Events
from probes.events import ADDRESSES, Kind
from probes.table import Role

_TCP_ESTABLISHED = 1


def of_requests(events: Events, lives: Ints, makers: Ints) -> dict[int, str]:
    """Return {life: own address ← peer} of connections that io_uring accepted in the rows ``makers``."""
    kind, fd, tgid = events["kind"], events["fd"], events["tgid"].astype(np.int64)
    used = np.flatnonzero((kind == Kind.RING) & (events["sk"] > 0) & (fd >= 0))
    uses = Axis(tgid[used] << 32 | fd[used], -events["exit_ns"][used])  # backwards: the first use after
    first = uses.last(tgid[makers] << 32 | events["ret"][makers], -events["exit_ns"][makers])
    known = first >= 0
    return _named(events, lives[known], used[first[known]])


def of_calls(events: Events, calls: Calls, origin: Ints, root: Ints, of_call: Ints) -> dict[int, str]:
    """Return {life: own address ← peer} of connections that a call accepted which asked for no address.

    ``origin`` and ``root`` (lives,), ``of_call`` (calls,) as in :class:`iotrace.analysis.descriptors.Lives`.
    """
    made = origin >= 0
    made[made] = calls.role[origin[made]] == Role.ACCEPT
    row = calls.row[origin[made]]
    made[made] = events.blob_offsets[row + 1] == events.blob_offsets[row]
    if not made.any():
        return {}
    used = np.flatnonzero((events["sk"][calls.row] > 0) & (of_call >= 0) & (calls.role == Role.RECEIVE))
    used = used[made[root[of_call[used]]]]
    used = used[np.argsort(calls.enter_ns[used], kind="stable")]
    life, first = np.unique(root[of_call[used]], return_index=True)
    return _named(events, life, calls.row[used[first]])


def _named(events: Events, lives: Ints, uses: Ints) -> dict[int, str]:
    """Return {life: own address ← peer} by a use of each; not of what was established out of sight."""
    states = np.flatnonzero((events["kind"] == Kind.CONNECTION) & (events["a"] == _TCP_ESTABLISHED))
    states = states[np.diff(events.blob_offsets)[states] == ADDRESSES.itemsize]
    established = Axis(events["sk"][states].view(np.int64), events["enter_ns"][states])
    state = established.last(events["sk"][uses].view(np.int64), events["exit_ns"][uses])
    names = {}
    for number in np.flatnonzero(state >= 0).tolist():
        blob = events.blob_of(int(states[state[number]]))
        names[int(lives[number])] = f"{sockets.local_text(blob)} ← {sockets.remote_text(blob)}"
    return names
