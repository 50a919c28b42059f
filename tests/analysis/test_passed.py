"""Connections that reach their reader in a message (SCM_RIGHTS), and a program's sockets to itself."""

from __future__ import annotations

import struct

import pytest

from iotrace.analysis import Analysis
from iotrace.analysis.model import Act, Model
from probes.events import Kind
from tests.story import Story, at

MESSAGES = 23
WORKERS = (201, 202)


def unix(path: str) -> bytes:
    """Return a struct sockaddr_un."""
    return struct.pack("=H", 1) + path.encode() + b"\0"


def worked(story: Story, worker: int, fd: int, begin: float) -> None:
    for i in range(MESSAGES):
        at_us = begin + i * 100
        story.call("read", at_us, at_us + 50, 9, asleep=40, ready=at_us + 45, copy=at_us + 46, fd=fd, a=4096,
                   tid=worker, tgid=worker)  # fmt: skip
        story.call("write", at_us + 55, at_us + 56, 9, fd=fd, a=9, tid=worker, tgid=worker)


def master(pairs: bool = True, told: bool = True) -> Story:
    """A master accepts a connection for each worker, and passes both before one of them asks.

    ``pairs``: over a pair of sockets each, which tell whose is whose; else over connections to elsewhere.
    ``told``: the messages' descriptors were seen.
    """
    story = Story().server(3, 8801)
    for number, worker in enumerate(WORKERS):
        ends = (10 + 2 * number, 11 + 2 * number)
        if pairs:
            story.call("socketpair", 20 + number, 20.5 + number, 0, a=1, b=1, c=ends[0] | ends[1] << 32)
        story.row(Kind.TASK_NEW, tid=worker, tgid=worker, a=100, waker=100, enter_ns=at(30 + number))
    for number in range(2):
        time = 100 + 10 * number
        story.accept(3, 7, time, time + 1, 5000 + number)
        story.call("sendmsg", time + 2, time + 3, 1, fd=10 + 2 * number, a=1, watch=[7] if told else None)
        story.call("close", time + 4, time + 5, 0, fd=7)
    for number, worker in reversed(list(enumerate(WORKERS))):
        story.call("recvmsg", 200 - number, 201 - number, 1, fd=11 + 2 * number, a=1, tid=worker, tgid=worker,
                   watch=[5] if told else None)  # fmt: skip
        worked(story, worker, 5, 1_000)
    return story


def test_a_connection_that_was_passed_on_is_the_one_that_was_accepted() -> None:
    analysis = master().analyse()
    verdict = analysis.verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.operations) == (Model.BLOCKING, 2 * MESSAGES)
    assert analysis.process_model == "prefork"
    receives = analysis.operations[analysis.operations["act"] == Act.RECEIVE]
    names = {
        int(worker): analysis.descriptors[int(life)].name
        for worker, life in zip(receives["tgid"], receives["life"], strict=True)
    }
    assert names == {201: "127.0.0.1:8801 ← 127.0.0.1:5000", 202: "127.0.0.1:8801 ← 127.0.0.1:5001"}


def test_it_is_a_connection_even_where_two_are_on_their_way_and_which_is_which_is_unseen() -> None:
    analysis = master(pairs=False).analyse()
    receives = analysis.operations[analysis.operations["act"] == Act.RECEIVE]
    assert set(receives["fd"].tolist()) == {5}  # and not the messages, from sockets that nobody made in sight
    assert len(receives) == 2 * MESSAGES
    found = [analysis.descriptors[life] for life in set(receives["life"].tolist())]
    assert {(each.kind, each.name) for each in found} == {("tcp", "")}


def test_what_came_in_a_message_that_nobody_saw_is_unknown() -> None:
    assert 5 not in master(told=False).analyse().operations["fd"]


def services(outside: int = 0, path: str = "/run/x/auth", asked: str = "auth") -> Analysis:
    """A loop serves clients and asks a service of its own, whose socket others may know too."""
    story = Story().server(3, 8801, nonblocking=True).call("socket", 10, 11, 4, a=1, b=1)
    story.call("bind", 12, 13, 0, fd=4, blob=unix(path)).call("listen", 14, 15, 0, fd=4, a=5)
    story.row(Kind.TASK_NEW, tid=201, tgid=201, a=100, waker=100, enter_ns=at(20))
    story.call("socket", 30, 31, 6, a=1, b=1).call("connect", 32, 33, 0, fd=6, blob=unix(asked))
    for number in range(1 + outside):
        story.call("accept", 40 + number, 41 + number, 7 + number, fd=4, blob=unix(""), tid=201, tgid=201)
    story.accept(3, 8, 60, 61, 5000, nonblocking=True)
    for i in range(MESSAGES):
        begin = 1_000 + i * 1_000
        story.poll(begin, begin + 500, [8, 9], [8], asleep=480, ready=begin + 490)
        story.call("recvfrom", begin + 510, begin + 520, 9, ready=begin + 490, copy=begin + 511, fd=8, a=99)
        story.call("read", begin + 400, begin + 600, 9, asleep=190, ready=begin + 590, fd=7, a=99, tid=201,
                   tgid=201)  # fmt: skip
        story.call("read", begin + 530, begin + 700, 9, asleep=160, ready=begin + 690, fd=6, a=99)
    return story.analyse()


@pytest.mark.parametrize("asked", ["auth", "/run/x/auth"])
def test_what_a_program_says_to_a_socket_of_its_own_is_no_client(asked: str) -> None:
    verdicts = services(asked=asked).verdicts
    assert verdicts.keys() == {Act.RECEIVE, Act.ACCEPT}
    assert (verdicts[Act.RECEIVE].model, verdicts[Act.RECEIVE].operations) == (Model.MULTIPLEXING, MESSAGES)
    assert verdicts[Act.ACCEPT].operations == 1


def test_a_socket_to_which_others_connected_too_has_clients() -> None:
    verdicts = services(outside=1).verdicts
    assert verdicts[Act.ACCEPT].operations == 3
    assert verdicts[Act.RECEIVE].operations == 2 * MESSAGES


def test_a_socket_of_another_path_is_somebody_elses() -> None:
    verdicts = services(asked="/run/y/auth").verdicts
    assert verdicts[Act.ACCEPT].operations == 2
    assert verdicts[Act.RECEIVE_UPSTREAM].operations == MESSAGES
