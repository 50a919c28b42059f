"""Numbers for people never say more, or less, than they know."""

from __future__ import annotations

import pytest

from iotrace.numbers import brief, counted, duration, factor, grouped, share, size


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (240, "240 ns"),
        (999, "999 ns"),
        (2_400, "2.4 µs"),
        (31_000, "31 µs"),
        (999_499, "999 µs"),
        (999_600, "1.0 ms"),
        (50_100_000, "50.1 ms"),
        (999_900_000, "999.9 ms"),
        (999_960_000, "1.000 s"),
        (1_002_000_000, "1.002 s"),
        (3_600_000_000_000, "3600 s"),
        (-31_000, "-31 µs"),
    ],
)
def test_duration(ns: int, text: str) -> None:
    assert duration(ns) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "100 %"),
        (0.9996, ">99.9 %"),
        (0.99999999, ">99.9 %"),
        (0.9994, "99.9 %"),
        (0.5, "50.0 %"),
        (0.0004, "<0.1 %"),
        (0.0, "0 %"),
    ],
)
def test_a_share_that_is_not_all_is_never_all(value: float, text: str) -> None:
    assert share(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(23, "23 B"), (1024, "1.0 KiB"), (64 << 10, "64 KiB"), (1 << 20, "1.0 MiB"), (5_452_595, "5.2 MiB")],
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text


def test_counts() -> None:
    assert grouped(2304) == "2304"
    assert grouped(1_000_000) == "1\u202f000\u202f000"
    assert counted(1, "{n} process", "{n} processes") == "1 process"
    assert counted(12_345, "{n} call of {name}", "{n} calls of {name}", name="x") == "12\u202f345 calls of x"
    assert factor(20_345.6) == "20\u202f000×"
    assert factor(3.14159) == "3.1×"
    assert brief(3_200_000_000) == "3.2 s"
    assert brief(45_000_000) == "45.0 ms"
