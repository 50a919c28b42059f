"""nonblocking_accept.py: a longer pause is a later answer, a shorter one more questions for nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from iotrace.analysis.model import Act, Basis, Model
from iotrace.analysis.operation import Operations
from tests.lessons.conftest import Record
from tests.live import require

CLIENTS = 11
PAUSES_MS = (2, 10, 50)
GROUPS = [slice(CLIENTS * at, CLIENTS * (at + 1)) for at in range(len(PAUSES_MS))]


@pytest.fixture
def accepts(record: Record, probe: str) -> Operations:
    op = record(probe, "nonblocking_accept").analysis.operations
    chosen: Operations = op[op["act"] == Act.ACCEPT]
    return chosen


def test_every_accept_is_polling(record: Record, probe: str) -> None:
    verdict = record(probe, "nonblocking_accept").analysis.verdicts[Act.ACCEPT]
    assert (verdict.model, verdict.operations) == (Model.NONBLOCKING, CLIENTS * len(PAUSES_MS))
    assert verdict.contradicting == 0


def test_wasted_calls_go_with_the_rate_of_asking(accepts: Operations) -> None:
    """Per second of waiting, five times the pause makes about a fifth of the failed tries."""
    waited_s = (accepts["end_ns"] - accepts["begin_ns"]) / 1e9
    rates = [accepts["tries"][group].sum() / waited_s[group].sum() for group in GROUPS]
    for often, seldom in pairwise(rates):
        assert 3 < often / seldom < 7, rates


def test_the_delay_grows_with_the_pause(record: Record) -> None:
    """A connection waits in the kernel for half a pause in the mean, whatever the pause."""
    require("bpf")
    op = record("bpf", "nonblocking_accept").analysis.operations
    accepts = op[op["act"] == Act.ACCEPT]
    assert np.all(accepts["ready_basis"] == Basis.MEASURED)
    delay_ms = (accepts["end_ns"] - accepts["ready_ns"]) / 1e6
    means = [float(delay_ms[group].mean()) for group in GROUPS]
    for mean, pause_ms in zip(means, PAUSES_MS, strict=True):
        assert 0.25 < mean / pause_ms < 1, means
    for short, long in pairwise(means):
        assert 2 < long / short < 10, means


def test_the_message_waits_behind_its_connection(record: Record, probe: str) -> None:
    """The receives are blocking, and yet only those may sleep whose client was just about to send."""
    op = record(probe, "nonblocking_accept").analysis.operations
    receives = op[op["act"] == Act.RECEIVE]
    assert len(receives) == CLIENTS * len(PAUSES_MS)
    assert np.count_nonzero(receives["at_once"]) >= 0.9 * len(receives)
