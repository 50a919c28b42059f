"""The lines of ``iotrace calls``: rows in virtual time, what a person reads out."""

from __future__ import annotations

import io
import re
import signal

import numpy as np
import pytest
from hypothesis import given, settings

from iotrace.analysis.choosing import Choice, first_moment
from iotrace.analysis.rows import READ
from iotrace.columns import Events, from_batches
from iotrace.views.arguments import WRITERS
from iotrace.views.calls import Calls
from iotrace.views.flags import named, signal_name
from iotrace.views.painter import painter
from probes.contract import EVIDENCE
from probes.events import EVENT, Batch, Flag, Kind
from probes.table import BY_NAME, CALLS
from tests.iotrace.recording.test_round_trip import batches
from tests.story import Story, at


def lines(
    story: Story | Events, choice: Choice | None = None, evidence: tuple[str, ...] = EVIDENCE
) -> list[str]:
    """Return what is printed of a story, without the times of lines; two batches, to cross a border."""
    events = story.events() if isinstance(story, Story) else story
    view = Calls(first_moment(events) or 0, evidence, "x86_64", choice or Choice())
    paint = painter("never", False, io.StringIO())
    found = [paint(line) for line in view.lines(events)] + [paint(line) for line in view.unfinished()]
    assert all(line.count("\n") == 1 and line.endswith("\n") for line in found)
    return [line[:-1].split(None, 2)[2] if line[:22].split() else line.strip() for line in found]


def server(accounted: bool = False) -> Story:
    story = Story(accounted=accounted)
    story.server(3, 8801)
    return story.accept(3, 5, 10, 20, 53312)


def test_a_blocking_receive_says_where_its_time_went() -> None:
    story = server().call(
        "recvfrom", 100, 100_500, 65536, fd=5, a=65536, b=0, asleep=100_200, queued=55, copy=100_497.5
    )
    assert lines(story)[-1] == (
        "recvfrom(5<tcp 127.0.0.1:8801 ← :53312>, …, 65536, 0, …) = 65536  "
        "100.4 ms: wait 100.2 ms | wake 55 µs | copy 2.5 µs"
    )


def test_what_the_tracer_found_open_is_named_as_what_is_opened_later() -> None:
    story = Story()
    for fd, told in enumerate(("listen 127.0.0.1:8801", "tcp 127.0.0.1:8801 ← 127.0.0.1:53311", "unix"), 3):
        story.row(Kind.DESCRIPTOR, enter_ns=at(1), fd=fd, blob=told.encode())
    story.accept(3, 6, 10, 20, 53312).call("recvfrom", 30, 31, 9, fd=6, a=64, b=0)
    story.call("recvfrom", 40, 41, 9, fd=4, a=64, b=0).call("recvfrom", 50, 51, 9, fd=5, a=64, b=0)
    said = lines(story)
    assert said[0].startswith("accept4(3<listen 127.0.0.1:8801>, {AF_INET 127.0.0.1:53312}, …")
    assert " = 6<tcp 127.0.0.1:8801 ← :53312>" in said[0]
    for line, fd in zip(said[1:], (6, 4, 5), strict=True):
        name = {6: "tcp 127.0.0.1:8801 ← :53312", 4: "tcp 127.0.0.1:8801 ← :53311", 5: "unix"}[fd]
        assert line.startswith(f"recvfrom({fd}<{name}>, …, 64")


def test_what_the_scheduler_s_accounts_tell_is_a_bound() -> None:
    story = server(accounted=True).call("read", 100, 10_100, 9, fd=5, a=64, asleep=9_000, queued=100)
    assert lines(story)[-1] == (
        "read(5<tcp 127.0.0.1:8801 ← :53312>, …, 64) = 9  "
        "10.0 ms: wait ≤ 9.0 ms | wake ≤ 100 µs | copy ≤ 900 µs"
    )


def test_a_sleep_whose_end_nobody_saw_is_a_bound() -> None:
    story = server().call(
        "read", 100, 10_100, 9, fd=5, a=64, asleep=9_000, flags=int(Flag.SLEEP_BOUNDED), copy=10_000
    )
    assert lines(story)[-1] == (
        "read(5<tcp 127.0.0.1:8801 ← :53312>, …, 64) = 9  10.0 ms: wait ≤ 9.0 ms | copy 100 µs"
    )


