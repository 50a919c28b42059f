"""Round places on a time axis, and the unit that makes them short."""

from __future__ import annotations

from typing import NamedTuple

_UNITS = (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000), ("ns", 1))


class Tick(NamedTuple):
    """A round moment: its time since the origin, and what to write beside it."""

    at_ns: int
    label: str


def step_of(span_ns: int, most: int) -> int:
    """Return the smallest of 1, 2, 5 x 10^k ns that gives at most ``most`` steps in ``span_ns``."""
    least = max(1, -(-span_ns // max(1, most)))
    power: int = 10 ** (len(str(least)) - 1)
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def ticks(from_ns: int, to_ns: int, most: int) -> list[Tick]:
    """Return the round moments in [from_ns, to_ns), all in one unit; only the first names it."""
    step = step_of(to_ns - from_ns, most)
    unit, size = next(((u, s) for u, s in _UNITS if to_ns >= s and step * 1000 >= s), _UNITS[-1])
    decimals = 0
    while size >= 10**decimals and step % max(1, size // 10**decimals):
        decimals += 1
    first = -(-from_ns // step) * step
    found = []
    for number, at in enumerate(range(first, to_ns, step)):
        whole, part = divmod(at * 10**decimals // size, 10**decimals)
        text = f"{whole}.{part:0{decimals}d}" if decimals and at else f"{whole}"
        found.append(Tick(at, f"{text} {unit}" if not number else text))
    return found
