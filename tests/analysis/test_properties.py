"""What holds for every stream of events, however strange."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iotrace.analysis import analyse, report_json
from iotrace.analysis.axis import Axis
from iotrace.analysis.model import PLACES, Analysis
from iotrace.columns import Events, from_batches
from iotrace.timeline import cuts
from probes.events import EVENT, Kind, batch
from probes.table import BY_NAME, CALLS
from tests import orderly
from tests.story import Story

_RESULTS = (-516, -512, -32, -11, -9, -4, -2, -1, 0, 1, 3, 4, 5, 64, 1 << 20)
_KINDS = [Kind.CALL] * 8 + list(Kind)


def strange(seed: int) -> Events:
    """Make rows with boundaries anywhere, calls that overlap, and sets of any shape for some of them."""
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 40))
    table = np.zeros(count, EVENT)
    table["kind"] = random.choice(_KINDS, count)
    table["code"] = random.integers(0, len(CALLS), count)
    busy = random.choice(["recvfrom", "accept4", "epoll_wait", "select", "epoll_ctl", "fcntl"], count)
    often = random.random(count) < 0.7
    table["code"][often] = [BY_NAME[name].code for name in busy[often]]
    table["code"][random.random(count) < 0.05] = 0xFFFF  # a call of another architecture
    table["enter_ns"] = random.integers(1, 10_000, count)
    table["exit_ns"] = table["enter_ns"] + random.integers(0, 10_000, count).astype(np.uint64)
    table["exit_ns"][table["kind"] == Kind.PENDING] = 0
    for name in (
        "sleep_ns",
        "ready_ns",
        "waking_ns",
        "running_ns",
        "copy_ns",
        "done_ns",
        "asleep_ns",
        "queued_ns",
    ):
        table[name] = random.integers(1, 20_000, count) * (random.random(count) < 0.5)
    table["ret"] = random.choice(_RESULTS, count)
    for name in ("fd", "a", "b", "c"):
        table[name] = random.integers(-1, 7, count)
    for name in ("tid", "tgid", "waker"):
        table[name] = random.integers(1, 4, count)
    table["flags"], table["sleeps"] = random.integers(0, 1024, count), random.integers(0, 3, count)
    watch = {
        index: random.integers(0, 1 << 63, int(random.integers(0, 5))).tolist()
        for index in range(count)
        if random.random() < 0.5
    }
    return from_batches([batch(table, watch)], {"probe": "bpf", "argv": ["x"]})


def check(analysis: Analysis) -> None:
    orderly.check(analysis)
    json.dumps(report_json(analysis))


@settings(max_examples=400, deadline=None)
@given(st.integers(0, (1 << 32) - 1))
@example(239_481_585)  # a receive by io_uring that was done before it began
def test_any_rows_give_an_orderly_analysis(seed: int) -> None:
    check(analyse(strange(seed)))


@settings(max_examples=400, deadline=None)
@given(st.integers(0, (1 << 32) - 1))
def test_of_any_rows_phases_add_up_and_pieces_do_not_overlap(seed: int) -> None:
    """Of operations: where phase 1 was spent. Of calls: their pieces, on the lane of each thread."""
    analysis = analyse(strange(seed))
    op = analysis.operations
    assert np.array_equal(sum(op[name] for name in PLACES), op["ready_ns"] - op["begin_ns"])
    work = cuts.prepare(analysis)
    cut = cuts.of_all(work)
    bounds = np.array([cut.enter, cut.sleep, cut.waking, cut.running, cut.copy, cut.exit])
    assert np.all(np.diff(bounds, axis=0) >= 0)
    tid = work.calls.tid[cut.mine]
    same = tid[1:] == tid[:-1]
    assert np.all(cut.enter[1:][same] >= cut.exit[:-1][same])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 9)), max_size=20),
    st.lists(st.tuples(st.integers(-4, 4), st.integers(-2, 12)), max_size=20),
    st.booleans(),
)
def test_axis_finds_what_a_search_would(
    members: list[tuple[int, int]], asked: list[tuple[int, int]], before: bool
) -> None:
    axis = Axis(np.array([g for g, _ in members], np.int64), np.array([t for _, t in members], np.int64))
    found = axis.last(
        np.array([g for g, _ in asked], np.int64), np.array([t for _, t in asked], np.int64), before
    )
    for (group, time), index in zip(asked, found, strict=True):
        fitting = [
            (t, position)
            for position, (g, t) in enumerate(members)
            if g == group and (t < time if before else t <= time)
        ]
        assert index == (max(fitting)[1] if fitting else -1)


def test_a_ring_of_copies_ends() -> None:
    """Three copies of each other, at one moment: no kernel makes them, a damaged recording may."""
    story = Story()
    for source, copy in ((4, 5), (5, 6), (6, 4)):
        story.call("dup", 100, 100, copy, fd=source)
    check(story.analyse())
