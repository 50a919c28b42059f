"""The cases that decide whether the rules are right, told in virtual time."""

from __future__ import annotations

import numpy as np

from iotrace.analysis.model import Act, Model
from probes.events import Flag, Kind
from tests.analysis.test_models import row
from tests.story import Story, at

MESSAGES = 23
T = 50_000  # think time in microseconds


def test_try_first_then_epoll_is_multiplexing() -> None:
    """Go, uvloop and edge-triggered loops read until EAGAIN and then wait."""
    story = Story().server(3, 8801).call("epoll_create1", 10, 11, 9)
    story.accept(3, 4, 100, 101, 5000, nonblocking=True).epoll_add(9, 4, 110, data=0xC000123456, mode=1 << 31)
    for i in range(MESSAGES):
        begin = 2_000 + i * 1_000
        story.call("read", begin, begin + 2, -11, fd=4, a=4096)
        story.epoll_wait(9, begin + 5, begin + 600, [0xC000123456], asleep=580, ready=begin + 590)
        story.call("read", begin + 610, begin + 620, 100, ready=begin + 590, copy=begin + 612, fd=4, a=4096)
    verdict = story.analyse().verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.multiplexer, verdict.trigger) == (Model.MULTIPLEXING, "epoll", "edge")
    assert verdict.supporting == MESSAGES


def test_settimeout_is_poll_and_receive() -> None:
    story = Story().socket(4)
    for i in range(MESSAGES):
        begin = 2_000 + i * 1_000
        story.poll(begin, begin + 600, [4], [4], asleep=580, ready=begin + 590, c=5_000_000_000)
        story.call(
            "recvfrom", begin + 610, begin + 620, 100, ready=begin + 590, copy=begin + 612, fd=4, a=100
        )
    verdict = story.analyse().verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.multiplexer) == (Model.MULTIPLEXING, "poll")
    assert "settimeout" in verdict.because


def test_zero_timeout_waits_are_no_polling_of_a_descriptor() -> None:
    """A loop that looks at epoll with timeout 0 between other work and then sleeps in it is multiplexing."""
    story = Story().socket(4).call("epoll_create1", 10, 11, 9).epoll_add(9, 4, 12)
    time = 100.0
    for _ in range(MESSAGES):
        story.epoll_wait(9, time, time + 2, [], c=0)
        story.epoll_wait(9, time + 10, time + 1_000, [4], asleep=980, ready=time + 990)
        story.call("recvfrom", time + 1_010, time + 1_020, 9, ready=time + 990, copy=time + 1_011, fd=4, a=9)
        time += 2_000
    line = row(story.analyse())
    assert line.model is Model.MULTIPLEXING
    assert line.phase1.polling == 0


def test_watched_but_never_waited_for_is_not_multiplexed() -> None:
    story = Story().socket(4).call("epoll_create1", 10, 11, 9).epoll_add(9, 4, 12)
    for i in range(MESSAGES):
        begin = 2_000 + i * 1_000
        story.call("recvfrom", begin, begin + 600, 100, 580, ready=begin + 590, copy=begin + 595, fd=4, a=100)
    assert story.analyse().verdicts[Act.RECEIVE].model is Model.BLOCKING


def test_a_loop_that_hands_to_a_pool_waits_all_the_same() -> None:
    story = Story().server(3, 8801).call("epoll_create1", 10, 11, 9).epoll_add(9, 3, 12)
    for i in range(MESSAGES):
        begin = 1_000 + i * 1_000
        fd = 10 + i
        story.epoll_wait(9, begin, begin + 300, [3], asleep=290, ready=begin + 295)
        story.accept(3, fd, begin + 301, begin + 302, 5000 + i).epoll_add(9, fd, begin + 303)
        story.epoll_wait(9, begin + 310, begin + 700, [fd], asleep=380, ready=begin + 695)
        story.call(
            "recvfrom",
            begin + 720,
            begin + 730,
            9,
            ready=begin + 695,
            copy=begin + 722,
            fd=fd,
            a=9,
            tid=201 + i % 3,
        )
    analysis = story.analyse()
    line = row(analysis)
    assert (line.model, line.operations) == (Model.MULTIPLEXING, MESSAGES)
    assert line.phase1.blocked > 0.95
    assert analysis.process_model == "event_loop_with_workers"


def test_accept_and_receive_may_differ() -> None:
    story = Story().server(3, 8801).call("epoll_create1", 10, 11, 9)
    for i in range(MESSAGES):
        begin = 1_000 + i * 2_000
        fd = 10 + i
        story.established(begin + 900, 5000 + i).accept(3, fd, begin, begin + 1_000, 5000 + i, asleep=950)
        story.epoll_add(9, fd, begin + 1_001)
        story.epoll_wait(9, begin + 1_010, begin + 1_500, [fd], asleep=480, ready=begin + 1_495)
        story.call(
            "recvfrom", begin + 1_510, begin + 1_520, 9, ready=begin + 1_495, copy=begin + 1_511, fd=fd, a=9
        )
    verdicts = story.analyse().verdicts
    assert verdicts[Act.ACCEPT].model is Model.BLOCKING
    assert verdicts[Act.RECEIVE].model is Model.MULTIPLEXING


