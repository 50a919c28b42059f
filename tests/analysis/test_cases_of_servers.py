"""Cases that real servers brought: each is what one of them does, told in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from iotrace.analysis.model import Act, Model, Verdict
from iotrace.analysis.readiness import EPOLLET
from probes.events import Flag, Kind
from tests.story import Story, at

MESSAGES = 23


def test_a_mode_that_is_changed_later_says_nothing_of_before() -> None:
    """gunicorn sets a connection to non-blocking when it is done with it."""
    story = Story().server(3, 8801, nonblocking=True)
    for i in range(MESSAGES):
        begin, fd = 1_000 + i * 1_000, 10 + i
        story.accept(3, fd, begin, begin + 1, 5000 + i)
        story.call("ioctl", begin + 2, begin + 3, 0, fd=fd, a=0x5421, b=0)
        story.call("recvfrom", begin + 10, begin + 20, 9, ready=begin + 5, copy=begin + 12, fd=fd, a=9)
        story.call("ioctl", begin + 30, begin + 31, 0, fd=fd, a=0x5421, b=1)
    verdict = story.analyse().verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.supporting) == (Model.BLOCKING, MESSAGES)


def through_a_ring(ring: bool) -> Story:
    """libuv: epoll_ctl by io_uring, so that epoll_wait names descriptors that nothing in sight registered."""
    story = Story().server(3, 8801, nonblocking=True).call("epoll_create1", 10, 11, 9)
    if ring:
        story.call("io_uring_setup", 12, 13, 8, a=256)
    story.accept(3, 12, 20, 21, 5000, nonblocking=True)
    for i in range(MESSAGES):
        begin = 1_000 + i * 1_000
        story.epoll_wait(9, begin, begin + 500, [12], asleep=480, ready=begin + 490)
        story.call("read", begin + 510, begin + 520, 9, ready=begin + 490, copy=begin + 511, fd=12, a=9)
    return story


def test_an_epoll_ctl_through_io_uring_is_told_by_the_events_numbers() -> None:
    verdict = through_a_ring(True).analyse().verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.multiplexer, verdict.trigger) == (Model.MULTIPLEXING, "epoll", None)
    assert verdict.supporting == MESSAGES
    assert f"of {MESSAGES} the epoll_ctl was an io_uring request, unseen" in verdict.because


def test_without_a_ring_a_number_is_no_evidence() -> None:
    assert through_a_ring(False).analyse().verdicts[Act.RECEIVE].model is Model.UNKNOWN


def attached_to_a_loop(ring: bool, listener: int = 3, entered: bool = False) -> Verdict:
    """The same loop, found running: what it had open, and had registered with which bits, was told."""
    story = Story(accounted=True)
    for fd, text, watch in (
        (3, b"listen 127.0.0.1:8801", None),
        (9, b"anon_inode:[eventpoll]", [3 | (1 | EPOLLET) << 32, listener]),
        *([(8, b"anon_inode:[io_uring]", None)] if ring else []),
    ):
        story.row(Kind.DESCRIPTOR, enter_ns=at(0), fd=fd, blob=text, watch=watch, a=0o4002)
    if entered:
        story.call("io_uring_enter", 5, 6, 1, fd=7, a=1)
    for i in range(MESSAGES):
        begin = 1_000 + i * 5_000
        story.epoll_wait(9, begin, begin + 1_000, [listener], asleep=900)
        story.accept(3, 12, begin + 1_010, begin + 1_020, 5000 + i, nonblocking=True)
        story.epoll_wait(9, begin + 1_100, begin + 2_000, [12], asleep=800)
        story.call("read", begin + 2_010, begin + 2_020, 9, fd=12, a=9)
        story.call("close", begin + 2_030, begin + 2_031, 0, fd=12)
    verdicts = story.analyse().verdicts
    accepts = verdicts[Act.ACCEPT]
    assert (accepts.model, accepts.multiplexer, accepts.trigger) == (Model.MULTIPLEXING, "epoll", "edge")
    assert "io_uring" not in accepts.because
    return verdicts[Act.RECEIVE]


@pytest.mark.parametrize(("ring", "entered"), [(True, False), (False, True)], ids=["found", "entered"])
def test_a_ring_that_was_there_before_the_tracer_is_one(ring: bool, entered: bool) -> None:
    verdict = attached_to_a_loop(ring, entered=entered)
    assert (verdict.model, verdict.multiplexer, verdict.trigger) == (Model.MULTIPLEXING, "epoll", None)
    assert verdict.supporting == MESSAGES
    assert f"of {MESSAGES} the epoll_ctl was an io_uring request, unseen" in verdict.because


def test_a_number_is_no_evidence_where_nobody_has_a_ring() -> None:
    assert attached_to_a_loop(ring=False).model is Model.UNKNOWN


def test_a_number_is_no_evidence_in_a_set_that_is_registered_otherwise() -> None:
    """What was found in the set has other bits than its number: a program with numbers of its own."""
    assert attached_to_a_loop(ring=True, listener=77).model is Model.UNKNOWN


def test_what_goes_through_a_ring_that_was_there_before_the_tracer_is_said_to_be_unseen() -> None:
    story = Story(accounted=True)
    for i in range(MESSAGES):
        story.call("io_uring_enter", 1_000 + i * 1_000, 1_900 + i * 1_000, 1, 850, fd=7, a=1)
    verdict = story.analyse().verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.operations) == (Model.UNKNOWN, 0)
    assert f"io_uring_enter ran {MESSAGES} times" in verdict.because


def test_what_another_thread_found_in_vain_does_not_undo_an_announcement() -> None:
    """haproxy: two threads are told of each connection, each by its own epoll; one finds nothing."""
    story = Story().server(3, 8801, nonblocking=True)
    for thread, epoll in ((201, 8), (202, 9)):
        story.call("epoll_create1", 10, 11, epoll, tid=thread).epoll_add(epoll, 3, 12)
    for i in range(MESSAGES):
        begin, fd = 1_000 + i * 1_000, 10 + i
        for thread, epoll in ((201, 8), (202, 9)):
            story.epoll_wait(epoll, begin, begin + 500, [3], asleep=480, ready=begin + 490, tid=thread)
        first, second = (201, 202) if i % 2 else (202, 201)
        story.accept(3, fd, begin + 520, begin + 521, 5000 + i, nonblocking=True, tid=first)
        story.call("accept4", begin + 540, begin + 541, -11, fd=3, tid=second)
        if i % 3 == 0:  # the one that was late is told of another, which came meanwhile
            story.accept(3, fd + 500, begin + 560, begin + 561, 6000 + i, nonblocking=True, tid=first)
        for thread, epoll in ((201, 8), (202, 9)):
            story.epoll_wait(epoll, begin + 600, begin + 601, [], tid=thread)
    verdict = story.analyse().verdicts[Act.ACCEPT]
    assert (verdict.model, verdict.contradicting) == (Model.MULTIPLEXING, 0)


def workers(shared: bool) -> Story:
    """Two threads in a loop each, with an epoll set of their own (haproxy) or one for both (Go)."""
    story = Story().server(3, 8801, nonblocking=True).call("epoll_create1", 10, 11, 8)
    story.call("epoll_create1", 12, 13, 9)
    for i in range(MESSAGES):
        begin, fd, thread = 1_000 + i * 1_000, 10 + i, 201 + i % 2
        epoll = 8 if shared else 8 + i % 2
        story.epoll_add(epoll, 3, begin - 10)
        story.epoll_wait(epoll, begin, begin + 300, [3], asleep=290, ready=begin + 295, tid=thread)
        story.accept(3, fd, begin + 301, begin + 302, 5000 + i, nonblocking=True, tid=thread)
        story.epoll_add(epoll, fd, begin + 303)
        story.epoll_wait(epoll, begin + 310, begin + 700, [fd], asleep=380, ready=begin + 695, tid=thread)
        story.call("recvfrom", begin + 720, begin + 730, 9, ready=begin + 695, copy=begin + 722, fd=fd, a=9,
                   tid=thread)  # fmt: skip
    return story


def test_a_loop_in_each_thread_has_a_set_of_its_own() -> None:
    assert workers(shared=False).analyse().process_model == "event_loop_per_thread"
    assert workers(shared=True).analyse().process_model == "event_loop_with_workers"


def test_threads_that_select_for_themselves_are_loops_of_their_own() -> None:
    story = Story().server(3, 8801, nonblocking=True)
    for i in range(MESSAGES):
        begin, fd, thread = 1_000 + i * 1_000, 10 + i, 201 + i % 2
        story.select(begin, begin + 300, [3, 4], [3], asleep=290, ready=begin + 295, tid=thread)
        story.accept(3, fd, begin + 301, begin + 302, 5000 + i, nonblocking=True, tid=thread)
        story.select(begin + 310, begin + 700, [3, fd], [fd], asleep=380, ready=begin + 695, tid=thread)
        story.call("recvfrom", begin + 720, begin + 730, 9, ready=begin + 695, copy=begin + 722, fd=fd, a=9,
                   tid=thread)  # fmt: skip
    assert story.analyse().process_model == "event_loop_per_thread"


def test_what_a_thread_was_told_before_its_last_wait_is_over() -> None:
    """It was told once and another took the data; much later it finds some that nobody announced to it."""
    story = Story().server(3, 8801).accept(3, 4, 10, 20, 5000, nonblocking=True)
    story.poll(100, 200, [4, 5], [4], asleep=90, ready=195, tid=202)
    for i in range(MESSAGES):
        begin = 1_000 + i * 1_000
        story.poll(begin, begin + 100, [4, 5], [4], asleep=90, ready=begin + 95, tid=201)
        story.call(
            "recvfrom", begin + 110, begin + 120, 9, ready=begin + 95, copy=begin + 112, fd=4, a=9, tid=201
        )
        story.poll(begin + 200, begin + 201, [5, 6], [5], tid=202)
    end = 1_000 + MESSAGES * 1_000
    story.call("recvfrom", end, end + 10, 9, ready=end - 5, copy=end + 2, fd=4, a=9, tid=202)
    analysis = story.analyse()
    last = analysis.operations[len(analysis.operations) - 1]
    assert (last["tid"], last["wait"]) == (202, -1)
    assert last["begin_ns"] == at(end)


def preforked(control: bool) -> Story:
    """A worker takes all connections; the other asked as well, or only elsewhere (gunicorn's control)."""
    story = Story().server(3, 8801, nonblocking=True)
    for worker in (201, 202):
        story.row(Kind.TASK_NEW, enter_ns=at(20), tid=worker, tgid=worker, a=100, waker=100)
    if control:
        story.call("socket", 30, 31, 7, a=1, b=1, tid=202, tgid=202)
        story.call("listen", 32, 33, 0, fd=7, a=5, tid=202, tgid=202)
    story.call("accept4", 40, 41, -11, fd=7 if control else 3, tid=202, tgid=202)
    for i in range(MESSAGES):
        begin, fd = 1_000 + i * 1_000, 10 + i
        me: dict[str, Any] = {"tid": 201, "tgid": 201}
        story.select(begin, begin + 300, [3], [3], asleep=290, ready=begin + 295, **me)
        story.accept(3, fd, begin + 301, begin + 302, 5000 + i, **me)
        story.select(begin + 310, begin + 700, [3, fd], [fd], asleep=380, ready=begin + 695, **me)
        story.call(
            "recvfrom", begin + 720, begin + 730, 9, ready=begin + 695, copy=begin + 722, fd=fd, a=9, **me
        )
    return story


def test_who_asks_the_same_socket_is_a_worker_even_if_it_gets_nothing() -> None:
    assert preforked(control=False).analyse().process_model == "prefork"
    assert preforked(control=True).analyse().process_model == "event_loop"


def test_a_pair_between_processes_is_inside_where_clients_were_accepted() -> None:
    """socat runs cat behind a socketpair; nginx's master talks to its workers by one."""
    story = Story().server(3, 8801).accept(3, 4, 10, 20, 5000)
    story.call("socketpair", 30, 31, 0, a=1, b=1, c=5 | 6 << 32)
    story.row(Kind.TASK_NEW, enter_ns=at(40), tid=200, tgid=200, a=100, waker=100)
    for i in range(MESSAGES):
        begin = 2_000 + i * 1_000
        story.call("recvfrom", begin, begin + 100, 9, asleep=80, ready=begin + 85, copy=begin + 90, fd=4, a=9)
        story.call("sendto", begin + 200, begin + 205, 9, fd=5, a=9)
        story.call("read", begin + 210, begin + 220, 9, ready=begin + 205, copy=begin + 215, fd=6, a=9,
                   tid=200, tgid=200)  # fmt: skip
    verdict = story.analyse().verdicts[Act.RECEIVE]
    assert (verdict.operations, verdict.supporting) == (MESSAGES, MESSAGES)


def test_a_poll_of_one_descriptor_is_a_timeout_and_no_loop() -> None:
    """cheroot: a pool of threads, each with settimeout()."""
    story = Story().server(3, 8801)
    for i in range(MESSAGES):
        begin, fd, thread = 1_000 + i * 1_000, 10 + i, 201 + i % 3
        story.accept(3, fd, begin, begin + 300, 5000 + i, asleep=280)
        story.poll(begin + 310, begin + 700, [fd], [fd], asleep=380, ready=begin + 695, tid=thread)
        story.call("recvfrom", begin + 720, begin + 730, 9, ready=begin + 695, copy=begin + 722, fd=fd, a=9,
                   tid=thread)  # fmt: skip
    assert story.analyse().process_model == "thread_pool"


def on_a_ring(own_table: bool) -> Story:
    """ucall: a kernel thread accepts and receives; no call ever returns a connection's number."""
    story = Story().socket(4).call("listen", 2, 3, 0, fd=4, a=5).call("io_uring_setup", 5, 6, 3, a=64, b=2)
    ring: dict[str, Any] = {"tid": 201, "tgid": 100, "b": 7}
    for i in range(MESSAGES):
        begin, peer = 1_000 + i * 1_000, 5000 + i
        story.row(Kind.RING, enter_ns=at(begin), exit_ns=at(begin + 300), a=13, ret=5, fd=4, **ring)
        story.established(begin + 290, peer)
        columns = ring | {"sk": peer, "fd": -1 if own_table else 5, "ret": 64, "a": 4, "waker": 201}
        columns |= {"ready_ns": at(begin + 500), "copy_ns": at(begin + 510), "done_ns": at(begin + 515)}
        columns |= {"flags": Flag.BY_WORKER}
        story.row(Kind.RING, enter_ns=at(begin + 310), exit_ns=at(begin + 520), **columns)
        story.row(Kind.RING, enter_ns=at(begin + 530), exit_ns=at(begin + 540), **(columns | {"ret": 0}))
    return story


def test_what_io_uring_accepted_is_a_connection() -> None:
    """READ_FIXED is a receive there: the same opcode reads files."""
    analysis = on_a_ring(own_table=False).analyse()
    for act in (Act.ACCEPT, Act.RECEIVE):
        verdict = analysis.verdicts[act]
        assert (verdict.model, verdict.operations) == (Model.ASYNCHRONOUS, MESSAGES)
    assert analysis.process_model == "event_loop"
    names = [each.name for each in analysis.descriptors if each.kind == "tcp"]
    assert names == [f"0.0.0.0:8801 ← 0.0.0.0:{5000 + i}" for i in range(MESSAGES)]
    assert [each.fd for each in analysis.descriptors if each.kind == "listen"] == [4]


def test_places_in_a_rings_own_table_are_no_descriptors() -> None:
    analysis = on_a_ring(own_table=True).analyse()
    assert [each.fd for each in analysis.descriptors] == [4, 3]
    assert analysis.verdicts[Act.ACCEPT].operations == MESSAGES


def test_a_multishot_accept_waits_from_one_connection_to_the_next() -> None:
    story = Story().server(3, 8801).call("io_uring_setup", 10, 11, 7, a=8)
    for i in range(MESSAGES):
        story.row(Kind.RING, enter_ns=at(20), exit_ns=at(1_000 * (i + 1)), a=13, ret=10 + i, fd=3, b=7)
    waits = story.analyse().operations
    assert waits["begin_ns"].tolist() == [at(20), *(at(1_000 * (i + 1)) for i in range(MESSAGES - 1))]


def test_requests_that_a_polling_thread_took_are_said_to_be_unseen() -> None:
    story = Story(accounted=True).server(3, 8801).call("io_uring_setup", 10, 11, 7, a=8, b=2)
    verdict = story.analyse().verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.operations) == (Model.UNKNOWN, 0)
    assert "IORING_SETUP_SQPOLL): this probe cannot see" in verdict.because