def test_a_probe_that_sees_no_sleep_says_so() -> None:
    story = server().call("poll", 100, 10_100, 0, a=0, c=10_000_000)
    assert lines(story, evidence=("calls",))[-1] == "poll([], 0, 10) = 0  10.0 ms: wait unseen"


def test_a_copy_that_was_interrupted_by_another_sleep_is_bounded() -> None:
    """MSG_WAITALL copies what there is and sleeps again: its first copy says nothing of the last."""
    story = server().call("recvfrom", 0, 1_000, 64, fd=5, a=64, b=0x100, asleep=900, queued=0, copy=10)
    assert lines(story)[-1].endswith("MSG_WAITALL, …) = 64  1.0 ms: wait 900 µs | copy ≤ 100 µs")


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        (
            "recvfrom",
            {"fd": 9, "ret": -11, "a": 1, "b": 0x40},
            "recvfrom(9, …, 1, MSG_DONTWAIT, …) = -1 EAGAIN",
        ),
        (
            "socket",
            {"ret": 7, "a": 1, "b": 2 | 0o4000},
            "socket(AF_UNIX, SOCK_DGRAM|SOCK_NONBLOCK, IPPROTO_IP) = 7<unix-dgram>",
        ),
        (
            "openat",
            {"ret": -2, "a": 0o2000101, "blob": b'/a"\x1b'},
            'openat(…, "/a\\"\\x1b", O_WRONLY|O_CREAT|O_CLOEXEC, …) = -1 ENOENT',
        ),
        (
            "openat",
            {"ret": 4, "a": 0, "blob": b"/x", "flags": Flag.BLOB_CUT},
            'openat(…, "/x"…, O_RDONLY) = 4</x>',
        ),
        (
            "fcntl",
            {"fd": 9, "a": 3, "ret": 0o4002},
            "fcntl(9, F_GETFL) = 0x802 (O_RDWR|O_NONBLOCK)",
        ),
        (
            "fcntl",
            {"fd": 9, "a": 4, "b": 0o24002},
            "fcntl(9, F_SETFL, O_RDWR|O_NONBLOCK|O_ASYNC) = 0",
        ),
        (
            "fcntl",
            {"fd": 9, "a": 6, "b": 0x7FFF0000},
            "fcntl(9, F_SETLK, …) = 0",
        ),
        (
            "ioctl",
            {"fd": 9, "a": 0x5421, "b": 1},
            "ioctl(9, FIONBIO, [1]) = 0",
        ),
        (
            "poll",
            {"ret": 1, "a": 2, "c": -1, "watch": [9 | 1 << 32 | 0x11 << 48, 10 | 5 << 32]},
            "poll([{9 POLLIN}, {10 POLLIN|POLLOUT}], 2, -1) = 1 (9 POLLIN|POLLHUP)",
        ),
        (
            "select",
            {"ret": 2, "a": 11, "c": 1_500_000_000, "watch": [9 | 1 << 32 | 1 << 48, 10 | 5 << 32 | 4 << 48]},
            "select(11, [9 10], [10], [], {tv_sec=1, tv_usec=500000}) = 2 (in [9], out [10])",
        ),
        (
            "select",
            {"ret": 1, "a": 11, "c": -1, "flags": Flag.WATCH_UNSEEN},
            "select(11, …, …, …, NULL) = 1 (…)",
        ),
        (
            "epoll_ctl",
            {"fd": 9, "a": 1, "b": 10, "watch": [10, 0x80000001]},
            "epoll_ctl(9, EPOLL_CTL_ADD, 10, {EPOLLIN|EPOLLET, data=0xa}) = 0",
        ),
        (
            "epoll_wait",
            {"fd": 9, "ret": 1, "a": 8, "c": 0, "watch": [77, 0x11]},
            "epoll_wait(9, [{data=0x4d EPOLLIN|EPOLLHUP}], 8, 0) = 1",
        ),
        (
            "epoll_wait",
            {"fd": 9, "ret": 0, "a": 8, "c": 0},
            "epoll_wait(9, [], 8, 0) = 0",
        ),
        (
            "pipe2",
            {"c": 4 | 5 << 32, "a": 0o4000},
            "pipe2([4, 5], O_NONBLOCK) = 0",
        ),
        (
            "futex",
            {"a": 128, "b": 2, "c": -1, "ret": -110},
            "futex(…, FUTEX_WAIT_PRIVATE, 2, NULL, …) = -1 ETIMEDOUT",
        ),
        (
            "clone",
            {"a": 0x1200011, "ret": 4711},
            "clone(CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, …) = 4711",
        ),
        (
            "wait4",
            {"a": 0xFFFFFFFF, "b": 1, "ret": -10},
            "wait4(-1, …, WNOHANG, …) = -1 ECHILD",
        ),
        (
            "clock_nanosleep",
            {"a": 1, "b": 1, "c": 2_000_000_003, "ret": -514},
            "clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, {tv_sec=2, tv_nsec=3}, …) = ? ERESTARTNOHAND",
        ),
        (
            "recvmmsg",
            {"fd": 9, "a": 8, "b": 0x10000, "ret": 3, "c": 2048},
            "recvmmsg(9, …, 8, MSG_WAITFORONE, …) = 3 (2.0 KiB)",
        ),
        (
            "writev",
            {"fd": 9, "a": 700, "b": 7, "ret": 700},
            "writev(9, [… 700 bytes], 7) = 700",
        ),
        (
            "pause",
            {"ret": -514},
            "pause() = ? ERESTARTNOHAND",
        ),
        (
            "shutdown",
            {"fd": 9, "a": 1},
            "shutdown(9, SHUT_WR) = 0",
        ),
    ],
)
def test_arguments_are_those_of_the_call(name: str, columns: dict[str, object], expected: str) -> None:
    (line,) = lines(Story().call(name, 0, 1, **columns))  # type: ignore[arg-type]
    assert line.partition("  ")[0] == expected


