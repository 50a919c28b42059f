"""Axes: round places with their labels, on linear time and on logarithmic scales."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from iotrace.figures.metrics import width
from iotrace.figures.page import BODY
from iotrace.figures.scene import Anchor, Item, Line, Text
from iotrace.numbers import grouped
from iotrace.theme import Meaning
from iotrace.timeline import ticks

#: What a label on a time axis takes at most: ``1 000 ms``.
_LABEL = 100.0


def time_axis(
    from_ns: int, to_ns: int, left: float, right: float, y: float, bottom: float
) -> tuple[list[Item], Callable[[int], float]]:
    """Return labels at ``y`` with guides down to ``bottom``, and the function from a time to its x.

    Times count from the recording's begin.
    """
    span = max(1, to_ns - from_ns)

    def place(at_ns: int) -> float:
        return left + (at_ns - from_ns) / span * (right - left)

    found: list[Item] = []
    free = left - 4
    for tick in ticks(from_ns, to_ns + 1, max(2, int((right - left) // _LABEL))):
        x = place(tick.at_ns)
        found.append(Line(((x, y + 7), (x, bottom)), Meaning.RULE, 1.0))
        wide = width(tick.label, BODY)
        start = min(max(x - wide / 2, left - 4), right + 20 - wide)
        if start < free:
            continue
        found.append(Text(start, y, tick.label, BODY, Meaning.MUTED))
        free = start + wide + 8
    return found, place


def powers(low: float, high: float, base: int = 10) -> list[float]:
    """Return the powers of a base from the last at or below ``low`` to the first at or above ``high``."""
    power = 1.0
    while power > low:
        power /= base
    while power * base <= low * (1 + 1e-9):
        power *= base
    found = [power]
    while found[-1] < high * (1 - 1e-9):
        found.append(found[-1] * base)
    return found


def round_steps(most: int, count: int) -> list[int]:
    """Return 0 and the multiples of 1, 2 or 5 · 10^k up to the first at or above ``most``."""
    least = max(1, -(-most // max(1, count)))
    power = int(10 ** (len(str(least)) - 1))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
    return list(range(0, most + step, step))


def level_lines(values: Sequence[tuple[float, str]], left: float, right: float) -> list[Item]:
    """Return guides at heights, each with its label left of ``left``."""
    found: list[Item] = []
    for y, label in values:
        found.append(Line(((left, y), (right, y)), Meaning.RULE, 1.0))
        found.append(Text(left - 8, y + 6, label, BODY, Meaning.MUTED, Anchor.END))
    return found


def count_labels(most: int, low: float, high: float, count: int = 4) -> list[tuple[float, str]]:
    """Return (y, label) of a linear count axis, 0 at ``low``, its last step at ``high``."""
    steps = round_steps(most, count)
    return [(low - step / steps[-1] * (low - high), grouped(step)) for step in steps]
