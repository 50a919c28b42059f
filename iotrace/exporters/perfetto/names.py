"""What slices are called. SQL finds them by these names: they are the same in every language.

``≈`` after a name: its begin or end is bounded; ``?``: unseen. So ``copying`` is ``LIKE 'copying%'``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.model import Act, Basis
from iotrace.exporters.perfetto.packets import Words
from iotrace.timeline.lanes import What

MARKS = {Basis.UNSEEN: " ?", Basis.BOUNDED: " ≈", Basis.MEASURED: ""}

#: Parts of a call.
ASLEEP = {
    What.NAP: "asleep for its own reason",
    What.BLOCKED_WAIT: "blocked in a wait",
    What.BLOCKED_TRANSFER: "blocked in the transfer",
    What.BLOCKED_OTHER: "blocked in another call",
    What.POLLING: "asleep in a failing try",
}
WAKING = "waking up"
PREEMPTED = "preempted"  # how long is measured, not when: it is drawn at the call's begin
COPYING = "copying"

#: Operations, and their parts.
OPERATIONS = {act: act.label.replace("_", " ") for act in Act}
EARLY = "ready before it was asked for"
PHASE1 = "phase 1: waiting for data"
UNREAD = "ready, unread"
PHASE2 = "phase 2: copying"

LOST = "events lost"


def by_basis(words: Words, name: str) -> NDArray[np.int64]:
    """Return the numbers of a name with the mark of each :class:`Basis`, (3,)."""
    return np.array([words[name + MARKS[basis]] for basis in Basis], np.int64)
