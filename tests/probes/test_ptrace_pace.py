"""The choice between glancing and sleeping, in virtual time."""

from __future__ import annotations

from probes.ptrace.pace import Pace


def serve(pace: Pace, decisions: int, sleeping_ns: float, glancing_ns: float) -> tuple[int, int]:
    """Return how many decisions led to sleeping, and to glancing, where these are the costs."""
    sleeping = 0
    for _ in range(decisions):
        sleeping += len(pace.next(glancing_ns if len(pace.glances) else sleeping_ns)) == 0
    return sleeping, decisions - sleeping


def test_the_cheaper_way_is_found_and_kept() -> None:
    assert serve(Pace(2), 640, sleeping_ns=50_000, glancing_ns=20_000)[0] <= 11
    assert serve(Pace(2), 640, sleeping_ns=8_000, glancing_ns=20_000)[1] <= 11


def test_a_change_is_noticed() -> None:
    pace = Pace(2)
    serve(pace, 200, sleeping_ns=50_000, glancing_ns=20_000)
    assert len(pace.glances) > 0
    serve(pace, 200, sleeping_ns=8_000, glancing_ns=20_000)
    assert len(pace.glances) == 0
    assert serve(pace, 200, sleeping_ns=50_000, glancing_ns=20_000)[1] > 100


def test_on_one_cpu_there_is_nothing_to_choose() -> None:
    assert serve(Pace(1), 640, sleeping_ns=50_000, glancing_ns=1) == (640, 0)
