"""Wake a thread that sits in ``wait4``, without the host program's timers, handlers or threads.

``wait4`` has no timeout, and a recording must reach the disk while the target is idle. A POSIX timer
that signals one given thread (SIGEV_THREAD_ID, timer_create(2)) makes the call return EINTR. The
signal is a real-time one that nobody uses; its handler is a C function that does nothing, set
without SA_RESTART, so Python's own signal machinery never hears of it. Nothing is inherited by the
target: timers do not survive fork, handlers do not survive exec, and both exist only while a run lasts.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from probes.ptrace.abi import libc

_SIGEV_THREAD_ID = 4
_ACTION_SIZE = (
    152  # struct sigaction of glibc and musl on 64-bit Linux: handler, 128 bytes of mask, flags, restorer
)
_NS = 1_000_000_000


class Ticks:
    """A periodic interruption of the calling thread, on between :meth:`start` and :meth:`end`."""

    def __init__(self) -> None:
        self._signal = 0
        self._former = ctypes.create_string_buffer(_ACTION_SIZE)
        self._timer = ctypes.c_void_p()
        self._mask: set[int] = set()

    def start(self, period_ns: int) -> None:
        """Interrupt this thread every ``period_ns``. Raises ``OSError``."""
        timers = _timers()
        self._signal = _unused_signal()
        action = ctypes.create_string_buffer(_ACTION_SIZE)
        struct.pack_into("<Q", action, 0, ctypes.cast(libc.getpid, ctypes.c_void_p).value or 0)
        _check(libc.sigaction(self._signal, action, self._former))
        self._mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {self._signal})
        event = ctypes.create_string_buffer(
            struct.pack("<QiiI", 0, self._signal, _SIGEV_THREAD_ID, threading.get_native_id()), 64
        )
        _check(timers.timer_create(_CLOCK_MONOTONIC, event, ctypes.byref(self._timer)))
        period = struct.pack("<qqqq", *divmod(period_ns, _NS), *divmod(period_ns, _NS))
        _check(timers.timer_settime(self._timer, 0, period, None))

    def end(self) -> None:
        """Stop interrupting and give the signal back."""
        if not self._signal:
            return
        # A last signal is delivered on the way out of timer_delete, while the handler still stands.
        _timers().timer_delete(self._timer)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        libc.sigaction(self._signal, self._former, None)
        self._signal = 0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Keep the interruption away from code that may not expect EINTR."""
        if not self._signal:
            yield
            return
        former = signal.pthread_sigmask(signal.SIG_BLOCK, {self._signal})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, former)


_CLOCK_MONOTONIC = 1


def _timers() -> ctypes.CDLL:
    if hasattr(libc, "timer_create"):
        return libc
    return ctypes.CDLL("librt.so.1", use_errno=True)  # glibc before 2.34


def _unused_signal() -> int:
    for number in range(signal.SIGRTMAX - 1, signal.SIGRTMIN, -1):
        if signal.getsignal(number) is signal.SIG_DFL:
            return number
    raise OSError("every real-time signal of this process is in use")


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
