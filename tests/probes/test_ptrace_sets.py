"""The sets of select, poll and epoll, decoded by the ptrace probe."""

from __future__ import annotations

import select

import pytest

from probes.events import Flag, Kind
from tests.live import require
from tests.probes.traced import Row, python, trace

pytestmark = pytest.mark.usefixtures("ptrace_probe")


@pytest.fixture(scope="module")
def ptrace_probe() -> None:
    require("ptrace")


def entries(row: Row) -> list[tuple[int, int, int]]:
    """Return (fd, events, revents) of each entry."""
    return [(value & 0xFFFFFFFF, value >> 32 & 0xFFFF, value >> 48) for value in row.watch]


@pytest.mark.parametrize("timeout", ["0", "0.01"])
def test_select_says_what_was_asked_and_what_came_back(timeout: str) -> None:
    recording = trace(
        python(
            """
            import os, select, sys
            a, b = os.pipe()
            c, d = os.pipe()
            os.write(d, b"x")
            select.select([a, c], [b], [a, c], float(sys.argv[1]))
            select.select([a], [], [], float(sys.argv[1]))
        """,
            timeout,
        )
    )
    first, second = recording.calls("pipe2", "pipe")
    a, b, c = first.c & 0xFFFFFFFF, first.c >> 32, second.c & 0xFFFFFFFF
    some, none = recording.calls("select", "pselect6")
    assert entries(some) == [(b, 4, 4), (c, 1 | 2, 1), (a, 1 | 2, 0)]
    assert entries(none) == [(a, 1, 0)]
    assert (some.ret, none.ret) == (2, 0)


def test_poll_puts_what_is_ready_first() -> None:
    recording = trace(
        python("""
            import os, select
            a, b = os.pipe()
            poll = select.poll()
            poll.register(a, select.POLLIN | select.POLLPRI)
            poll.register(b, select.POLLOUT)
            poll.poll()
            poll.unregister(b)
            poll.poll(5)
        """)
    )
    (pipe,) = recording.calls("pipe2", "pipe")
    a, b = pipe.c & 0xFFFFFFFF, pipe.c >> 32
    ready, timed_out = recording.calls("poll", "ppoll")
    assert entries(ready) == [(b, select.POLLOUT, select.POLLOUT), (a, select.POLLIN | select.POLLPRI, 0)]
    assert entries(timed_out) == [(a, select.POLLIN | select.POLLPRI, 0)]
    assert ready.c == -1


def test_epoll_events_and_registrations() -> None:
    recording = trace(
        python("""
            import os, select
            a, b = os.pipe()
            epoll = select.epoll()
            epoll.register(a, select.EPOLLIN | select.EPOLLET)
            epoll.register(b, select.EPOLLOUT)
            epoll.poll()
            os.write(b, b"x")
            epoll.unregister(b)
            epoll.poll()
        """)
    )
    (pipe,) = recording.calls("pipe2", "pipe")
    a, b = pipe.c & 0xFFFFFFFF, pipe.c >> 32
    added, also, removed = recording.calls("epoll_ctl")
    # CPython leaves the upper half of the user data alone.
    assert (added.a, added.b, added.watch[0] & 0xFFFFFFFF) == (1, a, a)
    assert added.watch[1] == select.EPOLLIN | select.EPOLLET
    assert (also.b, also.watch[1]) == (b, select.EPOLLOUT)
    assert removed.a == 2
    waits = recording.calls("epoll_wait", "epoll_pwait")
    assert [row.watch[0] & 0xFFFFFFFF for row in waits] == [b, a]
    assert [row.watch[1] for row in waits] == [select.EPOLLOUT, select.EPOLLIN]


def test_a_long_set_is_cut_after_what_is_ready() -> None:
    recording = trace(
        python("""
            import os, select
            pipes = [os.pipe() for _ in range(307)]
            os.write(pipes[-1][1], b"x")
            poll = select.poll()
            for read, _ in pipes:
                poll.register(read, select.POLLIN)
            poll.poll()
        """)
    )
    (row,) = recording.calls("poll", "ppoll")
    assert (row.b, row.a, row.ret) == (0, 307, 1)
    assert len(row.watch) == 256
    assert row.flags & Flag.WATCH_CUT
    assert [revents for _, _, revents in entries(row)] == [1] + [0] * 255


def test_an_unfinished_wait_says_what_it_waits_for() -> None:
    recording = trace(
        python("""
            import os, select, signal
            a, b = os.pipe()
            poll = select.poll()
            poll.register(a, select.POLLIN)
            if os.fork() == 0:
                poll.poll(1_000)
                os._exit(0)
            select.select([a], [], [], 0.9)
        """)
    )
    (pipe,) = recording.calls("pipe2", "pipe")
    a = pipe.c & 0xFFFFFFFF
    pending = {row.name.rstrip("6")[-4:]: row for row in recording.of(Kind.PENDING)}
    assert len(pending) == 2
    for row in pending.values():
        assert entries(row) == [(a, 1, 0)]
        (finished,) = [call for call in recording.calls(row.name) if call.enter_ns == row.enter_ns]
        assert (finished.tid, row.exit_ns) == (row.tid, 0)
        assert finished.exit_ns - finished.enter_ns > 800_000_000
