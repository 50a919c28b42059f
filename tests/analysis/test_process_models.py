"""Who serves whom: told by who accepts, who waits on what, who answers, and what becomes of a thread."""

from __future__ import annotations

from typing import Any

import pytest

from iotrace.analysis.model import Act
from probes.events import Kind
from tests.story import Story, at

CLIENTS, MESSAGES, T = 7, 5, 1_000
ERESTARTSYS = -512


def threads(serve: str, end: str = "exits", tid: int = 0) -> Story:
    """A thread is made for each connection that the main thread accepts, and serves it alone.

    ``serve``: it waits in ``read``, on an epoll set or a ring of its own, or on one set for all (``shared``).
    ``end``: what it does when its client has gone.
    """
    story = Story().server(3, 8801).call("epoll_create1", 10, 11, 50)
    for number in range(CLIENTS):
        fd, begin = 10 + number, 100 + 10 * number
        who: dict[str, Any] = {"tid": tid or 201 + number}
        story.accept(3, fd, begin, begin + 1, 5000 + number, nonblocking=serve != "read")
        story.row(Kind.TASK_NEW, enter_ns=at(begin + 2), a=100, waker=100, **who)
        epoll = 50 if serve == "shared" else 60 + number
        if serve in ("epoll", "shared"):
            story.call("epoll_create1", begin + 3, begin + 4, 60 + number, **who)
            story.epoll_add(epoll, fd, begin + 5, **who)
        for message in range(MESSAGES):
            time = T + message * 10 * T + number
            ready = time + 9 * T
            took = {"ready": ready, "copy": ready + 12, "fd": fd, **who}
            if serve == "read":
                story.call("read", time, ready + 20, 9, asleep=9 * T - 5, a=99, **took)
            elif serve == "ring":
                request: dict[str, Any] = {
                    "ready_ns": at(ready),
                    "copy_ns": at(ready + 12),
                    "done_ns": at(ready + 15),
                }
                request |= {"a": 27, "c": 0x1000 + number, "fd": fd, "ret": 9}
                story.call(
                    "io_uring_enter", time, ready + 20, 1, asleep=9 * T - 5, fd=40 + number, a=1, **who
                )
                story.row(Kind.RING, enter_ns=at(time), exit_ns=at(ready + 20), **request, **who)
            else:
                story.epoll_wait(epoll, time, ready + 5, [fd], asleep=9 * T - 5, ready=ready, **who)
                story.call("read", ready + 10, ready + 20, 9, a=99, **took)
        gone = T + MESSAGES * 10 * T
        story.call("close", gone + number, gone + number + 1, 0, fd=fd, **who)
        if end != "exits":
            timeout = -1 if end == "waits" else 3_000_000_000
            story.call("futex", gone + 20, gone + 50 * T, ERESTARTSYS, asleep=49 * T, a=0, c=timeout, **who)
        story.row(Kind.TASK_EXIT, enter_ns=at(gone + (20 if end == "exits" else 50 * T)), ret=0, **who)
    return story


@pytest.mark.parametrize("serve", ["read", "epoll", "ring"])
def test_a_thread_for_each_connection_may_wait_as_it_likes(serve: str) -> None:
    """pyftpdlib's threads have a loop each, stunnel's poll both ends, others a ring."""
    assert threads(serve).analyse().process_model == "thread_per_connection"


def test_threads_that_share_a_set_serve_each_others_connections() -> None:
    """Go: whichever thread waits is told of all connections."""
    assert threads("shared").analyse().process_model == "event_loop_with_workers"


def test_threads_that_wait_for_more_are_a_pool_however_late_they_were_made() -> None:
    """ThreadPoolExecutor makes a thread for each of its first tasks."""
    assert threads("read", end="waits").analyse().process_model == "thread_pool"


def test_threads_that_wait_for_more_with_a_timeout_mean_to_end() -> None:
    """Ruby keeps the threads of its Threads for some seconds."""
    assert threads("read", end="gives up").analyse().process_model == "thread_per_connection"


