"""A probe that sees nothing: it starts the target and waits for its end.

It keeps the contract (probes/contract.py) without any privilege or evidence, so that what belongs
to :mod:`iotrace.capture` alone (statuses, signals, files, clients) is tested everywhere. It follows
no children: a target's tree is its first process.
"""

from __future__ import annotations

import os
import signal
import time

import numpy as np
from numpy.typing import NDArray

from probes.contract import Command, Options, Outcome, Sink, TargetError
from probes.events import EVENT, Kind, batch
from probes.table import BY_NAME


class PlainProbe:
    """See the module."""

    name = "plain"

    def __init__(self) -> None:
        self._pid = 0
        self._go = -1
        self._stopped = False

    @staticmethod
    def unusable() -> str | None:
        return None

    def start(self, command: Command, options: Options) -> int:
        held, self._go = os.pipe2(os.O_CLOEXEC)
        self._pid = os.fork()
        if not self._pid:
            try:
                os.close(self._go)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                if os.read(held, 1):
                    os.execvpe(command.argv[0], command.argv, dict(command.environment))
            finally:
                os._exit(127)
        os.close(held)
        if not command.argv[0]:
            raise TargetError("nothing to run", 127)
        return self._pid

    @property
    def header(self) -> dict[str, object]:
        return {"probe": self.name, "evidence": []}

    def run(self, sink: Sink) -> Outcome:
        os.write(self._go, b"g")
        os.close(self._go)
        produced = 0
        while not self._stopped:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            sink(batch(self._row()))
            produced += 1
            if pid:
                return Outcome(status, produced)
            time.sleep(0.01)
        return Outcome(None, produced)

    def stop(self) -> None:
        self._stopped = True

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        self._stopped = False

    def _row(self) -> NDArray[np.void]:
        row = np.zeros(1, EVENT)
        row["kind"] = Kind.CALL
        row["code"] = BY_NAME["nanosleep"].code
        row["enter_ns"] = time.monotonic_ns()
        row["exit_ns"] = row["enter_ns"] + 1000
        row["tid"] = row["tgid"] = self._pid
        return row