def through_a_copy(seen: bool) -> Story:
    """mio (Rust): epoll_ctl goes through a copy of the epoll descriptor, made in sight or before."""
    story = Story().server(3, 8801, nonblocking=True)
    if seen:
        story.call("epoll_create1", 10, 11, 8).call("fcntl", 12, 13, 9, fd=8, a=1030, b=3)
    story.accept(3, 12, 20, 21, 5000, nonblocking=True).epoll_add(9, 12, 22, data=0x7F0080, mode=EPOLLET)
    for i in range(MESSAGES):
        begin = 1_000 + i * 1_000
        story.epoll_wait(8, begin, begin + 500, [0x7F0080], asleep=480, ready=begin + 490)
        story.call("recvfrom", begin + 510, begin + 520, 9, ready=begin + 490, copy=begin + 511, fd=12, a=9)
        story.call("recvfrom", begin + 530, begin + 531, -11, fd=12, a=9)
    return story


@pytest.mark.parametrize("seen", [True, False])
def test_a_copy_of_an_epoll_descriptor_registers_for_the_original(seen: bool) -> None:
    verdict = through_a_copy(seen).analyse().verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.multiplexer, verdict.trigger) == (Model.MULTIPLEXING, "epoll", "edge")
    assert verdict.supporting == MESSAGES


