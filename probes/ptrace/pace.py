"""Sleep for the next stop, or glance for it first: whichever serves stops faster at the moment.

Most calls return at once. To sleep until they do costs two wake-ups between CPUs, some 20 µs each and
more than all of our work, when the target runs on another CPU; to glance for 25 µs before sleeping then
makes stops two to three times cheaper. But where the scheduler has put both on one CPU (others are busy,
or ``--pin``), sleeping costs nothing, and a glancing tracer keeps the target off its own CPU: then it is
twice as dear. Nothing tells the two apart beforehand, so both are timed, and the dearer one is tried
again now and then.
"""

from __future__ import annotations

#: Stops to a decision; and decisions until the dearer way is tried again.
EPOCH = 32
_RETRY = 64
_GLANCES = 48  # about 25 µs
#: A longer time between two stops says something about the target, not about us.
FAST_NS = 200_000


class Pace:
    """Chooses between ``range(0)`` and a range of glances by the mean time from stop to stop under each."""

    def __init__(self, cpus: int) -> None:
        self._ways = (range(0), range(_GLANCES)) if cpus > 1 else (range(0),)
        self._cost_ns = [0.0] * len(self._ways)  # 0: not tried yet, so worth a try
        self._way = 0
        self._decisions = 0

    @property
    def glances(self) -> range:
        """What to do now."""
        return self._ways[self._way]

    def next(self, mean_ns: float) -> range:
        """Take the mean time between stops since the last decision, and return what to do from now on."""
        self._cost_ns[self._way] = mean_ns
        self._decisions += 1
        best = self._cost_ns.index(min(self._cost_ns))
        if best == self._way and self._decisions % _RETRY == 0:
            best = len(self._ways) - 1 - best
        self._way = best
        return self.glances