def test_every_call_of_the_table_can_be_written() -> None:
    assert len(WRITERS) == len(CALLS)
    story = Story()
    for call in CALLS:
        story.call(call.name, call.code, call.code + 0.5, 0)
    printed = lines(story)
    assert [line.partition("(")[0] for line in printed] == [call.name for call in CALLS]


def test_a_descriptor_is_what_it_was_at_that_moment() -> None:
    story = server().call("close", 30, 31, 0, fd=5)
    story.call("openat", 32, 33, 5, blob=b"/etc/hosts").call("read", 34, 35, 9, fd=5, a=64)
    story.call("dup2", 36, 37, 0, fd=5, a=0).call("read", 38, 39, -9, fd=7, a=64)
    story.row(Kind.TASK_NEW, enter_ns=at(40), tid=101, tgid=101, waker=100, a=100)
    story.call("read", 42, 43, 0, fd=5, a=64, tid=101, tgid=101).call(
        "close", 44, 45, 0, fd=5, tid=101, tgid=101
    )
    story.call("read", 46, 47, 0, fd=5, a=64)
    shown = [line.partition(" =")[0] for line in lines(story)[4:]]
    assert shown == [
        "close(5<tcp 127.0.0.1:8801 ← :53312>)",
        'openat(…, "/etc/hosts", O_RDONLY)',
        "read(5</etc/hosts>, …, 64)",
        "dup2(5</etc/hosts>, 0)",
        "read(7, …, 64)",
        "read(5</etc/hosts>, …, 64)",
        "close(5</etc/hosts>)",
        "read(5</etc/hosts>, …, 64)",
    ]


def test_epoll_s_answer_names_the_descriptor_that_was_registered() -> None:
    story = server().call("epoll_create1", 30, 31, 4)
    story.epoll_add(4, 5, 32, data=0xABCD).epoll_wait(4, 34, 40, [0xABCD], asleep=4)
    assert "epoll_wait(4<epoll>, [{5<tcp 127.0.0.1:8801 ← :53312> EPOLLIN}], 64, -1) = 1" in lines(story)[-1]
    on_five = [line.partition("(")[0] for line in lines(story, Choice(fds=frozenset({5})))]
    assert on_five == ["accept4", "epoll_ctl", "epoll_wait"]
    on_three = [line.partition("(")[0] for line in lines(story, Choice(fds=frozenset({3})))]
    assert on_three == ["socket", "bind", "listen", "accept4"]


def test_a_call_in_flight_is_told_of_at_its_end() -> None:
    story = server()
    story.row(Kind.PENDING, enter_ns=at(100), fd=5, a=9, code=BY_NAME["read"].code)
    story.row(Kind.PENDING, enter_ns=at(200), fd=3, tid=101, code=BY_NAME["accept"].code)
    story.call("read", 100, 700_000, 9, fd=5, a=9, asleep=1)
    story.row(Kind.TASK_EXIT, enter_ns=at(900_000), tid=101, ret=9, a=1)
    printed = lines(story)
    assert printed[-3].startswith("read(5<tcp")
    assert printed[-2] == "accept(3<listen 127.0.0.1:8801>, … <unfinished …>  899.8 ms so far"
    assert printed[-1] == "+++ killed by SIGKILL +++"
    slow = lines(story, Choice(slower_ns=800_000_000))
    assert slow == [printed[-2]]