def test_another_set_with_the_same_bits_announces_nothing() -> None:
    """It is waited on: what it was given is of its own events."""
    story = through_a_copy(False).epoll_wait(9, 5, 6, [0x7F0080])
    assert story.analyse().verdicts[Act.RECEIVE].model is Model.NONBLOCKING


def test_workers_made_alike_are_told_of_their_own_connections() -> None:
    """granian: forked workers have the same addresses, so the same bits; one registers where one waits."""
    story = Story()
    for tgid, waits, registers, fd in ((100, 8, 9, 12), (101, 9, 11, 14)):
        worker = {"tid": tgid, "tgid": tgid}
        story.accept(3, fd, 20, 21, 5000 + tgid, nonblocking=True, **worker)
        story.epoll_add(registers, fd, 22, data=0x7F0080, mode=EPOLLET, **worker)
        for i in range(MESSAGES):
            begin = 1_000 + i * 1_000
            story.epoll_wait(waits, begin, begin + 500, [0x7F0080], asleep=480, ready=begin + 490, **worker)
            taken = {"ready": begin + 490, "copy": begin + 511, "fd": fd, "a": 9, **worker}
            story.call("recvfrom", begin + 510, begin + 520, 9, **taken)
            story.call("recvfrom", begin + 530, begin + 531, -11, fd=fd, a=9, **worker)
    verdict = story.analyse().verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.supporting) == (Model.MULTIPLEXING, 2 * MESSAGES)


def test_the_kernel_is_no_client() -> None:
    """getaddrinfo(3) asks the kernel for its addresses over netlink(7), as Apache and h2o do at first."""
    story = Story().call("socket", 1, 2, 5, a=16, b=3)
    story.call("recvmsg", 3, 4, 396, fd=5).call("recvmsg", 5, 6, 20, fd=5)
    assert Act.RECEIVE not in story.analyse().verdicts


def test_a_server_of_datagrams_is_a_loop_too_and_its_pipe_no_client() -> None:
    """dnsmasq: poll over a UDP socket and the pipe of its signal handler."""
    story = Story().socket(4, udp=True).call("pipe2", 5, 6, 0, c=8 | 9 << 32)
    for i in range(MESSAGES):
        begin = 1_000 + i * 1_000
        found = [4] if i else [8]
        story.poll(begin, begin + 500, [4, 8], found, asleep=480, ready=begin + 490)
        story.call("recvmsg" if i else "read", begin + 510, begin + 520, 12, fd=found[0])
    analysis = story.analyse()
    assert analysis.process_model == "event_loop"
    assert Act.RECEIVE not in analysis.verdicts
    assert analysis.verdicts[Act.RECEIVE_DATAGRAM].supporting == MESSAGES - 1
