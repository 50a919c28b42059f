"""Sockets by which a program's processes talk to each other: pairs, and connections to paths of their own."""

from __future__ import annotations

import numpy as np

from iotrace.analysis import sockets
from iotrace.analysis.axis import Ints
from iotrace.analysis.calls import Calls, code, is_role
from iotrace.analysis.descriptors import Lives
from iotrace.columns import Events
from probes.table import Role


def pairs(calls: Calls, lives: Lives) -> Ints:
    """Return the lives of socketpairs that the program made: how loops wake themselves, and masters talk."""
    made = lives.origin >= 0
    made[made] = calls.code[lives.origin[made]] == code("socketpair")
    found: Ints = np.flatnonzero(made[lives.root])
    return found


def pairs_of_one(calls: Calls, lives: Lives) -> Ints:
    """Return the lives of socketpairs that one process alone uses: how asyncio's loop wakes itself."""
    made: Ints = np.flatnonzero(lives.origin >= 0)
    made = made[calls.code[lives.origin[made]] == code("socketpair")]
    if not len(made):
        return np.zeros(0, np.int64)
    pair = np.full(len(lives) + 1, -1, np.int64)
    pair[made] = np.searchsorted(np.unique(lives.origin[made]), lives.origin[made])
    of_call = pair[np.where(lives.of_call >= 0, lives.root[lives.of_call], len(lives))]
    used = np.flatnonzero((of_call >= 0) & is_role(calls, Role.RECEIVE, Role.SEND))
    which, user = of_call[used], calls.tgid[used]
    somebody = np.full(len(made), -1, np.int64)
    somebody[which] = user  # of several users the last one stays, and the others differ from it
    alone = somebody >= 0
    alone[which[somebody[which] != user]] = False
    own: Ints = np.flatnonzero((pair[lives.root] >= 0) & alone[pair[lives.root]])
    return own


def connections(events: Events, calls: Calls, lives: Lives) -> Ints:
    """Return the lives of Unix sockets between the program's own processes: both ends, and who listens.

    One took from it what another had passed on (SCM_RIGHTS); or the program connected to the path of one of
    its listening sockets at least as often as that accepted: nobody else did (Dovecot's, Postfix's services).
    """
    inside = list(lives.channels)
    asked = _paths(events, calls, lives, "connect")
    if not asked:
        return np.flatnonzero(np.isin(lives.root, inside))
    accepted: dict[int, list[int]] = {}
    for life in np.flatnonzero(lives.origin >= 0).tolist():
        call = int(lives.origin[life])
        if calls.role[call] == Role.ACCEPT and lives.of_call[call] >= 0:
            accepted.setdefault(int(lives.root[lives.of_call[call]]), []).append(int(lives.root[life]))
    for listener, bound in _paths(events, calls, lives, "bind"):
        askers = [root for root, path in asked if path == bound or bound.endswith(b"/" + path)]
        if listener in accepted and len(accepted[listener]) <= len(askers):
            inside += [listener, *accepted[listener], *askers]
    found: Ints = np.flatnonzero(np.isin(lives.root, inside))
    return found


def _paths(events: Events, calls: Calls, lives: Lives, name: str) -> list[tuple[int, bytes]]:
    """Return (open file, path) of each bind or connect of a Unix socket that succeeded."""
    done = np.flatnonzero((calls.code == code(name)) & (calls.ret == 0) & (lives.of_call >= 0))
    row = calls.row[done]
    first = events.blob_offsets[row]
    some = events.blob_offsets[row + 1] - first > 2
    blob = events.blob if len(events.blob) else np.zeros(1, np.uint8)
    unix = some & (blob[np.where(some, first, 0)] == sockets.AF_UNIX)
    return [
        (int(lives.root[lives.of_call[call]]), events.blob_of(int(calls.row[call]))[2:].rstrip(b"\0"))
        for call in done[unix].tolist()
    ]
