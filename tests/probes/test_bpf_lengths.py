"""Sleeps of known length: the measured wait is right within a millisecond, at every quantile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.probes.bpf_run import run, script

#: Asleep in three kinds of calls, each time for another number of milliseconds; nothing ever comes.
SLEEPS = """
import random, select, socket, time
lengths = [1 + 7 * k % 23 for k in range(101)]
ours, theirs = socket.socketpair()
epoll = select.epoll(); epoll.register(ours, select.EPOLLIN)
poll = select.poll(); poll.register(ours, select.POLLIN)
for length in lengths:
    CALL
"""
CALLS = {
    "poll": "poll.poll(length)",
    "epoll_wait": "epoll.poll(length / 1e3)",
    "clock_nanosleep": "time.sleep(length / 1e3)",
}
WITHIN_NS = 1_000_000


@pytest.mark.parametrize("name", CALLS)
def test_the_wait_is_right_at_every_quantile(name: str, tmp_path: Path) -> None:
    recorded = run(script(tmp_path, SLEEPS.replace("CALL", CALLS[name])))
    rows = recorded.calls(name)[-101:]
    assert len(rows) == 101
    assert (rows["sleeps"] > 0).all()
    asked = np.array([1 + 7 * k % 23 for k in range(101)]) * 1_000_000
    wrong = rows["asleep_ns"].astype(np.int64) - asked
    quantiles = np.quantile(wrong, np.linspace(0, 1, 101))
    assert quantiles[0] > -WITHIN_NS, quantiles
    assert quantiles[-1] < WITHIN_NS, quantiles
    assert (rows["asleep_ns"] + rows["queued_ns"] <= rows["exit_ns"] - rows["enter_ns"]).all()
