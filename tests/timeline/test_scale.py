"""A million events are a normal recording: cutting and merging them is done by columns."""

from __future__ import annotations

import sys
import time

import pytest

from iotrace.analysis import Analysis, analyse
from iotrace.columns import from_batches
from iotrace.timeline import What, build, rasterise
from tests.million import alternating


def recording(count: int) -> Analysis:
    return analyse(from_batches([alternating(count)], {"probe": "bpf", "argv": ["server.py"]}))


def drawing(analysis: Analysis) -> float:
    """Return the seconds of one drawing at width 160, the best of three."""
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        timeline = build(analysis)
        for lane in timeline.lanes:
            rasterise(lane, timeline.from_ns, timeline.to_ns, 140)
        best = min(best, time.perf_counter() - begin)
    return best


def test_no_python_per_event() -> None:
    """Count the interpreter's own function calls: they do not grow with the events."""

    def calls(count: int) -> int:
        analysis = recording(count)
        made = 0

        def profile(_frame: object, event: str, _argument: object) -> None:
            nonlocal made
            made += event in ("call", "c_call")

        sys.setprofile(profile)
        try:
            drawing(analysis)
        finally:
            sys.setprofile(None)
        return made

    assert calls(50_000) < 2 * calls(5_000)


@pytest.mark.slow
def test_a_million_events_are_drawn_at_once() -> None:
    """0.3 s on an idle machine; three times that here, where other work may run beside."""
    analysis = recording(1_000_000)
    assert drawing(analysis) < 0.9


def test_shares_are_exact() -> None:
    analysis = recording(1_000)
    lane = next(lane for lane in build(analysis).lanes if lane.kind == "thread")
    total = {track.what: 0 for track in lane.tracks}
    for track in lane.tracks:
        total[track.what] += int((track.end_ns - track.begin_ns).sum())
    assert total == {
        What.BLOCKED_TRANSFER: 500 * 400,
        What.WAKING: 500 * 100,
        What.CALL: 500 * (800 + 100 + 50),
        What.COPY: 500 * 150,
    }
