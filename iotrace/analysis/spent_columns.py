"""How the time of many calls was spent, as columns: :func:`iotrace.analysis.spent.spent` for a million."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.calls import Calls, sleep_bounded
from iotrace.analysis.model import Basis
from iotrace.columns import Events
from probes.events import Flag
from probes.table import CALLS, Role

_RECEIVES = np.array([call.role == Role.RECEIVE for call in CALLS])


class Spent(NamedTuple):
    """Parts of each call, (n,) each: nanoseconds, int64, and :class:`Basis`, uint8.

    A part that is unseen has 0 ns. ``copies``: the call took data; where it did not, copy means nothing.
    """

    wait_ns: NDArray[np.int64]
    wait_basis: NDArray[np.uint8]
    wake_ns: NDArray[np.int64]
    wake_basis: NDArray[np.uint8]
    copy_ns: NDArray[np.int64]
    copy_basis: NDArray[np.uint8]
    copies: NDArray[np.bool_]


def spent_columns(events: Events, calls: Calls, part: slice, evidence: Collection[str]) -> Spent:
    """Split the calls of a part; ``evidence`` is what the probe could see (probes.contract.EVIDENCE)."""
    row = calls.row[part]
    left = calls.exit_ns[part] - calls.enter_ns[part]
    accounted = (calls.flags[part] & Flag.ACCOUNTED) != 0
    slept = calls.slept[part]
    seen = accounted | ("sleep" in evidence)
    by_event = np.where(seen, Basis.MEASURED, Basis.UNSEEN)
    asleep_basis = np.where(sleep_bounded(calls.flags[part]), Basis.BOUNDED, by_event)
    wait = np.where(seen & slept, np.minimum(calls.asleep_ns[part], left), 0)
    left = left - wait
    wake = np.where(seen & (slept | ~accounted), np.minimum(calls.queued_ns[part], left), 0)
    left = left - wake
    begun, running = events["copy_ns"][row], events["running_ns"][row]
    copy = calls.exit_ns[part] - begun
    measured = (begun > 0) & (copy <= left) & (running <= begun)
    copies = _RECEIVES[calls.code[part]] & (calls.ret[part] > 0) & ~calls.pending[part]
    basis = asleep_basis.astype(np.uint8)
    return Spent(
        wait,
        basis,
        wake,
        basis,
        np.where(copies, np.where(measured, copy, left), 0),
        np.where(measured, Basis.MEASURED, Basis.BOUNDED).astype(np.uint8),
        copies,
    )
