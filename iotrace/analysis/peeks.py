"""Receives with MSG_PEEK, which leave the data where they are (recv(2)), and those that then take them.

A program may do all its waiting in a peek: it sleeps there until data come, or asks again and again, and
only then reads. The wait belongs to the receive that takes the data, the next one on that open file
by anybody; the copy is that receive's alone. A peek that found its data at once says nothing of a wait.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import EAGAIN, MSG_PEEK, Calls, code, interrupted, is_code
from iotrace.analysis.descriptors import Lives
from iotrace.analysis.modes import Blocking
from iotrace.columns import Events
from probes.events import Flag

_MSG_DONTWAIT = 0x40
_TAKES_FLAGS = tuple(code(name) for name in ("recvfrom", "recvmsg", "recvmmsg"))


@dataclass(frozen=True)
class Peeked:
    """For each receive that took data, the peeks since the one before on its file; all arrays (n,).

    ``slept`` calls index of the first peek that slept until there were data, -1: none; ``since_ns`` entry of
    the first peek that slept in vain before that, or of itself · ``tries`` peeks that returned EAGAIN;
    ``first_ns``, ``last_enter_ns``, ``last_exit_ns`` of those, 0: none; ``poller`` the thread that made the
    last of them, where it went on to take the data or to see them in a peek; 0: none did.
    """

    slept: Ints
    since_ns: Ints
    tries: Ints
    first_ns: Ints
    last_enter_ns: Ints
    last_exit_ns: Ints
    poller: Ints


def are_peeks(events: Events, calls: Calls) -> NDArray[np.bool_]:
    """Return (calls,) which calls are receives with MSG_PEEK."""
    peeks = is_code(calls, *_TAKES_FLAGS)
    at = np.flatnonzero(peeks)
    peeks[at] = (events["b"][calls.row[at]] & MSG_PEEK) != 0
    return peeks


def before(
    events: Events, calls: Calls, lives: Lives, blocking: Blocking, peeks: Ints, taking: Ints
) -> Peeked | None:
    """Find what peeks went before the receives ``taking``, calls indices; None where there was no peek.

    ``peeks``: calls indices of finished peeks.
    """
    peeks = peeks[lives.of_call[peeks] >= 0]
    if not len(peeks) or not len(taking):
        return None
    peeks = peeks[np.argsort(calls.enter_ns[peeks], kind="stable")]
    failed = calls.ret[peeks] == EAGAIN
    found = calls.ret[peeks] >= 0
    slept = _slept(events, calls, lives, blocking, peeks) & (found | failed | interrupted(calls)[peeks])
    known = _known(events, calls, peeks, slept & found)
    taker = _takers(calls, lives, peeks, taking, known)
    had = taker >= 0
    n = len(taking)

    until = np.flatnonzero(had & slept & found)
    first = _first(n, taker[until], peeks[until])
    since = np.flatnonzero(had & slept)
    since_ns = np.where(first >= 0, calls.enter_ns[_first(n, taker[since], peeks[since])], 0)

    vain = np.flatnonzero(had & failed)
    first_failed, last_failed = _first(n, taker[vain], peeks[vain]), _last(n, taker[vain], peeks[vain])
    seen = np.flatnonzero(had & found)
    last_seen = _last(n, taker[seen], peeks[seen])
    asked_by = take(calls.tid, last_failed, 0)
    went_on = asked_by == calls.tid[taking]
    went_on |= (take(calls.tid, last_seen, -1) == asked_by) & (
        take(calls.enter_ns, last_seen, 0) > take(calls.enter_ns, last_failed, 0)
    )
    return Peeked(
        first,
        since_ns,
        np.bincount(taker[vain], minlength=n).astype(np.int64),
        take(calls.enter_ns, first_failed, 0),
        take(calls.enter_ns, last_failed, 0),
        take(calls.exit_ns, last_failed, 0),
        np.where((last_failed >= 0) & went_on, asked_by, 0),
    )


def _slept(events: Events, calls: Calls, lives: Lives, blocking: Blocking, peeks: Ints) -> NDArray[np.bool_]:
    """Return (n,) whether each peek slept; also where a look before it found nothing, and it had to."""
    flags = calls.flags[peeks]
    had_to = (flags & Flag.EMPTY_AT_ENTRY) != 0
    had_to &= (events["b"][calls.row[peeks]] & _MSG_DONTWAIT) == 0
    had_to &= blocking.at(lives.root[lives.of_call[peeks]], calls.enter_ns[peeks])
    slept: NDArray[np.bool_] = (calls.slept[peeks] | had_to) & ((flags & Flag.READY_AT_ENTRY) == 0)
    return slept


def _known(events: Events, calls: Calls, peeks: Ints, woken: NDArray[np.bool_]) -> Ints:
    """Return (n,) until when each peek knew of no data: where it ``woken`` ends its sleep, else its entry."""
    row = calls.row[peeks]
    ready = events["ready_ns"][row]
    ready = np.where(ready > 0, ready, events["waking_ns"][row])
    ready = np.where(ready > 0, ready, calls.enter_ns[peeks] + calls.asleep_ns[peeks])
    return np.where(woken, np.clip(ready, calls.enter_ns[peeks], calls.exit_ns[peeks]), calls.enter_ns[peeks])


def _takers(calls: Calls, lives: Lives, peeks: Ints, taking: Ints, known: Ints) -> Ints:
    """Return (n,) position in ``taking`` of the next receive on each peek's file, -1: there was none.

    None either where another receive, still under way when the peek slept, may have taken what it was for.
    """
    root = lives.root[lives.of_call[taking]]
    axis = Axis(root, calls.enter_ns[taking])
    order = axis.order
    of_peek = lives.root[lives.of_call[peeks]]
    last = axis.slot(of_peek, calls.exit_ns[peeks], before=True)
    follower = np.where(last >= 0, last + 1, np.searchsorted(root[order], of_peek))
    inside = np.minimum(follower, len(order) - 1)
    follows = (follower < len(order)) & (root[order[inside]] == of_peek)
    left = np.where(last >= 0, calls.exit_ns[taking[order[np.maximum(last, 0)]]], 0)
    return np.where(follows & (left <= known), order[inside], -1)


def _first(n: int, of: Ints, values: Ints) -> Ints:
    """Return (n,) the first value of each group; -1: none. Values are in the order of time."""
    return _last(n, of[::-1], values[::-1])


def _last(n: int, of: Ints, values: Ints) -> Ints:
    kept = np.full(n, -1, np.int64)
    kept[of] = values  # of several the last one stays
    return kept
