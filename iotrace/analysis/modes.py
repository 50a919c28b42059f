"""O_NONBLOCK and O_ASYNC of each open file: at its end, and at any moment."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import Calls, code, is_code
from iotrace.analysis.descriptors import Lives
from iotrace.columns import Events
from probes.table import CALLS

_F_SETFL, _FIONBIO, _FIOASYNC = 4, 0x5421, 0x5452
_O_NONBLOCK, _O_ASYNC = 0o4000, 0o20000

Modes = tuple[NDArray[np.int8], NDArray[np.int8]]


def at_end(events: Events, calls: Calls, lives: Lives) -> Modes:
    """Return (lives,) int8 O_NONBLOCK and O_ASYNC of each root at its end: 1, 0, or -1 where unseen."""
    nonblocking, asynchronous = _at_first(events, calls, lives)
    control, root = _settings(events, calls, lives)
    row = calls.row[control]
    for of, command, argument, what in zip(
        root, events["a"][row], events["b"][row], calls.code[control], strict=True
    ):
        if what == code("fcntl"):
            nonblocking[of], asynchronous[of] = bool(argument & _O_NONBLOCK), bool(argument & _O_ASYNC)
        elif command == _FIONBIO:
            nonblocking[of] = bool(argument)
        else:
            asynchronous[of] = bool(argument)
    return nonblocking, asynchronous


class Blocking:
    """Whether open files are known to be without O_NONBLOCK, at any moment."""

    def __init__(self, events: Events, calls: Calls, lives: Lives) -> None:
        first, _ = _at_first(events, calls, lives)
        control, root = _settings(events, calls, lives)
        row = calls.row[control]
        by_fcntl = calls.code[control] == code("fcntl")
        on = np.where(by_fcntl, events["b"][row] & _O_NONBLOCK, events["b"][row]) != 0
        tells = by_fcntl | (events["a"][row] == _FIONBIO)
        root, on, time = root[tells], on[tells], calls.exit_ns[control][tells]
        self._axis = Axis(root, time)
        self._off = ~on
        self._first = first == 0

    def at(self, root: Ints, time: Ints) -> NDArray[np.bool_]:
        """Return (m,) whether each open file was known to block at each time."""
        if not len(self._off):
            first: NDArray[np.bool_] = self._first[root]
            return first
        last = self._axis.last(root, time)
        return np.where(last >= 0, take(self._off, last, 0), self._first[root])


def _at_first(events: Events, calls: Calls, lives: Lives) -> Modes:
    """Return the modes with which each root was made, or as it was found."""
    nonblocking = np.full(len(lives), -1, np.int8)
    asynchronous = np.full(len(lives), -1, np.int8)
    made = np.flatnonzero(lives.origin >= 0)
    for index in made[lives.root[made] == made]:
        flags = _creation_flags(events, calls, int(lives.origin[index]))
        if flags is not None:
            nonblocking[index], asynchronous[index] = bool(flags & _O_NONBLOCK), 0
    for index in np.flatnonzero(lives.fact >= 0):
        flags = int(events["a"][lives.fact[index]])
        if flags >= 0:
            nonblocking[index], asynchronous[index] = bool(flags & _O_NONBLOCK), bool(flags & _O_ASYNC)
    return nonblocking, asynchronous


def _settings(events: Events, calls: Calls, lives: Lives) -> tuple[NDArray[Any], Ints]:
    """Return (calls indices, roots) of the calls that set a mode: F_SETFL, FIONBIO, FIOASYNC."""
    control = np.flatnonzero(is_code(calls, code("fcntl"), code("ioctl")) & (calls.ret >= 0))
    control = control[lives.of_call[control] >= 0]
    command = events["a"][calls.row[control]]
    by_fcntl = calls.code[control] == code("fcntl")
    control = control[np.where(by_fcntl, command == _F_SETFL, np.isin(command, (_FIONBIO, _FIOASYNC)))]
    return control, lives.root[lives.of_call[control]]


def _creation_flags(events: Events, calls: Calls, origin: int) -> int | None:
    """Return the flags with which a descriptor was made; None where the call's arguments do not tell."""
    name, row = CALLS[calls.code[origin]].name, int(calls.row[origin])
    a, b = int(events["a"][row]), int(events["b"][row])
    if name in ("accept", "pipe", "eventfd", "epoll_create", "signalfd", "inotify_init"):
        return 0
    if name in ("socket", "socketpair", "accept4", "eventfd2", "signalfd4", "timerfd_create"):
        return b
    if name in ("pipe2", "open", "openat", "inotify_init1", "epoll_create1"):
        return a
    return None
