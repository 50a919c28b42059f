"""What a call costs as the set grows: in proportion for select and poll, nothing for epoll.

Ratios of calls in one recording; ptrace adds the price of its stops to each, and sees large ratios only.
"""

from __future__ import annotations

import re

import numpy as np

from iotrace.analysis.model import Model
from tests.lessons.conftest import Record, Run
from tests.live import require

SIZES = (2, 4, 8, 16, 64, 256, 1024, 2048, 4096, 8192)
SELECTABLE = 6  # of them: a socketpair is two descriptors, and select ends at 1024
CALLS, ACTIVE = 23, 2


def least_ns(run: Run, *names: str) -> dict[int, float]:
    """Return what the fastest call took, by connections: the others may have been interrupted."""
    rows = run.rows(*names)
    rows = rows[run.events["ret"][rows] == ACTIVE]
    took = run.lasted_ns(rows).reshape(-1, CALLS).min(axis=1)
    return dict(zip(SIZES, took.tolist(), strict=False))


def test_every_call_finds_the_two_and_none_sleeps(record: Record, probe: str) -> None:
    run = record(probe, "scale")
    for names, sizes in (
        (("select", "pselect6"), SELECTABLE),
        (("poll",), len(SIZES)),
        (("epoll_wait",), len(SIZES)),
    ):
        rows = run.rows(*names)
        rows = rows[run.events["ret"][rows] == ACTIVE]
        assert len(rows) == CALLS * sizes
        assert np.all(run.events["sleeps"][rows] == 0)
    polls = run.rows("poll")
    polls = polls[run.events["ret"][polls] == ACTIVE]
    assert run.events["a"][polls].tolist() == [size for size in SIZES for _ in range(CALLS)]


def test_select_ends_at_fd_setsize(record: Record, probe: str) -> None:
    run = record(probe, "scale")
    assert run.events["a"][run.rows("select", "pselect6")].max() <= 1024
    refused = re.findall(r"select, (\d+) connections: ValueError: filedescriptor out of range", run.output)
    assert [int(size) for size in refused] == list(SIZES[SELECTABLE:])


def test_poll_grows_with_the_set_and_epoll_does_not(record: Record, probe: str) -> None:
    run = record(probe, "scale")
    poll, epoll = least_ns(run, "poll"), least_ns(run, "epoll_wait")
    assert poll[8192] > 5 * poll[256] if probe == "ptrace" else poll[8192] > 16 * poll[256]
    assert probe == "ptrace" or epoll[8192] < 4 * epoll[16]  # the price of a stop varies by more
    assert poll[8192] > 10 * epoll[8192]


def test_select_grows_as_poll_does(record: Record) -> None:
    require("bpf")
    run = record("bpf", "scale")
    select, poll = least_ns(run, "select", "pselect6"), least_ns(run, "poll")
    assert select[256] > 6 * select[16]
    assert 0.3 < select[256] / poll[256] < 3


def test_epoll_pays_once_for_each_connection(record: Record, probe: str) -> None:
    run = record(probe, "scale")
    added = run.rows("epoll_ctl")
    added = added[run.events["ret"][added] == 0]
    assert len(added) == sum(SIZES)


def test_where_they_cross(record: Record) -> None:
    """With some connections epoll is faster, with two poll is not slower by much: a table, not a slogan."""
    require("bpf")
    run = record("bpf", "scale")
    poll, epoll = least_ns(run, "poll"), least_ns(run, "epoll_wait")
    faster = [size for size in SIZES if epoll[size] < poll[size]]
    assert faster == [size for size in SIZES if size >= faster[0]]
    assert faster[0] <= 64
    assert poll[2] < 2 * epoll[2]
    said = re.search(r"epoll overtakes poll at about (\d+) connections", run.output)
    assert said is None or int(said[1]) <= 64


def test_nothing_is_received(record: Record, probe: str) -> None:
    """Readiness alone is no model: nobody receives."""
    analysis = record(probe, "scale").analysis
    assert [v for v in analysis.verdicts.values() if v.model is not Model.UNKNOWN] == []


def test_the_chart_fits(record: Record, probe: str) -> None:
    lines = record(probe, "scale").output.splitlines()
    chart = [line for line in lines if re.match(r" *\d+ \|", line)]
    assert [int(line.split()[0]) for line in chart] == list(SIZES)
    assert max(map(len, chart)) <= 100
    for line in chart[-4:] if probe == "bpf" else ():  # ptrace: the chart shows the price of its stops
        assert line.index("e", 5) < line.index("p", 5)