def test_streams_and_datagrams_are_two_verdicts() -> None:
    story = Story().socket(4).socket(5, 10, udp=True)
    for i in range(MESSAGES):
        begin = 2_000 + i * 2_000
        story.call("recvfrom", begin, begin + 600, 100, 580, ready=begin + 590, copy=begin + 595, fd=4, a=100)
        story.poll(begin + 700, begin + 1_300, [5], [5], asleep=580, ready=begin + 1_290)
        story.call("recvfrom", begin + 1_310, begin + 1_320, 12, ready=begin + 1_290, fd=5, a=100)
    verdicts = story.analyse().verdicts
    assert verdicts[Act.RECEIVE].model is Model.BLOCKING
    assert verdicts[Act.RECEIVE_DATAGRAM].model is Model.MULTIPLEXING
    assert verdicts[Act.RECEIVE_DATAGRAM].operations == MESSAGES


def test_a_change_of_ways_is_mixed_with_its_shares() -> None:
    story = Story().socket(4)
    for i in range(10):
        begin = 2_000 + i * 2_000
        if i < 4:
            story.call("recvfrom", begin, begin + 600, 9, 580, ready=begin + 590, copy=begin + 595, fd=4, a=9)
        else:
            story.poll(begin, begin + 600, [4], [4], asleep=580, ready=begin + 590)
            story.call(
                "recvfrom", begin + 610, begin + 620, 9, ready=begin + 590, copy=begin + 611, fd=4, a=9
            )
    verdict = story.analyse().verdicts[Act.RECEIVE]
    assert verdict.model is Model.MIXED
    assert dict(verdict.shares) == {Model.BLOCKING: 4, Model.MULTIPLEXING: 6}
    assert verdict.supporting + verdict.contradicting == 10


def test_a_child_reads_what_its_parent_accepted_through_dup_and_exec() -> None:
    """inetd: accept in the parent, fork, dup2 to fd 0, exec; the child reads fd 0 and knows no socket."""
    story = Story().server(3, 8801)
    for i in range(MESSAGES):
        begin = 1_000 + i * 5_000
        child = 200 + i
        story.established(begin + 900, 5000 + i).accept(3, 4, begin, begin + 1_000, 5000 + i, asleep=950)
        story.row(Kind.TASK_NEW, enter_ns=at(begin + 1_100), tid=child, tgid=child, a=100, waker=100)
        story.call("dup2", begin + 1_200, begin + 1_201, 0, fd=4, a=0, tid=child, tgid=child)
        story.call("close", begin + 1_202, begin + 1_203, 0, fd=4, tid=child, tgid=child)
        story.call("close", begin + 1_150, begin + 1_151, 0, fd=4)
        story.call(
            "read", begin + 2_000, begin + 3_000, 9, 950, ready=begin + 2_960, copy=begin + 2_990,
            fd=0, a=9, tid=child, tgid=child,
        )  # fmt: skip
    analysis = story.analyse()
    verdict = analysis.verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.operations) == (Model.BLOCKING, MESSAGES)
    assert analysis.process_model == "process_per_connection"
    names = {analysis.descriptors[int(life)].name for life in analysis.operations["life"]}
    assert f"127.0.0.1:8801 ← 127.0.0.1:{5000 + MESSAGES - 1}" in names


def test_continuations_follow_the_first_receive() -> None:
    """The rest of a message, received without another announcement, belongs to the model that found it."""
    story = Story().socket(4)
    for i in range(MESSAGES):
        begin = 2_000 + i * 1_000
        story.select(begin, begin + 600, [4], [4], asleep=580, ready=begin + 590)
        story.call("recvfrom", begin + 610, begin + 620, 50, ready=begin + 590, copy=begin + 611, fd=4, a=50)
        story.call("recvfrom", begin + 630, begin + 640, 50, copy=begin + 631, fd=4, a=50)
    analysis = story.analyse()
    assert analysis.verdicts[Act.RECEIVE].supporting == 2 * MESSAGES
    assert int(analysis.operations["at_once"].sum()) == MESSAGES


def test_data_that_were_always_there_prove_nothing_on_a_nonblocking_descriptor() -> None:
    story = Story().socket(4, nonblocking=True)
    for i in range(MESSAGES):
        story.call("recvfrom", 100 + i * 10, 102 + i * 10, 9, copy=101 + i * 10, fd=4, a=9)
    assert story.analyse().verdicts[Act.RECEIVE].model is Model.UNKNOWN


def test_a_peek_is_no_receive() -> None:
    story = Story().socket(4)
    story.call("recvfrom", 100, 900, 9, 780, ready=890, copy=895, fd=4, a=9, b=2)
    story.call("recvfrom", 910, 920, 9, copy=911, fd=4, a=9)
    assert len(story.analyse().operations) == 1


