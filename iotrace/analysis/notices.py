"""What told a process that input was there: an announcing wait, a signal, or nobody.

Joins to each successful try the select, poll or epoll_wait that named its descriptor and the SIGIO
that came for it, if they came after the last try had found nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.attempts import Taken
from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import Calls, code, is_code
from iotrace.analysis.descriptors import Lives
from iotrace.analysis.readiness import READABLE, Readiness
from iotrace.columns import Events
from probes.events import Kind
from probes.table import Role

SIGIO = 29
_REAL_TIME = range(34, 65)  # signal(7): those that programs choose from
_F_SETFL, _F_SETSIG, _O_ASYNC, _FIOASYNC = 4, 10, 0o20000, 0x5452


@dataclass(frozen=True)
class Announced:
    """Readable entries of sets: ``root`` open file, ``call`` calls indices of the waits.

    ``axis`` over (open file, exit of the wait), ``by_thread`` over (open file and waiting thread, exit).
    ``outer``: the wait that announced the epoll set itself, where the thread waited for that and then
    looked what was in it (an epoll in an epoll, or in a poll); -1: none.
    """

    axis: Axis
    by_thread: Axis
    root: Ints
    call: Ints
    entry: Ints  # index in Readiness
    outer: Ints


def announcements(calls: Calls, lives: Lives, readiness: Readiness) -> Announced:
    """Index the entries that said "readable"."""
    entry = np.flatnonzero((readiness.revents & READABLE) != 0)
    call = readiness.call[entry]
    time = calls.exit_ns[call]
    life = lives.find(readiness.tgid[entry], readiness.fd[entry], time)
    known = life >= 0
    root, time, call = lives.root[life[known]], time[known], call[known]
    several = len(call) > 0 and bool(calls.tid[call].min() != calls.tid[call].max())
    by_thread = _of_thread(root, calls.tid[call]) if several else root[:0]
    return Announced(
        Axis(root, time),
        Axis(by_thread, time[: len(by_thread)]),
        root,
        call,
        entry[known],
        _outer(calls, lives, root, call),
    )


def _outer(calls: Calls, lives: Lives, root: Ints, call: Ints) -> Ints:
    """Return (m,) the waits of the same thread that named the epoll sets of waits which did not sleep."""
    outer = np.full(len(call), -1, np.int64)
    epoll = np.array([kind == "epoll" for kind in lives.kind], bool)
    named = np.flatnonzero(epoll[root])
    if not len(named):
        return outer
    inner = np.flatnonzero(~calls.slept[call] & (calls.fd[call] >= 0) & (lives.of_call[call] >= 0))
    a_set = lives.root[lives.of_call[call[inner]]]
    found = Axis(_of_thread(root[named], calls.tid[call[named]]), calls.exit_ns[call[named]])
    last = found.last(_of_thread(a_set, calls.tid[call[inner]]), calls.enter_ns[call[inner]])
    outer[inner] = take(call[named], last, -1)
    return outer


def announcing(taken: Taken, calls: Calls, announced: Announced) -> tuple[Ints, Ints]:
    """Return (calls index of the announcing wait, index in Readiness) for each success, -1: none.

    An announcement counts once: for the first receive after it; and not if a try in between found nothing.
    Of several for one receive, those that found the data there already (a loop that tells a worker which
    looks again) only repeat the first, in which they were awaited.

    Where several threads try one file, each has announcements of its own: what another found in vain, or
    took, does not undo what this thread's last wait told it.
    """
    if not len(announced.call):
        nothing = np.full(len(taken.call), -1, np.int64)
        return nothing, nothing
    asked = taken.asked
    slot = announced.axis.slot(taken.root, calls.enter_ns[asked])
    at = take(announced.axis.order, slot, -1)
    call = take(announced.call, at, -1)
    exit_ns = take(calls.exit_ns, call, 0)
    fresh = (call >= 0) & (exit_ns > taken.previous_enter_ns) & (exit_ns > taken.failed_enter_ns)
    repeated = np.flatnonzero(fresh)
    repeated = repeated[~calls.slept[call[repeated]]]
    if len(repeated):
        since = np.maximum(taken.previous_exit_ns, taken.failed_exit_ns)[repeated]
        at[repeated] = _first(calls, announced, taken.root[repeated], slot[repeated], since)
    stale = np.flatnonzero(~fresh & (taken.own_ns != 0))
    if len(stale):
        mine = announced.by_thread.last(
            _of_thread(taken.root[stale], calls.tid[asked[stale]]), calls.enter_ns[asked[stale]]
        )
        wait = take(announced.call, mine, -1)
        told = (mine >= 0) & (take(calls.exit_ns, wait, 0) > taken.own_ns[stale])
        told &= wait == _last_wait(calls, asked[stale])
        at[stale[told]] = mine[told]
        fresh[stale[told]] = True
    wait = take(announced.call, at, -1)
    outer = take(announced.outer, at, -1)
    since = np.maximum(taken.previous_enter_ns, taken.failed_enter_ns)
    wait = np.where((outer >= 0) & (take(calls.exit_ns, outer, 0) > since), outer, wait)
    return np.where(fresh, wait, -1), np.where(fresh, take(announced.entry, at, -1), -1)


def _first(calls: Calls, announced: Announced, root: Ints, slot: Ints, since: Ints) -> Ints:
    """Return (m,) the announcements that those at ``slot`` repeat, as positions in ``announced``.

    One repeats the one before it where it did not sleep, in the same process, in waits that began after the
    last try (``since``).
    """
    axis = announced.axis
    call = announced.call[axis.order]
    file = announced.root[axis.order]
    repeats = np.zeros(len(call), bool)
    repeats[1:] = (file[1:] == file[:-1]) & (calls.tgid[call[1:]] == calls.tgid[call[:-1]])
    repeats &= ~calls.slept[call]
    begins = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(call))))
    first = np.maximum(begins[slot], axis.slot(root, since) + 1)
    first += calls.enter_ns[call[first]] < since
    return axis.order[np.minimum(first, slot)]


def _last_wait(calls: Calls, call: Ints) -> Ints:
    """Return the last wait that returned before each call, of the same thread; -1: none."""
    waits = np.flatnonzero((calls.role == Role.WAIT) & ~calls.pending)
    before = Axis(calls.tid[waits], calls.exit_ns[waits])
    return take(waits, before.last(calls.tid[call], calls.enter_ns[call]), -1)


def _of_thread(root: Ints, tid: Ints) -> Ints:
    return root << 24 | tid


@dataclass(frozen=True)
class Signalled:
    """For each success: was it armed for signals and did one come; all (n,).

    ``armed_ns`` 0: never. ``row`` of the SIGNAL event, or of the call that took the signal, -1: none.
    ``generated`` false: only its delivery was seen.
    """

    armed_ns: Ints
    row: Ints
    time_ns: Ints
    generated: NDArray[np.bool_]


def signals(events: Events, calls: Calls, lives: Lives, taken: Taken) -> Signalled:
    """Join the I/O signal of each success: the last one since the try before."""
    n = len(taken.call)
    none = Signalled(
        np.zeros(n, np.int64), np.full(n, -1, np.int64), np.zeros(n, np.int64), np.zeros(n, bool)
    )
    armed = armings(events, calls, lives)
    if not armed:
        return none
    numbers = list(signal_numbers(events, calls))
    if _found_armed(events, lives):
        numbers += _REAL_TIME  # which F_SETSIG chose before the tracer came is unseen
    row = np.flatnonzero((events["kind"] == Kind.SIGNAL) & np.isin(events["a"], numbers))
    generated = events["enter_ns"][row] > 0
    time = np.where(generated, events["enter_ns"][row], events["exit_ns"][row])
    accepted = _accepted(calls, lives, numbers)
    row, time = np.r_[row, calls.row[accepted]], np.r_[time, calls.exit_ns[accepted]]
    generated = np.r_[generated, np.zeros(len(accepted), bool)]
    axis = Axis(events["tgid"][row], time)
    at = axis.last(calls.tgid[taken.call], calls.enter_ns[taken.call])
    armed_ns = np.array([armed.get(int(root), 0) for root in taken.root], np.int64)
    when = take(time, at, 0)
    since = np.maximum(taken.previous_enter_ns, taken.failed_enter_ns)
    came = (at >= 0) & (armed_ns > 0) & (when > since)
    return Signalled(
        armed_ns,
        np.where(came, take(row, at, -1), -1),
        np.where(came, when, 0),
        take(generated, at, 0).astype(bool) & came,
    )


def _accepted(calls: Calls, lives: Lives, numbers: list[int]) -> Ints:
    """Return the calls that took a blocked signal, which is never delivered: sigwaitinfo(2), signalfd(2).

    Which signals a signalfd holds is not seen: where a descriptor was armed, it is taken to hold its signal.
    """
    waits = (calls.role == Role.SIGNAL_WAIT) & np.isin(calls.ret, numbers)
    found: Ints = np.flatnonzero(waits | (of_signalfd(calls, lives) & (calls.ret > 0)))
    return found


def of_signalfd(calls: Calls, lives: Lives) -> NDArray[np.bool_]:
    """Return (calls,) which read a signalfd: asleep there, a process waits for a signal."""
    kinds = np.array([kind == "signalfd" for kind in lives.kind] + [False], bool)
    found: NDArray[np.bool_] = (calls.role == Role.RECEIVE) & kinds[lives.of_call]
    return found


def armings(events: Events, calls: Calls, lives: Lives) -> dict[int, int]:
    """Return {root: when O_ASYNC was first set on it, or it was found so}."""
    control = np.flatnonzero(is_code(calls, code("fcntl"), code("ioctl")) & (calls.ret >= 0))
    a, b = events["a"][calls.row[control]], events["b"][calls.row[control]]
    setfl = (calls.code[control] == code("fcntl")) & (a == _F_SETFL) & ((b & _O_ASYNC) != 0)
    fioasync = (calls.code[control] == code("ioctl")) & (a == _FIOASYNC) & (b != 0)
    armed = {int(lives.root[life]): int(lives.open_ns[life]) for life in _found_armed(events, lives)}
    for index in control[setfl | fioasync]:
        life = int(lives.of_call[index])
        if life >= 0:
            armed.setdefault(int(lives.root[life]), int(calls.exit_ns[index]))
    return armed


def _found_armed(events: Events, lives: Lives) -> list[int]:
    """Return the lives of descriptors that were open with O_ASYNC when the tracer came."""
    told = np.flatnonzero(lives.fact >= 0)
    flags = events["a"][lives.fact[told]]
    found: list[int] = told[(flags >= 0) & ((flags & _O_ASYNC) != 0)].tolist()
    return found


def signal_numbers(events: Events, calls: Calls) -> set[int]:
    """Return SIGIO and every signal that F_SETSIG put in its place (fcntl(2))."""
    control = np.flatnonzero(calls.code == code("fcntl"))
    row = calls.row[control]
    chosen = row[events["a"][row] == _F_SETSIG]
    return {SIGIO, *(int(value) for value in events["b"][chosen] if value > 0)}
