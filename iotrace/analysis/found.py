"""What the tracer found when it came: who has a ring, and what each epoll set watched.

Rows of kind DESCRIPTOR, written by :mod:`iotrace.capture.descriptors`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.axis import Ints
from iotrace.analysis.calls import Calls, code, is_code
from iotrace.columns import Events
from probes.events import Kind

_RING = np.frombuffer(b"anon_inode:[io_uring]", np.uint8)


@dataclass(frozen=True)
class Members:
    """Members of epoll sets, one a row; all arrays (m,).

    ``tgid``/``epoll`` whose set; ``time_ns`` when it was looked at; ``fd`` the descriptor; ``events`` and
    ``data`` what it was registered with.
    """

    tgid: Ints
    epoll: Ints
    time_ns: Ints
    fd: Ints
    events: Ints
    data: NDArray[np.uint64]


def sets(events: Events) -> Members:
    """Return the members of all epoll sets that were there before the tracer."""
    rows = np.flatnonzero(events["kind"] == Kind.DESCRIPTOR)
    length = events.watch_offsets[rows + 1] - events.watch_offsets[rows]
    rows, count = rows[length > 0], length[length > 0].astype(np.int64) // 2
    row = np.repeat(rows, count)
    inside = np.arange(len(row), dtype=np.int64) - np.repeat(np.cumsum(count) - count, count)
    index = events.watch_offsets[row] + 2 * inside
    member = events.watch[index] if len(index) else np.zeros(0, np.uint64)
    return Members(
        events["tgid"][row].astype(np.int64),
        events["fd"][row].astype(np.int64),
        events["enter_ns"][row].astype(np.int64),
        (member & np.uint64(0xFFFFFFFF)).astype(np.int64),
        (member >> np.uint64(32)).astype(np.int64),
        events.watch[index + 1] if len(index) else member,
    )


def with_rings(events: Events, calls: Calls) -> Ints:
    """Return the processes that have an io_uring: they made it, entered it, or it was found with them."""
    used = is_code(calls, code("io_uring_setup"), code("io_uring_enter")) & (calls.ret >= 0)
    rows = np.flatnonzero(events["kind"] == Kind.DESCRIPTOR)
    first = events.blob_offsets[rows]
    rows = rows[events.blob_offsets[rows + 1] - first == len(_RING)]
    text = events.blob[events.blob_offsets[rows][:, None] + np.arange(len(_RING))]
    rows = rows[np.all(text == _RING, axis=1)]
    return np.unique(np.r_[calls.tgid[used], events["tgid"][rows].astype(np.int64)])
