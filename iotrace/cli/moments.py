"""Times on the command line: seconds, or with a unit."""

from __future__ import annotations

import argparse

from iotrace.language import _

_UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


def moment(text: str) -> int:
    """Return the nanoseconds of ``1.5``, ``250ms``, ``40us`` or ``900ns``: the type of an option."""
    number, factor = text, _UNITS["s"]
    for unit, nanoseconds in _UNITS.items():
        if text.endswith(unit):
            number, factor = text[: -len(unit)], nanoseconds
            break
    try:
        time_ns = int(float(number) * factor)
    except (ValueError, OverflowError):
        time_ns = -1
    if time_ns < 0:
        words = _("{word} is no time: give seconds, or 250ms, 40us, 900ns")
        raise argparse.ArgumentTypeError(words.format(word=repr(text)))
    return time_ns
