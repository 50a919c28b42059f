"""selectors_echo.py: what the program calls select is epoll, and every event is one callback."""

from __future__ import annotations

from iotrace.analysis.model import Act
from tests.lessons.conftest import Record

CLIENTS, MESSAGES = 3, 7


def test_selectors_picks_epoll(record: Record, probe: str) -> None:
    run = record(probe, "selectors_echo")
    assert len(run.rows("epoll_create", "epoll_create1")) >= 1
    assert not len(run.rows("select", "pselect6", "poll", "ppoll"))
    verdict = run.analysis.verdicts[Act.RECEIVE]
    assert (verdict.multiplexer, verdict.trigger) == ("epoll", "level")
    assert (verdict.supporting, verdict.contradicting) == (CLIENTS * MESSAGES, 0)


def test_epoll_hears_of_a_connection_twice(record: Record, probe: str) -> None:
    """When it comes and when it goes: the list stays in the kernel, unlike that of select and poll."""
    run = record(probe, "selectors_echo")
    events = run.events
    controls = run.rows("epoll_ctl")
    added, removed = 1, 2  # EPOLL_CTL_ADD, EPOLL_CTL_DEL
    operations = events["a"][controls].tolist()
    assert operations.count(added) == 1 + CLIENTS
    assert operations.count(removed) == CLIENTS


def test_every_event_is_one_callback(record: Record, probe: str) -> None:
    run = record(probe, "selectors_echo")
    events = run.events
    told = events["ret"][run.rows("epoll_wait")]
    received, accepted = run.rows("recvfrom"), run.rows("accept", "accept4")
    assert told[told > 0].sum() == len(received) + len(accepted)
    assert len(received) == CLIENTS * (MESSAGES + 1)  # each also reads the end of its client
