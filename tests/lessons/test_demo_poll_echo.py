"""poll_echo.py: poll watches descriptors that do not fit into an fd_set."""

from __future__ import annotations

import select

import numpy as np
import pytest

from iotrace.analysis.model import Act
from tests.lessons.conftest import Record

CLIENTS, MESSAGES = 3, 7
HIGH = 2000
FD_SETSIZE = 1024


def test_poll_serves_descriptors_beyond_the_limit(record: Record, probe: str) -> None:
    run = record(probe, "poll_echo")
    op = run.analysis.operations
    receives = op[op["act"] == Act.RECEIVE]
    assert len(receives) == CLIENTS * MESSAGES
    assert set(receives["fd"].tolist()) == {HIGH, HIGH + 1, HIGH + 2}
    verdict = run.analysis.verdicts[Act.RECEIVE]
    assert (verdict.multiplexer, verdict.contradicting) == ("poll", 0)
    assert not len(run.rows("select", "pselect6"))
    sent = run.rows("sendto")
    assert run.events["ret"][sent].tolist() == [512] * CLIENTS * MESSAGES
    assert run.events["fd"][sent].min() > FD_SETSIZE


def test_the_list_goes_along_with_every_call(record: Record, probe: str) -> None:
    """Its length is the listening socket and the connections, also those that have nothing to say."""
    run = record(probe, "poll_echo")
    events = run.events
    waits = run.rows("poll")
    watched = np.diff(events.watch_offsets)[waits]
    assert np.array_equal(watched, events["a"][waits])
    assert watched.max() == 1 + CLIENTS
    assert events["ret"][waits[events["ret"][waits] > 0]].max() < watched.max()


def test_python_refuses_such_a_descriptor_to_select() -> None:
    with pytest.raises(ValueError, match="out of range"):
        select.select([HIGH], [], [], 0)
