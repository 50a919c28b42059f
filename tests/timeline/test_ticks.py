"""Round places on the axis."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from iotrace.timeline import ticks


def test_seconds() -> None:
    assert [tick.label for tick in ticks(0, 3_200_000_000, 7)] == [
        "0 s",
        "0.5",
        "1.0",
        "1.5",
        "2.0",
        "2.5",
        "3.0",
    ]


def test_microseconds_of_a_zoom_late_in_the_run() -> None:
    labels = [tick.label for tick in ticks(1_250_000_000, 1_250_000_400, 4)]
    assert labels == ["1250000.0 µs", "1250000.1", "1250000.2", "1250000.3"]


@given(st.integers(0, 10**13), st.integers(1, 10**13), st.integers(1, 30))
def test_ticks_are_round_inside_and_not_too_many(first: int, length: int, most: int) -> None:
    found = ticks(first, first + length, most)
    assert len(found) <= most + 1
    assert all(first <= tick.at_ns < first + length for tick in found)
    steps = {b.at_ns - a.at_ns for a, b in pairwise(found)}
    assert len(steps) <= 1
    for step in steps:
        assert str(step).rstrip("0") in ("1", "2", "5")
    assert len({tick.label for tick in found}) == len(found)
