"""mouse_polling.py and mouse_events.py: who asks burns the CPU, who waits for one device misses the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.lessons.conftest import Record, Run

KEYS = 3
EVENTS = KEYS + 1
EAGAIN = -11


def readers(run: Run) -> list[int]:
    """Return the threads that read devices (pipes), in the order of their first read."""
    rows = device_reads(run)
    return list(dict.fromkeys(run.events["tid"][rows].tolist()))


def device_reads(run: Run, tid: int | None = None) -> NDArray[np.int64]:
    """Return the reads of pipes: those of the devices."""
    rows = run.rows("read", tid=tid)
    kinds = [run.analysis.descriptors[int(life)].kind for life in run.analysis.lives[rows]]
    chosen: NDArray[np.int64] = rows[np.array(kinds) == "pipe"]
    return chosen


def presses(run: Run) -> NDArray[np.int64]:
    """Return the writes of the hands: all one-byte writes of other processes than the first."""
    rows = run.rows("write")
    other = run.events["tgid"][rows] != run.events.header["pid"]
    chosen: NDArray[np.int64] = rows[other & (run.events["a"][rows] == 1)]
    return chosen


def off_cpu_share(run: Run, rows: NDArray[np.int64]) -> float:
    """Return for how much of the time from the first to the last of these calls they were asleep."""
    events = run.events
    span = int(events["exit_ns"][rows].max() - events["enter_ns"][rows].min())
    return int(events["asleep_ns"][rows].sum()) / span


def test_asking_all_the_time_is_in_vain_and_never_sleeps(record: Record, probe: str) -> None:
    run = record(probe, "mouse_polling")
    rows = device_reads(run, readers(run)[0])
    ret = run.events["ret"][rows]
    assert np.count_nonzero(ret == 1) == EVENTS
    assert np.count_nonzero(ret == EAGAIN) > 100 * EVENTS
    assert off_cpu_share(run, rows) < 0.05


def test_who_waits_for_the_mouse_misses_the_keyboard(record: Record, probe: str) -> None:
    """Three keys are pressed while it sleeps in the read of the mouse; it sees one, after the click."""
    run = record(probe, "mouse_polling")
    events = run.events
    rows = device_reads(run, readers(run)[1])
    mouse = int(events["fd"][rows[0]])
    assert events["fd"][rows].tolist().count(mouse) == 2  # the click, and the end
    keyboard = rows[events["fd"][rows] != mouse]
    assert events["ret"][keyboard].tolist() == [1]
    hand = presses(run)[EVENTS:]
    assert len(hand) == EVENTS
    *keys, click = events["enter_ns"][hand].tolist()
    assert events["enter_ns"][rows[0]] < keys[0]
    assert events["enter_ns"][keyboard[0]] > click
    assert off_cpu_share(run, rows) > 0.9


def test_events_are_one_wake_up_and_one_read_each(record: Record, probe: str) -> None:
    run = record(probe, "mouse_events")
    events = run.events
    rows = device_reads(run)
    assert events["ret"][rows].tolist() == [1] * EVENTS + [0, 0]  # and the end of each device
    waits = run.rows("epoll_wait")
    told = events["ret"][waits]
    assert np.all(told > 0)
    assert told.sum() == len(rows)
    assert off_cpu_share(run, waits) > 0.9


def test_events_are_seen_in_their_order_and_long_before_the_next(record: Record, probe: str) -> None:
    run = record(probe, "mouse_events")
    events = run.events
    pressed = events["enter_ns"][presses(run)]
    seen = events["exit_ns"][device_reads(run)[:EVENTS]]
    lag = seen - pressed
    assert np.all(lag > 0)
    assert np.median(lag) < np.diff(pressed).min() / 5
    assert np.all(seen[:-1] < pressed[1:])
    fds = events["fd"][device_reads(run)[:EVENTS]].tolist()
    assert fds[:KEYS] == [fds[0]] * KEYS
    assert fds[KEYS] != fds[0]
