"""select_without_accept.py: one connection, 997 returns of select."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.calls import ACCOUNT_NOISE_NS
from iotrace.analysis.model import Act, Model
from probes.events import Flag
from tests.lessons.conftest import Record, Run

TURNS = 997
MESSAGES = 7
SOON_NS = 5_000_000  # far less than a client thinks, far more than a select that finds something
SELECTS = ("select", "pselect6")


def slept(run: Run, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of the calls slept: by its switches, or by the scheduler's accounts."""
    events = run.events
    accounted = (events["flags"][rows] & Flag.ACCOUNTED) != 0
    asleep: NDArray[np.bool_] = np.where(
        accounted, events["asleep_ns"][rows] > ACCOUNT_NOISE_NS, events["sleeps"][rows] > 0
    )
    return asleep


def test_select_returns_at_once_until_somebody_accepts(record: Record, probe: str) -> None:
    run = record(probe, "select_without_accept")
    events = run.events
    (accept, *_) = run.rows("accept", "accept4")
    selects = run.rows(*SELECTS)
    before = selects[events["exit_ns"][selects] <= events["enter_ns"][accept]]
    assert len(before) == TURNS
    assert np.all(events["ret"][before] == 1)
    asleep = slept(run, before)
    assert asleep[0]  # nobody was there
    assert not asleep[1:].any()  # one connection, 996 further returns


def test_they_all_named_the_same_descriptor(record: Record, probe: str) -> None:
    run = record(probe, "select_without_accept")
    events = run.events
    (accept, *_) = run.rows("accept", "accept4")
    selects = run.rows(*SELECTS)
    before = selects[events["exit_ns"][selects] <= events["enter_ns"][accept]]
    named = {int(events.watch[events.watch_offsets[row]]) & 0xFFFFFFFF for row in before}
    assert named == {int(events["fd"][accept])}


def test_it_sleeps_again_afterwards(record: Record, probe: str) -> None:
    """With the connection accepted, every message is one select that sleeps and one receive that does not."""
    run = record(probe, "select_without_accept")
    op = run.analysis.operations
    receives = op[op["act"] == Act.RECEIVE]
    assert len(receives) == MESSAGES
    assert np.all(receives["model"] == Model.MULTIPLEXING)
    waits = receives["wait"]
    asleep = slept(run, waits)
    # Who sleeps, sleeps until there are data; who does not, finds them there: on a busy machine a message
    # may be in time for that.
    began, ready = run.events["enter_ns"][waits], receives["ready_ns"]
    assert np.all(ready[asleep] > began[asleep])
    assert np.all(ready[~asleep] <= run.events["exit_ns"][waits][~asleep])
    awake = run.lasted_ns(waits)[~asleep] - run.events["queued_ns"][waits][~asleep]
    assert np.all(awake < SOON_NS)
    assert asleep.any()
    assert not slept(run, receives["call"]).any()
