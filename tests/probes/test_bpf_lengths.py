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
took = []
for length in lengths:
    began = time.monotonic_ns()
    CALL
    took.append(time.monotonic_ns() - began)
with open(OUTPUT, "w") as file:
    file.write(" ".join(map(str, took)))
"""
CALLS = {
    "poll": "poll.poll(length)",
    "epoll_wait": "epoll.poll(length / 1e3)",
    "clock_nanosleep": "time.sleep(length / 1e3)",
}
WITHIN_NS = 1_000_000


@pytest.mark.parametrize("name", CALLS)
def test_the_wait_is_right_at_every_quantile(name: str, tmp_path: Path) -> None:
    output = tmp_path / "took"
    text = SLEEPS.replace("CALL", CALLS[name]).replace("OUTPUT", repr(str(output)))
    recorded = run(script(tmp_path, text))
    rows = recorded.calls(name)[-101:]
    assert len(rows) == 101
    assert (rows["sleeps"] > 0).all()
    asked = np.array([1 + 7 * k % 23 for k in range(101)]) * 1_000_000
    took = np.array(output.read_text().split(), np.int64)
    # A busy machine wakes it late: it slept for what it asked at least, and for what its clock says at most.
    late = np.median(took - asked)
    assert 0 <= late < WITHIN_NS, took - asked
    asleep = rows["asleep_ns"].astype(np.int64)
    queued = rows["queued_ns"].astype(np.int64)
    wrong = np.where(took - asked < WITHIN_NS, asleep - asked, asleep + queued - took)
    quantiles = np.quantile(wrong, np.linspace(0, 1, 101))
    assert quantiles[0] > -WITHIN_NS, quantiles
    assert quantiles[-1] < WITHIN_NS, quantiles
    assert (rows["asleep_ns"] + rows["queued_ns"] <= rows["exit_ns"] - rows["enter_ns"]).all()
