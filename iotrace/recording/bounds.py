"""What a number in a recording can be at all. A file is data: what no kernel says is damage, not a fact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iotrace.recording.framing import Damaged
from probes.events import Kind

#: PID_MAX_LIMIT of the kernel (include/linux/threads.h).
_MOST_TASKS = 1 << 22

#: A time on CLOCK_MONOTONIC, or a length of time: below 146 years.
_MOST_NS = 1 << 62

_MOST: Mapping[str, int] = {
    **dict.fromkeys(("tid", "tgid", "waker"), _MOST_TASKS),
    "kind": max(Kind),
}


def check(column: Mapping[str, NDArray[Any]]) -> None:
    """Look at columns by name. Raises :class:`Damaged`."""
    for name, values in column.items():
        most = _MOST_NS if name.endswith("_ns") else _MOST.get(name)
        if most is not None and len(values) and not (values.min() >= 0 and values.max() <= most):
            raise Damaged(f"{name} beyond what it can be")
    if {"kind", "enter_ns", "exit_ns"} <= column.keys():
        calls = column["kind"] == Kind.CALL
        if np.any(calls & (column["exit_ns"] < column["enter_ns"])):
            raise Damaged("a call returns before it began")