def datagrams(*receivers: dict[str, Any], answers: str = "", epolls: int = 0, poll: bool = False) -> Story:
    """Datagrams are received in turn, and answered by who received them, or by a new task each."""
    story = Story().socket(4, udp=True)
    for epoll in range(epolls):
        story.call("epoll_create1", 5 + epoll, 6 + epoll, 50 + epoll).epoll_add(50 + epoll, 4, 7 + epoll)
    for who in receivers:
        if who["tgid"] != 100:
            story.row(Kind.TASK_NEW, enter_ns=at(20), a=100, waker=100, **who)
    for i in range(CLIENTS * MESSAGES):
        begin, who = T + i * 10 * T, receivers[i % len(receivers)]
        ready = begin + 9 * T
        if epolls:
            epoll = 50 + i % epolls
            story.epoll_wait(epoll, begin, ready + 5, [4], asleep=9 * T - 5, ready=ready, **who)
        elif poll:
            story.poll(begin, ready + 5, [4], [4], asleep=9 * T - 5, ready=ready, **who)
        at_once = bool(epolls or poll)
        story.call("recvfrom", ready + 10 if at_once else begin, ready + 20, 9, ready=ready, fd=4, a=99,
                   asleep=0 if at_once else 9 * T - 5, **who)  # fmt: skip
        answerer = who
        if answers:
            answerer = {"tid": 500 + i, "tgid": 100 if answers == "threads" else 500 + i}
            story.row(Kind.TASK_NEW, enter_ns=at(ready + 25), a=100, waker=100, **answerer)
        story.call("sendto", ready + 30, ready + 31, 9, fd=4, a=9, **answerer)
    return story


ONE, TWO = {"tid": 100, "tgid": 100}, {"tid": 101, "tgid": 100}
OTHERS = {"tid": 201, "tgid": 201}, {"tid": 202, "tgid": 202}


@pytest.mark.parametrize(
    ("story", "model"),
    [
        (datagrams(ONE), "sequential"),
        (datagrams(ONE, poll=True), "sequential"),
        (datagrams(ONE, epolls=1), "event_loop"),
        (datagrams(ONE, answers="threads", poll=True), "thread_per_request"),
        (datagrams(ONE, answers="processes", poll=True), "process_per_request"),
        (datagrams(ONE, TWO), "thread_pool"),
        (datagrams(ONE, TWO, epolls=2), "event_loop_per_thread"),
        (datagrams(ONE, TWO, epolls=1), "event_loop_with_workers"),
        (datagrams(*OTHERS, epolls=2), "prefork"),
    ],
)
def test_servers_of_datagrams_have_process_models_too(story: Story, model: str) -> None:
    """recvmmsg and Java; a timeout; dnsmasq; socketserver's mix-ins; a pool; unbound; Go; nsd."""
    assert story.analyse().process_model == model


def test_a_pair_of_sockets_beside_clients_datagrams_is_the_programs_own() -> None:
    """nsd's processes talk over pairs; without clients a pair is what there is to tell of."""
    for client in (True, False):
        story = datagrams(ONE) if client else Story()
        story.call("socketpair", 30, 31, 0, a=1, b=1, c=8 | 9 << 32)
        story.row(Kind.TASK_NEW, tid=201, tgid=201, enter_ns=at(40), a=100, waker=100)
        story.call("sendto", 50, 51, 9, fd=8, a=9)
        story.call("read", 60, 61, 9, fd=9, a=9, tid=201, tgid=201)
        assert (Act.RECEIVE in story.analyse().verdicts) is not client


def asking(accepts: bool, serves: bool) -> Story:
    """A name server is asked over a connected datagram socket."""
    story = datagrams(ONE, poll=True) if serves else Story()
    if accepts:
        story.server(3, 8801).accept(3, 9, 50, 51, 5000)
        story.call("recvfrom", 60, 90, 9, asleep=20, ready=85, fd=9, a=99)
    story.socket(7, 100, udp=True).call("connect", 102, 103, 0, fd=7).call("sendto", 104, 105, 9, fd=7, a=9)
    story.call("recvfrom", 110, 140, 9, asleep=20, ready=135, fd=7, a=99)
    return story


@pytest.mark.parametrize(("accepts", "serves"), [(True, False), (False, True), (True, True)])
def test_a_name_server_that_is_asked_is_no_client(accepts: bool, serves: bool) -> None:
    verdicts = asking(accepts, serves).analyse().verdicts
    assert verdicts[Act.RECEIVE_UPSTREAM].operations == 1
    assert (Act.RECEIVE_DATAGRAM in verdicts) is serves


def test_who_only_asks_receives() -> None:
    assert asking(accepts=False, serves=False).analyse().verdicts.keys() == {Act.RECEIVE_DATAGRAM}


@pytest.mark.parametrize(("mixed", "model"), [(False, "sequential"), (True, "unknown")])
def test_one_client_after_the_other_means_that_they_take_turns(mixed: bool, model: str) -> None:
    story = Story().server(3, 8801)
    for number in range(CLIENTS):
        story.accept(3, 10 + number, 10 + 2 * number, 11 + 2 * number, 5000 + number)
    for i in range(CLIENTS * MESSAGES):
        fd = 10 + (i % CLIENTS if mixed else i // MESSAGES)
        story.call("read", T + i * T, T + i * T + 5, 9, ready=T, fd=fd, a=99)
    assert story.analyse().process_model == model
