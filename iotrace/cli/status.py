"""One line on a terminal that says how far a run is, and leaves no trace."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress

from iotrace.language import _

_FRAMES_NS = 200_000_000


class StatusLine:
    """A live line on standard error: elapsed time, rows, rows lost. Safe to use from several threads.

    Nothing is written before ``after_ns``. Where standard error is no terminal, a new line is
    written every ten seconds instead of the old one being replaced.
    """

    def __init__(self, after_ns: int = 0) -> None:
        self._after_ns = after_ns
        self._terminal = sys.stderr.isatty()
        self._interval_ns = _FRAMES_NS if self._terminal else 10_000_000_000
        self._next_ns = after_ns
        self._shown = False
        self._lock = threading.RLock()  # a signal handler may speak while the main thread does

    def show(self, elapsed_ns: int, rows: int, lost: int) -> None:
        """Draw the line, if it is time for it."""
        with self._lock, suppress(OSError, ValueError):
            if elapsed_ns < self._next_ns:
                return
            self._next_ns = elapsed_ns + self._interval_ns
            words = _("recording {time}, {rows} events, {lost} lost")
            text = words.format(time=f"{elapsed_ns / 1e9:.1f} s", rows=rows, lost=lost)
            sys.stderr.write(f"\r\x1b[K{text}" if self._terminal else f"iotrace: {text}\n")
            sys.stderr.flush()
            self._shown = self._terminal

    def erase(self) -> None:
        """Take the line away."""
        with self._lock, suppress(OSError, ValueError):
            if self._shown:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
                self._shown = False
