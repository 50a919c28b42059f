"""How the time of one call was spent: asleep, waking up, copying; each with its basis."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum
from typing import NamedTuple

from iotrace.analysis.calls import ACCOUNT_NOISE_NS
from iotrace.analysis.model import Basis
from iotrace.analysis.rows import Row
from probes.events import Flag
from probes.table import CALLS, Role


class Activity(IntEnum):
    """What a thread does in a call."""

    WAIT = 0  # asleep
    WAKE = 1  # runnable but not on a CPU
    COPY = 2  # from the first copy kernel to user until the return


class Part(NamedTuple):
    """A part of a call's time; a bounded one is at most ``ns`` long, of an unseen one ``ns`` says nothing."""

    activity: Activity
    ns: int
    basis: Basis


#: ints: an enumeration's operators cost ten times as much
_ACCOUNTED = int(Flag.ACCOUNTED)
_BOUNDED = int(Flag.ACCOUNTED | Flag.SLEEP_BOUNDED)
_RECEIVES = frozenset(call.code for call in CALLS if call.role == Role.RECEIVE)


def spent(row: Row, evidence: Collection[str]) -> list[Part]:
    """Return the parts of a finished call that are known or bounded; together they are no longer than it.

    ``evidence`` is what the probe could see (:data:`probes.contract.EVIDENCE`). The scheduler's accounts
    contain the stops of a traced call, and what has no copy event copied at most while it was on a CPU.
    """
    left = row.exit_ns - row.enter_ns
    accounted = row.flags & _ACCOUNTED
    parts = []
    if accounted or "sleep" in evidence:
        basis = Basis.BOUNDED if row.flags & _BOUNDED else Basis.MEASURED
        slept = row.asleep_ns > ACCOUNT_NOISE_NS if accounted else row.sleeps
        if slept:
            wait = min(row.asleep_ns, left)
            parts.append(Part(Activity.WAIT, wait, basis))
            left -= wait
        if row.queued_ns and (slept or not accounted):
            wake = min(row.queued_ns, left)
            parts.append(Part(Activity.WAKE, wake, basis))
            left -= wake
    else:
        parts.append(Part(Activity.WAIT, 0, Basis.UNSEEN))
    if row.ret > 0 and row.code in _RECEIVES:
        copy = row.exit_ns - row.copy_ns
        seen = row.copy_ns and copy <= left and row.running_ns <= row.copy_ns
        parts.append(
            Part(Activity.COPY, copy, Basis.MEASURED) if seen else Part(Activity.COPY, left, Basis.BOUNDED)
        )
    return parts
