"""How the process ends: with a status, or by the signal that ended the target."""

from __future__ import annotations

import os
import resource
import signal
from typing import NamedTuple

FAILED = 125
USAGE = 2


class Ending(NamedTuple):
    """An exit status; with ``signal``, the shell is to see that signal instead."""

    status: int
    signal: int | None = None

    def take(self) -> None:
        """End by the signal, if there is one, without a core file of our own."""
        if self.signal is None:
            return
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self.signal not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(self.signal, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {self.signal})
        os.kill(os.getpid(), self.signal)
