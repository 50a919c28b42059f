"""Lessons about level and edge: what a wait says again, and what it says only once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import Calls, code, is_role
from iotrace.analysis.lessons.case import Case, times
from iotrace.analysis.matrix import spoken
from iotrace.analysis.readiness import EPOLLET, EPOLLONESHOT, READABLE, WRITABLE
from iotrace.language import N_, _
from probes.events import Kind
from probes.table import Role

#: A worker that is about to receive lets a level-triggered wait return once or twice more; so often, none is.
SPIN = 10

_HANGUP = 0x8 | 0x10  # POLLERR, POLLHUP: of both kinds
_CTL_ADD, _CTL_DEL, _CTL_MOD = 1, 2, 3
_PAIRS = tuple(code(name) for name in ("pipe", "pipe2", "socketpair"))
_SOCKETS = ("tcp", "unix", "socket", "accepted")

#: Pipes of the program's own whose bytes are counted; one that has more is no example of anything.
_MOST_PAIRS = 64


_UNTAKEN = N_(
    "{call} returned at once {n} times in a row for {fd}, and nobody received from or accepted on it:"
    " level-triggered, readiness is a state, and is told for as long as it lasts."
)
_UNSENT = N_(
    "{call} returned at once {n} times in a row for {fd}, and nobody sent on it: level-triggered, readiness"
    " is a state, and is told for as long as it lasts."
)


def level_triggered_spin(case: Case) -> str | None:
    """A level-triggered wait does not sleep while a descriptor is ready that nobody serves."""
    sets, calls = case.sets, case.calls
    if not len(sets.call):
        return None
    level = (sets.mode & (EPOLLET | EPOLLONESHOT)) == 0
    level &= ~calls.slept[sets.call] & (case.timeout[sets.call] != 0) & (case.entry_root >= 0)
    worst, words = SPIN - 1, None
    for bits, roles, told in (
        (READABLE, (Role.RECEIVE, Role.ACCEPT, Role.TRANSFER, Role.CLOSE, Role.WAIT), _UNTAKEN),
        (WRITABLE & ~_HANGUP, (Role.SEND, Role.CONNECT, Role.TRANSFER, Role.CLOSE), _UNSENT),
    ):
        entry = np.flatnonzero(level & ((sets.revents & bits) != 0))
        if len(entry) <= worst:
            continue
        served = _served(case, roles).slot(case.entry_root[entry], calls.exit_ns[sets.call[entry]])
        run = np.where(served >= 0, served, -2 - case.entry_root[entry])
        first, counts = np.unique(run, return_index=True, return_counts=True)[1:]
        most = int(counts.argmax())
        if counts[most] <= worst:
            continue
        worst, example = int(counts[most]), int(entry[first[most]])
        name = case.named(int(case.entry_root[example]))
        words = _(told).format(call=spoken(calls.code[sets.call[example]]), n=worst, fd=name)
    return words


def _served(case: Case, roles: tuple[Role, ...]) -> Axis:
    """Return every act on an open file that can end its readiness, as (open file, begin of the call).

    A wait has an open file of its own where that is an epoll set: it looks what made the set readable.
    """
    calls, control = case.calls, case.control
    act = np.flatnonzero(is_role(calls, *roles) & (case.root >= 0))
    moved = np.flatnonzero((calls.role == Role.TRANSFER) & (case.asked >= 0))  # the other descriptor
    changed = np.flatnonzero(control.op != _CTL_ADD)
    ring = np.flatnonzero((case.events["kind"] == Kind.RING) & (case.events["fd"] >= 0))
    other = (
        np.r_[calls.tgid[moved], calls.tgid[control.call[changed]], case.events["tgid"][ring]],
        np.r_[case.asked[moved], control.fd[changed], case.events["fd"][ring]],
        np.r_[calls.enter_ns[moved], calls.enter_ns[control.call[changed]], case.events["enter_ns"][ring]],
    )
    root = take(case.lives.root, case.lives.find(*other), -1)
    return Axis(np.r_[case.root[act], root], np.r_[calls.enter_ns[act], other[2]])


def undrained_edge(case: Case) -> str | None:
    """An edge-triggered wait sleeps beside data that it has told of once.

    Proven in two ways only: the bytes of a pipe whose both ends are in the recording are counted; or a
    receive that nothing announced finds data although none had come since the one before.
    """
    edges = np.flatnonzero((case.control.op != _CTL_DEL) & ((case.control.events & EPOLLET) != 0))
    if not len(edges):
        return None
    return _beside_a_pipe(case, edges) or _left_in_a_socket(case, edges)


def _beside_a_pipe(case: Case, edges: Ints) -> str | None:
    calls, lives, control = case.calls, case.lives, case.control
    watcher = control.call[edges]
    life = lives.find(calls.tgid[watcher], control.fd[edges], calls.exit_ns[watcher])
    root = take(lives.root, life, -1)
    origin = np.where(root >= 0, lives.origin[root], -1)
    paired = (origin >= 0) & np.isin(take(calls.code, origin, 0), _PAIRS)
    if not 0 < len(np.unique(root[paired])) <= _MOST_PAIRS:
        return None
    for reader in np.unique(root[paired]).tolist():
        ends = np.flatnonzero((lives.origin == lives.origin[reader]) & (lives.root == np.arange(len(lives))))
        peer = ends[ends != reader]
        if len(peer) != 1 or _passes_by(case, reader, int(peer[0])):
            continue
        mine = edges[paired & (root == reader)]
        waits = _asleep_on(case, mine)
        left = _written(case, int(peer[0]), calls.enter_ns[waits]) - _taken(
            case, reader, calls.enter_ns[waits]
        )
        slept = left > 0
        if slept.any():
            wait = waits[slept]
            return _(
                "{call} slept {times} beside {bytes} bytes that {fd} still held: edge-triggered, it had told"
                " of them once. Receive until EAGAIN."
            ).format(
                call=spoken(calls.code[wait[0]]),
                times=times(len(wait)),
                bytes=int(left[slept][0]),
                fd=case.named(reader),
            )
    return None


def _passes_by(case: Case, *roots: int) -> bool:
    """Tell whether bytes went through a pipe in calls that do not say how many were its own."""
    return bool(np.any((case.calls.role == Role.TRANSFER) & np.isin(case.root, roots)))


def _asleep_on(case: Case, registrations: Ints) -> Ints:
    """Return the waits that slept on an epoll in which a descriptor was registered for edges meanwhile."""
    calls, control = case.calls, case.control
    found = [np.zeros(0, np.int64)]
    for index in registrations.tolist():
        tgid, begin = calls.tgid[control.call[index]], calls.exit_ns[control.call[index]]
        same = (control.epoll == control.epoll[index]) & (control.fd == control.fd[index])
        later = calls.enter_ns[control.call[same & (calls.exit_ns[control.call] > begin)]]
        end = int(later.min()) if len(later) else int(calls.exit_ns.max()) + 1
        mine = (calls.role == Role.WAIT) & (calls.tgid == tgid) & (calls.fd == control.epoll[index])
        found.append(np.flatnonzero(mine & calls.slept & (calls.enter_ns > begin) & (calls.exit_ns <= end)))
    return np.unique(np.concatenate(found))


def _written(case: Case, root: int, time: Ints) -> Ints:
    """Return the bytes written by each time, in sends that had returned."""
    calls = case.calls
    done = (case.root == root) & (calls.role == Role.SEND) & (calls.ret > 0) & ~calls.pending
    return _sum_until(calls.exit_ns[done], calls.ret[done], time)


def _taken(case: Case, root: int, time: Ints) -> Ints:
    """Return the bytes taken by each time, in receives that had begun."""
    calls = case.calls
    done = (case.root == root) & (calls.role == Role.RECEIVE) & (calls.ret > 0)
    return _sum_until(calls.enter_ns[done], calls.ret[done], time)


def _sum_until(at_ns: Ints, values: Ints, time: Ints) -> Ints:
    order = np.argsort(at_ns, kind="stable")
    sums = np.r_[0, np.cumsum(values[order])]
    until: Ints = sums[np.searchsorted(at_ns[order], time, "right")]
    return until


def _left_in_a_socket(case: Case, edges: Ints) -> str | None:
    calls = case.calls
    if "ready" not in case.events.header.get("evidence", ()):
        return None
    watcher = case.control.call[edges]
    life = case.lives.find(calls.tgid[watcher], case.control.fd[edges], calls.exit_ns[watcher])
    edge = np.zeros(len(case.lives) + 1, bool)
    edge[take(case.lives.root, life, -1)] = True
    edge[-1] = False
    tries = np.flatnonzero(
        is_role(calls, Role.RECEIVE) & edge[case.root] & case.is_kind(*_SOCKETS)[case.root] & ~calls.pending
    )
    if len(tries) < 2:
        return None
    tries = tries[Axis(case.root[tries], calls.enter_ns[tries]).order]
    first, second = tries[:-1], tries[1:]
    pair = (case.root[first] == case.root[second]) & (calls.ret[first] > 0) & (calls.ret[second] > 0)
    pair &= (calls.ret[first] == case.asked[first]) & (case.ready[second] == 0)
    pair &= ~case.announced_since(case.root[first], calls.exit_ns[first], calls.enter_ns[second])
    pair &= _slept_between(calls, first, second)
    if not pair.any():
        return None
    at = int(first[pair][0])
    return _(
        "{call} filled its room on {fd} and left data, and {times} the next wait slept beside them:"
        " edge-triggered, it had told of them once. Receive until EAGAIN."
    ).format(call=spoken(calls.code[at]), fd=case.named(int(case.root[at])), times=times(int(pair.sum())))


def _slept_between(calls: Calls, first: Ints, second: Ints) -> NDArray[np.bool_]:
    """Return (m,) bool: the thread slept in a wait after the first call and before the second."""
    waits = np.flatnonzero((calls.role == Role.WAIT) & calls.slept)
    last = Axis(calls.tid[waits], calls.exit_ns[waits]).last(calls.tid[second], calls.enter_ns[second])
    begun = take(calls.enter_ns[waits], last, 0)
    return (last >= 0) & (begun >= calls.exit_ns[first])
