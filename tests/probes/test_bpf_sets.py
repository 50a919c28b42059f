"""The sets of select, poll and epoll as the eBPF probe decodes them."""

from __future__ import annotations

import pytest

from probes.events import Flag
from tests.probes.bpf_run import Recorded, run, script

IN, PRI, OUT = 1, 2, 4


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """23 ready pipes (read ends 100, 110, …), 7 that are not, seen through each call."""
    return run(
        script(
            tmp_path_factory.mktemp("bpf"),
            """
import os, resource, select
full, empty = [], []
for index in range(30):
    read, write = os.pipe()
    os.dup2(read, 100 + 10 * index); os.dup2(write, 101 + 10 * index)
    os.close(read); os.close(write)
    if index < 23:
        os.write(101 + 10 * index, b"x")
    (full if index < 23 else empty).append(100 + 10 * index)
writer = 101
select.select(full + empty, [writer], [empty[0]], 1.5)
select.select(empty, [], [], 0.01)
poll = select.poll()
for fd in full + empty: poll.register(fd, select.POLLIN)
poll.register(writer, select.POLLOUT)
poll.poll(250)
many = select.poll()
for index in range(300):
    many.register(os.dup(full[0]) if index % 2 else os.dup(empty[0]), select.POLLIN)
many.poll(0)
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
for index in range(2048 - 300):
    many.register(os.dup(full[0]) if index % 2 else os.dup(empty[0]), select.POLLIN)
many.poll(0)
epoll = select.epoll()
for fd in full + empty: epoll.register(fd, select.EPOLLIN)
epoll.modify(empty[0], select.EPOLLIN | select.EPOLLET)
epoll.unregister(empty[1])
epoll.poll(2)
epoll.poll(0.5, 5)
""",
        )
    )


FULL = [100 + 10 * index for index in range(23)]
EMPTY = [100 + 10 * index for index in range(23, 30)]


def _entries(values: list[int]) -> dict[int, tuple[int, int]]:
    return {value & 0xFFFFFFFF: (value >> 32 & 0xFFFF, value >> 48) for value in values}


def test_select_says_what_was_asked_and_what_was_ready(sets: Recorded) -> None:
    first, second = (index for name in ("select", "pselect6") for index in sets.indices(name))
    entries = _entries(sets.watch[first])
    assert {fd for fd, (_, ready) in entries.items() if ready} == {*FULL, 101}
    assert {fd: asked for fd, (asked, _) in entries.items()} == {
        **dict.fromkeys(FULL + EMPTY, IN),
        101: OUT,
        EMPTY[0]: IN | PRI,
    }
    assert sets.rows[first]["ret"] == 24
    assert sets.rows[first]["c"] == 1_500_000_000
    assert sets.rows[second]["ret"] == 0
    assert _entries(sets.watch[second]) == dict.fromkeys(EMPTY, (IN, 0))
    assert sets.rows[second]["c"] == 10_000_000
    assert sets.rows[second]["ready_ns"] == sets.rows[second]["sk"] == 0
    assert not sets.rows["flags"][[first, second]].any()


def test_ready_entries_come_first(sets: Recorded) -> None:
    for name in ("select", "poll"):
        for index in sets.indices(name):
            ready = [value >> 48 != 0 for value in sets.watch[index]]
            assert ready == sorted(ready, reverse=True)


def test_poll_says_what_was_asked_and_what_was_ready(sets: Recorded) -> None:
    index = sets.indices("poll")[0]
    assert _entries(sets.watch[index]) == {
        **dict.fromkeys(FULL, (IN, IN)),
        **dict.fromkeys(EMPTY, (IN, 0)),
        101: (OUT, OUT),
    }
    assert sets.rows[index]["a"] == 31
    assert sets.rows[index]["c"] == 250_000_000


def test_a_set_too_long_is_cut_and_says_so(sets: Recorded) -> None:
    index = sets.indices("poll")[1]
    assert sets.rows[index]["a"] == 300
    assert sets.rows[index]["ret"] == 150
    assert sets.rows[index]["flags"] & Flag.WATCH_CUT
    assert sum(value >> 48 != 0 for value in sets.watch[index]) == 64


def test_a_set_longer_than_the_tail_calls_reach_has_its_row(sets: Recorded) -> None:
    index = sets.indices("poll")[2]
    assert (sets.rows[index]["a"], sets.rows[index]["ret"]) == (2048, 1024)
    assert sets.rows[index]["flags"] & Flag.WATCH_CUT
    assert sum(value >> 48 != 0 for value in sets.watch[index]) == 64


def test_epoll_wait_returns_data_and_events(sets: Recorded) -> None:
    names = [name for name in ("epoll_wait", "epoll_pwait") if sets.indices(name)]
    first, second = sets.indices(names[0])
    events = sets.watch[first]
    assert len(events) == 2 * 23
    assert sorted(data & 0xFFFFFFFF for data in events[::2]) == FULL
    assert set(events[1::2]) == {IN}
    assert sets.rows[first]["c"] == 2_000_000_000
    assert sets.rows[second]["a"] == sets.rows[second]["ret"] == 5
    assert len(sets.watch[second]) == 2 * 5


def test_epoll_ctl_says_what_is_registered(sets: Recorded) -> None:
    rows = [(sets.rows[index], sets.watch[index]) for index in sets.indices("epoll_ctl")]
    added = [(int(row["b"]), watch) for row, watch in rows if row["a"] == 1]
    assert [fd for fd, _ in added] == FULL + EMPTY
    assert all(watch[0] & 0xFFFFFFFF == fd and watch[1] == IN for fd, watch in added)
    ((_, modified),) = [(row, watch) for row, watch in rows if row["a"] == 3]
    assert modified[1] == IN | 1 << 31
    ((_, deleted),) = [(row, watch) for row, watch in rows if row["a"] == 2]
    assert deleted == []
