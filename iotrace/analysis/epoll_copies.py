"""Copies of epoll descriptors (dup(2)): mio and others register through one and wait on the other."""

from __future__ import annotations

import numpy as np

from iotrace.analysis.axis import Axis, Ints, take
from iotrace.analysis.calls import Calls, code, is_code
from iotrace.columns import Events

_F_DUPFD, _F_DUPFD_CLOEXEC = 0, 1030
_GENERATIONS = 8  # a copy of a copy of …


class Copies:
    """Finds the descriptor that a copy was made of; a number can be a copy now and another file later."""

    def __init__(self, events: Events, calls: Calls) -> None:
        copied = is_code(calls, code("dup"), code("dup2"), code("dup3")) & (calls.ret >= 0)
        control = np.flatnonzero(is_code(calls, code("fcntl")) & (calls.ret >= 0))
        command = events["a"][calls.row[control]]
        copied[control[(command == _F_DUPFD) | (command == _F_DUPFD_CLOEXEC)]] = True
        made = is_code(calls, code("epoll_create"), code("epoll_create1")) & (calls.ret >= 0)
        self._call = np.flatnonzero(copied | made) if made.any() else np.zeros(0, np.int64)
        self._calls, self._copied = calls, copied[self._call]
        self._axis = Axis(_key(calls.tgid[self._call], calls.ret[self._call]), calls.exit_ns[self._call])

    def original(self, tgid: Ints, fd: Ints, time: Ints) -> Ints:
        """Return (m,) the descriptors that these were copied from, or themselves."""
        if not self._copied.any():
            return fd
        fd, time = fd.copy(), time.copy()
        for _ in range(_GENERATIONS):
            at = self._axis.last(_key(tgid, fd), time)
            copies = np.flatnonzero(take(self._copied, at, 0))
            if not len(copies):
                break
            call = self._call[at[copies]]
            fd[copies], time[copies] = self._calls.fd[call], self._calls.enter_ns[call]
        return fd


def _key(tgid: Ints, fd: Ints) -> Ints:
    return tgid.astype(np.int64) << 32 | fd.astype(np.int64)
