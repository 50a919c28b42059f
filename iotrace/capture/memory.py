"""How much memory the target's processes hold: sampled beside the run, so a lower bound of the peak.

The resident set (RSS) counts a page that two processes share in both: what a process costs, not what a
machine must have.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

PERIOD_S = 0.1


class MemorySampler:
    """Samples while the block runs: ``with MemorySampler(pids) as memory: …``, then :meth:`note`."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        """``pids`` names the processes that have been seen so far, from another thread."""
        self._pids = pids
        self._known: dict[int, Any] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="iotrace-memory", daemon=True)
        self._samples = 0
        self._peak_bytes = 0
        self._processes = 0

    def __enter__(self) -> MemorySampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def note(self) -> dict[str, int | float]:
        """Return the largest sum of RSS over the processes alive together, and how it was sampled."""
        return {
            "peak_rss_bytes": self._peak_bytes,
            "processes_at_peak": self._processes,
            "samples": self._samples,
            "period_ns": int(PERIOD_S * 1e9),
        }

    def _watch(self) -> None:
        import psutil  # here, so that no run waits for it

        while not self._over.wait(PERIOD_S):
            self._sample(psutil)

    def _sample(self, psutil: Any) -> None:
        total = alive = 0
        for pid in self._pids():
            try:
                process = self._known.get(pid) or psutil.Process(pid)
                self._known[pid] = process
                size = process.memory_info().rss
            except psutil.Error:  # gone, or not ours to look at
                continue
            total += size
            alive += size > 0  # a zombie holds nothing
        self._samples += 1
        if total > self._peak_bytes:
            self._peak_bytes, self._processes = total, alive