def test_signals_exits_gaps_and_foreign_calls_have_lines_of_their_own() -> None:
    story = Story()
    story.row(Kind.SIGNAL, enter_ns=at(1), exit_ns=at(19), a=signal.SIGIO, b=1, waker=7)
    story.row(Kind.CALL, enter_ns=at(20), exit_ns=at(21), code=0xFFFF, a=102, ret=0, flags=Flag.FOREIGN)
    story.row(Kind.RING, enter_ns=at(22), exit_ns=at(42), a=27, fd=5, ret=9)
    story.row(Kind.GAP, enter_ns=at(43), exit_ns=at(44), a=23, cpu=1)
    story.row(Kind.TASK_EXIT, enter_ns=at(50), ret=3 << 8, a=1)
    assert lines(story) == [
        "--- SIGIO {si_code=POLL_IN, sent by 7} ---  18 µs: until delivered",
        "32-bit call 102(…) = 0  1.0 µs",
        "io_uring.recv(5) = 9  20 µs: until completed",
        "23 events lost on CPU 1 within 1.0 µs ---",
        "+++ exited with 3 +++",
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(calls=frozenset({BY_NAME["accept4"].code})), ["accept4"]),
        (Choice(failed=True), ["recvfrom"]),
        (Choice(slower_ns=50_000), ["pselect6"]),
        (Choice(threads=frozenset({101})), ["read", "+++ exited +++"]),
        (Choice(processes=frozenset({7})), []),
        (Choice(from_ns=at(150), to_ns=at(160)), ["pselect6"]),
        (Choice(to_ns=at(4)), ["socket", "bind", "listen"]),
        (Choice(from_ns=at(400)), ["read", "+++ exited +++"]),
    ],
)
def test_only_what_is_asked_for(choice: Choice, expected: list[str]) -> None:
    story = server().call("recvfrom", 30, 31, -11, fd=5).call("recvfrom", 32, 33, -512, fd=5)
    story.call("pselect6", 100, 200, 0, a=1, asleep=90).call("read", 400, 401, 1, fd=5, tid=101)
    story.row(Kind.TASK_EXIT, enter_ns=at(500), tid=101, ret=-1)
    printed = lines(story, choice)
    assert [re.sub(r"\(.*", "", line) for line in printed] == expected


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("epoll", 0x80000001, "EPOLLIN|EPOLLET"),
        ("msg", 0x40 | 1 << 30 | 1 << 27, "MSG_DONTWAIT|MSG_CMSG_CLOEXEC|0x8000000"),
        ("type", 1 | 0o2004000, "SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC"),
        ("open", 0o20200002, "O_RDWR|O_TMPFILE"),
        ("open", 0o4010001, "O_WRONLY|O_SYNC"),
        ("domain", 10, "AF_INET6"),
        ("domain", 99, "99"),
        ("lock", 6, "LOCK_EX|LOCK_NB"),
        ("accept", 0, "0"),
    ],
)
def test_flags_have_the_manual_s_names(kind: str, value: int, words: str) -> None:
    assert named(kind, value) == words


def test_signals_have_strace_s_names() -> None:
    assert [signal_name(number) for number in (9, 29, 17, 34, 64, 65)] == [
        "SIGKILL", "SIGIO", "SIGCHLD", "SIGRT_2", "SIGRT_32", "SIG_65",
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(batches())
def test_any_row_at_all_has_one_harmless_line(rows: Batch) -> None:
    assert set(EVENT.names or ()) >= READ - {"watch", "blob"}
    events = from_batches([rows])
    view = Calls(0, EVIDENCE, "x86_64", Choice())
    for paint in (painter("never", False, io.StringIO()), painter("never", True, io.StringIO())):
        printed = [paint(line) for line in view.lines(events)]
        assert all(line[:-1].isprintable() for line in printed)
        calls = np.count_nonzero(np.isin(events["kind"], (Kind.CALL, Kind.RING, Kind.SIGNAL, Kind.TASK_EXIT)))
        assert len(printed) >= calls