def test_an_interrupted_receive_began_before_the_interruption() -> None:
    story = Story().socket(4)
    story.call("recvfrom", 100, 500, -512, 390, fd=4, a=9)
    story.call("recvfrom", 510, 900, 9, 380, ready=895, copy=898, fd=4, a=9)
    operations = story.analyse().operations
    assert len(operations) == 1
    assert operations["begin_ns"][0] == at(100)
    assert operations["tries"][0] == 0


def test_a_receive_after_another_open_belongs_to_the_new_life() -> None:
    story = Story().server(3, 8801)
    for i in range(MESSAGES):
        begin = 1_000 + i * 1_000
        story.accept(3, 4, begin, begin + 1, 5000 + i)
        story.call("recvfrom", begin + 10, begin + 100, 9, 80, ready=begin + 95, copy=begin + 97, fd=4, a=9)
        story.call("close", begin + 110, begin + 111, 0, fd=4)
    analysis = story.analyse()
    receives = analysis.operations[analysis.operations["act"] == Act.RECEIVE]
    assert len(np.unique(receives["life"])) == MESSAGES
    ports = {analysis.descriptors[int(life)].name.rpartition(":")[2] for life in receives["life"]}
    assert ports == {str(5000 + i) for i in range(MESSAGES)}


def test_order_of_answers() -> None:
    """Five clients send 5 4 3 2 1 while the server is busy: it answers 1 2 3 4 5, by descriptor."""
    story = Story().server(3, 8801)
    for i in range(5):
        story.accept(3, 4 + i, 100 + i * 10, 101 + i * 10, 5001 + i)
    story.select(10_000, 10_010, [3, 4, 5, 6, 7, 8], [4, 5, 6, 7, 8])
    for i in range(5):
        time = 10_020 + i * 20
        story.call("recvfrom", time, time + 5, 9, ready=9_000 - i * 100, copy=time + 1, fd=4 + i, a=1024)
        story.call("sendto", time + 8, time + 9, 9, fd=4 + i, a=9)
    order = story.analyse().order
    assert "arrived in the order 5 4 3 2 1" in order
    assert "answered 1 2 3 4 5" in order


def test_a_loop_that_wakes_itself_through_a_socketpair_has_no_such_client() -> None:
    story = Story().call("socketpair", 1, 2, 0, a=1, b=1 | 0o4000, c=5 | 6 << 32).socket(4)
    for i in range(MESSAGES):
        begin = 2_000 + i * 1_000
        story.select(begin, begin + 600, [4, 5], [4], asleep=580, ready=begin + 590)
        story.call("recvfrom", begin + 610, begin + 620, 50, ready=begin + 590, copy=begin + 611, fd=4, a=50)
        story.call("sendto", begin + 630, begin + 631, 1, fd=6, a=1)
        story.select(begin + 640, begin + 650, [4, 5], [5])
        story.call("recvfrom", begin + 660, begin + 670, 1, ready=begin + 631, copy=begin + 661, fd=5, a=4096)
    assert story.analyse().verdicts[Act.RECEIVE].operations == MESSAGES


def test_a_socketpair_between_processes_is_a_dialogue() -> None:
    story = Story().call("socketpair", 1, 2, 0, a=1, b=1, c=5 | 6 << 32).socket(4)
    story.row(Kind.TASK_NEW, enter_ns=at(10), tid=200, tgid=200, a=100, waker=100)
    for i in range(MESSAGES):
        begin = 2_000 + i * 1_000
        story.call("sendto", begin, begin + 5, 1, fd=6, a=1, tid=200, tgid=200)
        story.call("recvfrom", begin + 10, begin + 20, 1, ready=begin + 5, copy=begin + 15, fd=5, a=1)
        story.call("recvfrom", begin + 30, begin + 40, 1, ready=begin + 5, copy=begin + 35, fd=4, a=1)
    assert story.analyse().verdicts[Act.RECEIVE].operations == 2 * MESSAGES


def test_level_and_edge_in_one_server_are_mixed() -> None:
    story = Story().socket(4).socket(5, 3).call("epoll_create1", 10, 11, 9)
    story.epoll_add(9, 4, 12).epoll_add(9, 5, 14, mode=1 << 31)
    for i in range(MESSAGES):
        begin, fd = 2_000 + i * 1_000, 4 + i % 2
        story.epoll_wait(9, begin, begin + 600, [fd], asleep=580, ready=begin + 590)
        story.call("recvfrom", begin + 610, begin + 620, 9, ready=begin + 590, copy=begin + 611, fd=fd, a=9)
    assert story.analyse().verdicts[Act.RECEIVE].trigger == "mixed"


def test_data_that_come_between_the_look_and_the_call_did_not_make_it_sleep() -> None:
    story = Story(accounted=True).socket(4, nonblocking=True)
    for i in range(MESSAGES):
        begin = 2_000 + i * 1_000
        story.call("recvfrom", begin, begin + 5, -11, fd=4, a=9, flags=Flag.EMPTY_AT_ENTRY)
        flags = Flag.EMPTY_AT_ENTRY if i == 7 else Flag.READY_AT_ENTRY
        story.call("recvfrom", begin + 500, begin + 510, 9, fd=4, a=9, flags=flags)
    verdict = story.analyse().verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.contradicting) == (Model.NONBLOCKING, 0)
