"""select_echo_queues.py: nobody waits in a send, and one who does not read delays nobody."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from iotrace.analysis.model import Act, Model
from tests.lessons.conftest import Record, Run

CHATTERS, ROUNDS = 2, 11
DOCUMENT = 2 << 20
READ, WRITE = 1, 4  # POLLIN, POLLOUT


class Select(NamedTuple):
    """What one finished select asked for and was told, by descriptor."""

    begin_ns: int
    asked: dict[int, int]
    told: dict[int, int]


def selects(run: Run) -> list[Select]:
    events = run.events
    found = []
    for row in run.rows("select", "pselect6"):
        entries = events.watch[events.watch_offsets[row] : events.watch_offsets[row + 1]].tolist()
        asked = {entry & 0xFFFFFFFF: entry >> 32 & 0xFFFF for entry in entries}
        told = {entry & 0xFFFFFFFF: entry >> 48 for entry in entries}
        found.append(Select(int(events["enter_ns"][row]), asked, told))
    return found


@pytest.fixture
def run(record: Record, probe: str) -> Run:
    return record(probe, "select_echo_queues")


def lazy(run: Run) -> int:
    """Return the descriptor of the client that reads late: the first that was accepted."""
    return int(run.events["ret"][run.rows("accept", "accept4")[0]])


def test_everything_comes_back(run: Run) -> None:
    sends = run.rows("sendto")
    ret = run.events["ret"][sends]
    assert ret.min() > 0  # no EAGAIN
    assert ret.sum() == DOCUMENT + CHATTERS * ROUNDS * 512
    op = run.analysis.operations
    receives = op[op["act"] == Act.RECEIVE]
    assert receives["bytes"].sum() == ret.sum()
    assert np.all(receives["model"] == Model.MULTIPLEXING)


def test_every_send_was_announced(run: Run) -> None:
    asked = selects(run)
    begins = np.array([wait.begin_ns for wait in asked])
    events = run.events
    for row in run.rows("sendto"):
        before = asked[np.searchsorted(begins, events["enter_ns"][row]) - 1]
        assert before.told[int(events["fd"][row])] & WRITE


def test_who_has_nothing_to_get_is_not_in_the_second_list(run: Run) -> None:
    """Or select would never sleep. A chatter is in it once a message; the listening socket never."""
    events = run.events
    sends = events["fd"][run.rows("sendto")]
    full = lazy(run)
    asked: dict[int, int] = {}
    for wait in selects(run):
        for fd, wanted in wait.asked.items():
            asked[fd] = asked.get(fd, 0) + bool(wanted & WRITE)
    for fd, times in asked.items():
        if fd != full:
            assert times == np.count_nonzero(sends == fd)


def test_a_full_buffer_is_not_writable_and_delays_nobody(run: Run) -> None:
    """From the first wait that asked for room and was told of none, the others have their answers.

    A send may be cut short then, or have filled the buffer to its end: the wait after it is the evidence.
    """
    events = run.events
    full = lazy(run)
    sends = run.rows("sendto", fd=full)
    asking = [wait for wait in selects(run) if wait.asked.get(full, 0) & WRITE]
    begin = next(wait.begin_ns for wait in asking if not wait.told.get(full, 0) & WRITE)
    others = run.rows("sendto")
    others = others[events["fd"][others] != full]
    assert len(others) == CHATTERS * ROUNDS
    end = int(events["exit_ns"][others[-1]])
    assert 2 * np.count_nonzero(events["enter_ns"][others] > begin) > len(others)
    got = events["ret"][sends[events["exit_ns"][sends] < end]].sum()
    assert got < DOCUMENT  # every answer came before all of the document was sent

    meanwhile = [wait for wait in selects(run) if begin <= wait.begin_ns < end]
    assert all(wait.asked[full] & WRITE for wait in meanwhile)
    assert all(any(wait.told.values()) for wait in meanwhile)  # none returned for nothing
    writable = sum(bool(wait.told[full] & WRITE) for wait in meanwhile)
    sent = (events["enter_ns"][sends] > begin) & (events["enter_ns"][sends] < end)
    assert writable == np.count_nonzero(sent)  # it is told of room that is there, and then only


def test_nobody_spins(run: Run) -> None:
    """A select more than there are things to be told would be one that a full buffer woke."""
    told = [sum(value.bit_count() for value in wait.told.values()) for wait in selects(run)]
    done = len(run.rows("accept", "accept4")) + len(run.rows("sendto")) + len(run.rows("recvfrom"))
    assert sum(told) == done
