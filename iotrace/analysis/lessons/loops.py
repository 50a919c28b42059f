"""Lessons about event loops: what stalls one, and what only looks like a stall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import code, is_role
from iotrace.analysis.lessons.case import Case, milliseconds, times
from iotrace.analysis.lessons.triggers import undrained_edge
from iotrace.analysis.matrix import spoken
from iotrace.analysis.model import Act, Model
from probes.table import Role

#: A loop is expected to come round in a few milliseconds; asyncio complains of a step at 100.
STALL_NS = 10_000_000

#: So long a wait makes a person who watches with strace ask whether the server hangs.
IDLE_NS = 1_000_000_000

_COUNTED = ("select", "pselect6", "poll", "ppoll")


def blocking_call_in_loop(case: Case) -> str | None:
    """While a loop's thread sleeps in anything but its wait, all of its descriptors wait with it."""
    calls, op = case.calls, case.operations
    chosen = np.flatnonzero((op["model"] == Model.MULTIPLEXING) & (op["wait"] >= 0) & (op["life"] >= 0))
    if not len(chosen):
        return None
    wait = case.call_of_row(op["wait"][chosen])
    call = case.call_of_row(op["call"][chosen])
    root = case.lives.root[op["life"][chosen]]
    loops = _loops(case, wait, root)
    chosen, wait, call = chosen[loops], wait[loops], call[loops]
    long = np.flatnonzero((calls.asleep_ns >= STALL_NS) & ~calls.pending & (calls.role != Role.TASK))
    long = long[np.isin(calls.tid[long], calls.tid[wait])]
    if not len(long) or not len(wait):
        return None
    sleeps = Axis(calls.tid[long], calls.exit_ns[long])

    # Ready before the loop asked: did it sleep elsewhere since it last asked?
    stall = take(long, sleeps.last(calls.tid[wait], calls.enter_ns[wait]), -1)
    before = _wait_before(case, wait)
    away = (stall >= 0) & op["at_once"][chosen] & (before >= 0)
    away &= take(calls.enter_ns, stall, 0) >= take(calls.exit_ns, before, 0)
    away &= ~_is_its_wait(case, stall, wait)
    told = np.where(op["act"][chosen] == Act.ACCEPT, 0, case.ready[call])
    inside = (told >= take(calls.enter_ns, stall, 0)) & (told <= take(calls.exit_ns, stall, 0))
    gap = calls.enter_ns[wait] - take(calls.exit_ns, before, 0)
    away &= np.where(told > 0, inside, 2 * take(calls.asleep_ns, stall, 0) >= gap)

    # Announced, but another's turn came first, and that slept.
    between = take(long, sleeps.last(calls.tid[call], calls.enter_ns[call]), -1)
    queue = (between >= 0) & (take(calls.enter_ns, between, 0) >= calls.exit_ns[wait])
    queue &= (calls.tid[call] == calls.tid[wait]) & ~_is_its_wait(case, between, wait)

    delayed = away | queue
    if not delayed.any():
        return None
    guilty = np.where(queue, between, stall)[delayed]
    since = np.where(
        queue, take(calls.enter_ns, between, 0), np.maximum(told, take(calls.enter_ns, stall, 0))
    )
    late = int((calls.enter_ns[call] - since)[delayed].max())
    culprits = np.unique(guilty)
    codes, counts = np.unique(calls.code[culprits], return_counts=True)
    name = spoken(int(codes[counts.argmax()]))
    longest = int(calls.asleep_ns[culprits].max())
    waited = int(delayed.sum())
    return (
        f"the loop slept in {name} ({times(len(culprits))}, up to {milliseconds(longest)}) while descriptors"
        f" that it watches were ready: {waited} operation{'s' if waited > 1 else ''} waited for it, up to"
        f" {milliseconds(late)}."
    )


def _loops(case: Case, wait: Ints, root: Ints) -> NDArray[np.bool_]:
    """Return (m,) bool: operations of a thread that alone asks for several descriptors in one wait."""
    calls = case.calls
    place = calls.tgid[wait] << 32 | (calls.fd[wait].astype(np.int64) & 0xFFFFFFFF)
    good = np.zeros(len(wait), bool)
    for value in np.unique(place):
        mine = place == value
        alone = len(np.unique(calls.tid[wait[mine]])) == 1
        good |= mine & (alone and len(np.unique(root[mine])) > 1)
    return good


def _wait_before(case: Case, wait: Ints) -> Ints:
    """Return (m,) the loop's wait before each of its waits, -1 for none: same thread, call and epoll."""
    calls = case.calls
    waits = np.flatnonzero(calls.role == Role.WAIT)
    key = calls.tid << 40 | (calls.fd.astype(np.int64) & 0xFFFFFFFF) << 8 | (calls.code & 0xFF)
    axis = Axis(key[waits], calls.enter_ns[waits])
    return take(waits, axis.last(key[wait], calls.enter_ns[wait], before=True), -1)


def _is_its_wait(case: Case, stall: Ints, wait: Ints) -> NDArray[np.bool_]:
    """Return (m,) bool: the stall is the very call that the loop waits in, on the same epoll."""
    calls = case.calls
    same: NDArray[np.bool_] = (stall >= 0) & (take(calls.fd, stall, -1) == calls.fd[wait])
    same &= (calls.role[stall] == Role.WAIT) & (calls.code[stall] == calls.code[wait])
    return same


def idle_wait(case: Case) -> str | None:
    """A long wait for readiness is idleness: had there been anything to do, it would have returned."""
    calls = case.calls
    waits = (calls.role == Role.WAIT) & (calls.slept | calls.pending)
    counted = np.isin(calls.code, [code(name) for name in _COUNTED])
    waits &= ~counted | (case.asked > 0)  # of nothing: a way to pause
    waits &= is_role(calls, Role.WAIT) & (calls.exit_ns - calls.enter_ns >= IDLE_NS)
    waits &= calls.pending | (calls.asleep_ns >= IDLE_NS)
    long = np.flatnonzero(waits)
    if not len(long) or undrained_edge(case):
        return None
    length = calls.exit_ns[long] - calls.enter_ns[long]
    name = spoken(calls.code[long[length.argmax()]])
    return (
        f"{name} slept for a second or more {times(len(long))}, {milliseconds(int(length.max()))} at most,"
        " and nothing that it watched was ready: that is idleness, no stall."
    )
