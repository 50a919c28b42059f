"""A receive with MSG_PEEK takes nothing; what a process waits for in it belongs to the receive that does."""

from __future__ import annotations

import pytest

from iotrace.analysis import Analysis
from iotrace.analysis.model import Act, Basis, Model
from probes.events import Kind
from tests.story import Story, at

MESSAGES = 23
PEEK, DONTWAIT = 2, 0x40

each_probe = pytest.mark.parametrize("accounted", [False, True], ids=["bpf", "ptrace"])


def peek(story: Story, begin: float, end: float, ret: int = 9, asleep: float = 0, **more: object) -> None:
    story.call("recvfrom", begin, end, ret, asleep, **{"fd": 4, "a": 99, "b": PEEK, **more})  # type: ignore[arg-type]


def waited_us(analysis: Analysis) -> list[float]:
    op = analysis.operations
    return [each / 1_000 for each in (op["ready_ns"] - op["begin_ns"]).tolist()]


@each_probe
def test_the_sleep_in_a_peek_is_the_wait_of_the_receive_after_it(accounted: bool) -> None:
    story = Story(accounted=accounted).socket(4)
    for i in range(MESSAGES):
        begin = 2_000 + i * 5_000
        peek(story, begin, begin + 1_000, 9, 900, ready=begin + 890, copy=begin + 950)
        story.call("read", begin + 1_010, begin + 1_030, 9, ready=begin + 890, copy=begin + 1_015, fd=4, a=9)
    analysis = story.analyse()
    op = analysis.operations
    assert len(op) == MESSAGES
    assert op["begin_ns"].tolist() == [at(2_000 + i * 5_000) for i in range(MESSAGES)]
    assert waited_us(analysis) == pytest.approx([900 if accounted else 890] * MESSAGES)
    assert set(op["ready_basis"].tolist()) == {Basis.BOUNDED if accounted else Basis.MEASURED}
    assert not op["at_once"].any()
    assert op["in_transfer_ns"].tolist() == (op["ready_ns"] - op["begin_ns"]).tolist()
    copied = 1_010 if accounted else 1_015
    assert op["copy_ns"].tolist() == [at(2_000 + i * 5_000 + copied) for i in range(MESSAGES)]
    (row,) = analysis.matrix
    assert (row.model, row.operations, row.bytes) == (Model.BLOCKING, MESSAGES, 9 * MESSAGES)
    assert (row.phase1.blocked, row.phase1.blocked_in, row.phase2.blocked_in) == (1.0, "recvfrom", "read")
    verdict = analysis.verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.supporting) == (Model.BLOCKING, MESSAGES)
    assert "read itself: 0 slept in it, 23 before it in recvfrom with MSG_PEEK, 0 found" in verdict.because


def test_a_peek_that_found_its_data_there_waited_for_nothing() -> None:
    story = Story().socket(4)
    peek(story, 100, 110)
    story.call("read", 120, 130, 9, ready=50, copy=121, fd=4, a=9)
    op = story.analyse().operations
    assert (op["begin_ns"][0], bool(op["at_once"][0]), op["wait"][0]) == (at(120), True, -1)


@each_probe
def test_the_rest_of_a_message_was_not_waited_for_again(accounted: bool) -> None:
    story = Story(accounted=accounted).socket(4)
    peek(story, 100, 1_100, 18, 950, ready=1_050)
    story.call("read", 1_110, 1_120, 9, ready=1_050, copy=1_111, fd=4, a=9)
    peek(story, 1_130, 1_140)
    story.call("read", 1_150, 1_160, 9, copy=1_151, fd=4, a=9)
    analysis = story.analyse()
    assert waited_us(analysis) == pytest.approx([950, 0])
    assert analysis.operations["at_once"].tolist() == [False, True]
    assert "1 found" in analysis.verdicts[Act.RECEIVE].because


@each_probe
def test_a_peek_that_no_receive_follows_is_no_operation(accounted: bool) -> None:
    """The next connection has the same number: what was waited for on the one before is not its own."""
    story = Story(accounted=accounted).server(3, 8801).accept(3, 4, 100, 110, 5000)
    peek(story, 120, 2_000, 9, 1_800, ready=1_950)
    story.call("close", 2_010, 2_011, 0, fd=4).accept(3, 4, 2_100, 2_110, 5001)
    story.call("read", 2_120, 2_130, 9, ready=2_105, copy=2_121, fd=4, a=9)
    op = story.analyse().operations
    op = op[op["act"] == Act.RECEIVE]
    assert (op["begin_ns"].tolist(), op["ready_ns"].tolist()) == ([at(2_120)], [at(2_120)])


@each_probe
def test_an_end_of_file_that_was_peeked_at_is_none_either(accounted: bool) -> None:
    story = Story(accounted=accounted).socket(4)
    peek(story, 100, 1_100, 0, 950, ready=1_050)
    story.call("read", 1_110, 1_120, 0, fd=4, a=9)
    assert not len(story.analyse().operations)


@each_probe
def test_one_thread_peeks_and_another_reads(accounted: bool) -> None:
    story = Story(accounted=accounted).socket(4)
    for i in range(MESSAGES):
        begin = 2_000 + i * 5_000
        peek(story, begin, begin + 1_000, 9, 900, ready=begin + 890, tid=101)
        story.call("read", begin + 1_200, begin + 1_220, 9, copy=begin + 1_210, fd=4, a=9, tid=102)
    analysis = story.analyse()
    op = analysis.operations
    assert waited_us(analysis) == pytest.approx([900 if accounted else 890] * MESSAGES)
    assert op["in_transfer_ns"].tolist() == (op["ready_ns"] - op["begin_ns"]).tolist()
    assert (set(op["waiter"].tolist()), set(op["tid"].tolist())) == ({101}, {102})
    assert set(op["model"].tolist()) == {Model.BLOCKING}


@each_probe
def test_a_process_may_peek_at_what_its_child_reads(accounted: bool) -> None:
    story = Story(accounted=accounted).server(3, 8801).accept(3, 4, 100, 110, 5000)
    peek(story, 120, 2_000, 9, 1_800, ready=1_950)
    story.row(Kind.TASK_NEW, enter_ns=at(2_050), tid=200, tgid=200, a=100, waker=100)
    story.call("read", 2_120, 2_130, 9, copy=2_121, fd=4, a=9, tid=200, tgid=200)
    op = story.analyse().operations
    op = op[op["act"] == Act.RECEIVE]
    assert (op["begin_ns"].tolist(), op["waiter"].tolist(), op["tgid"].tolist()) == ([at(120)], [100], [200])


@each_probe
def test_what_another_took_is_not_what_a_peek_was_woken_for(accounted: bool) -> None:
    """Two threads sleep for the same data, and one has them; what comes next nobody waited for."""
    story = Story(accounted=accounted).socket(4)
    story.call("read", 100, 1_110, 9, 960, ready=1_060, copy=1_090, fd=4, a=9, tid=102)
    peek(story, 50, 1_105, 9, 1_010, ready=1_060, tid=101)
    story.call("read", 1_500, 1_510, 9, ready=1_400, copy=1_501, fd=4, a=9, tid=101)
    analysis = story.analyse()
    assert waited_us(analysis) == pytest.approx([960, 0])
    assert analysis.operations["begin_ns"].tolist() == [at(100), at(1_500)]


@each_probe
def test_a_poll_that_announced_what_is_then_peeked_at(accounted: bool) -> None:
    story = Story(accounted=accounted).socket(4)
    for i in range(MESSAGES):
        begin = 2_000 + i * 5_000
        story.poll(begin, begin + 1_000, [4], [4], asleep=900, ready=begin + 890)
        peek(story, begin + 1_010, begin + 1_020, ready=begin + 890)
        story.call("read", begin + 1_030, begin + 1_040, 9, ready=begin + 890, copy=begin + 1_031, fd=4, a=9)
    analysis = story.analyse()
    verdict = analysis.verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.multiplexer, verdict.supporting) == (Model.MULTIPLEXING, "poll", MESSAGES)
    assert analysis.operations["begin_ns"].tolist() == [at(2_000 + i * 5_000) for i in range(MESSAGES)]
    assert analysis.matrix[0].phase1.blocked_in == "poll"


@each_probe
def test_a_poll_after_the_peek_that_slept_announces_nothing_new(accounted: bool) -> None:
    story = Story(accounted=accounted).socket(4)
    for i in range(MESSAGES):
        begin = 2_000 + i * 5_000
        peek(story, begin, begin + 1_000, 9, 900, ready=begin + 890)
        story.poll(begin + 1_010, begin + 1_020, [4], [4])
        story.call("read", begin + 1_030, begin + 1_040, 9, ready=begin + 890, copy=begin + 1_031, fd=4, a=9)
    analysis = story.analyse()
    assert analysis.verdicts[Act.RECEIVE].model is Model.BLOCKING
    assert waited_us(analysis) == pytest.approx([900 if accounted else 890] * MESSAGES)


@each_probe
def test_peeking_again_and_again_is_polling(accounted: bool) -> None:
    """MSG_PEEK | MSG_DONTWAIT until there is something, each time after a sleep of its own."""
    story = Story(accounted=accounted).socket(4)
    for i in range(MESSAGES):
        begin = 2_000 + i * 5_000
        for k in range(5):
            peek(story, begin + k * 500, begin + k * 500 + 10, -11, b=PEEK | DONTWAIT)
            story.call("nanosleep", begin + k * 500 + 20, begin + k * 500 + 490, 0, 450)
        peek(story, begin + 2_500, begin + 2_510, ready=begin + 2_400, b=PEEK | DONTWAIT)
        story.call(
            "read", begin + 2_520, begin + 2_530, 9, ready=begin + 2_400, copy=begin + 2_521, fd=4, a=9
        )
    analysis = story.analyse()
    op = analysis.operations
    assert analysis.verdicts[Act.RECEIVE].model is Model.NONBLOCKING
    assert op["begin_ns"].tolist() == [at(2_000 + i * 5_000) for i in range(MESSAGES)]
    assert op["tries"].tolist() == [5] * MESSAGES
    phase = analysis.matrix[0].phase1
    assert (phase.blocked, phase.free > 0.9, phase.polling > 0) == (0.0, True, True)


@each_probe
def test_one_thread_polls_by_peeks_and_another_reads(accounted: bool) -> None:
    story = Story(accounted=accounted).socket(4)
    peek(story, 100, 110, -11, b=PEEK | DONTWAIT, tid=101)
    peek(story, 1_100, 1_110, ready=600, b=PEEK | DONTWAIT, tid=101)
    story.call("read", 1_200, 1_210, 9, ready=600, copy=1_201, fd=4, a=9, tid=102)
    op = story.analyse().operations
    assert (op["model"][0], op["waiter"][0], op["begin_ns"][0]) == (Model.NONBLOCKING, 101, at(100))


@each_probe
def test_a_failed_peek_and_then_epoll_is_multiplexing(accounted: bool) -> None:
    story = Story(accounted=accounted).socket(4, nonblocking=True).call("epoll_create1", 10, 11, 9)
    story.epoll_add(9, 4, 12)
    for i in range(MESSAGES):
        begin = 2_000 + i * 5_000
        peek(story, begin, begin + 10, -11)
        story.epoll_wait(9, begin + 20, begin + 1_000, [4], asleep=900, ready=begin + 910)
        peek(story, begin + 1_010, begin + 1_020, ready=begin + 910)
        story.call("read", begin + 1_030, begin + 1_040, 9, ready=begin + 910, copy=begin + 1_031, fd=4, a=9)
    analysis = story.analyse()
    assert analysis.verdicts[Act.RECEIVE].multiplexer == "epoll"
    assert analysis.operations["begin_ns"].tolist() == [at(2_020 + i * 5_000) for i in range(MESSAGES)]


@each_probe
def test_what_was_found_empty_after_it_was_announced_is_not_announced_any_more(accounted: bool) -> None:
    story = Story(accounted=accounted).socket(4)
    story.poll(100, 110, [4], [4])
    peek(story, 120, 130, -11, b=PEEK | DONTWAIT)
    story.call("read", 140, 1_100, 9, 900, ready=1_050, copy=1_080, fd=4, a=9)
    assert story.analyse().operations["model"].tolist() == [Model.BLOCKING]


@each_probe
def test_a_receive_that_slept_itself_did_not_begin_with_a_look_long_before(accounted: bool) -> None:
    """A pool of connections looks whether one is still open: MSG_PEEK | MSG_DONTWAIT, EAGAIN."""
    story = Story(accounted=accounted).socket(4)
    peek(story, 100, 110, -11, b=PEEK | DONTWAIT)
    story.call("sendto", 5_000, 5_010, 9, fd=4, a=9)
    story.call("recvfrom", 5_020, 6_000, 9, 900, ready=5_930, copy=5_980, fd=4, a=9)
    op = story.analyse().operations
    assert (op["begin_ns"].tolist(), op["tries"].tolist()) == ([at(5_020)], [0])


@each_probe
def test_peeks_that_ran_out_of_time_or_were_interrupted_belong_to_the_wait(accounted: bool) -> None:
    """SO_RCVTIMEO: it sleeps, EAGAIN, and sleeps again; a signal does the same."""
    story = Story(accounted=accounted).socket(4)
    peek(story, 1_000, 2_000, -11, 990)
    peek(story, 2_010, 2_500, -512, 480)
    peek(story, 2_510, 3_500, 9, 940, ready=3_455)
    story.call("read", 3_510, 3_520, 9, ready=3_455, copy=3_511, fd=4, a=9)
    analysis = story.analyse()
    op = analysis.operations
    assert (op["model"].tolist(), op["begin_ns"].tolist()) == ([Model.BLOCKING], [at(1_000)])
    assert waited_us(analysis) == pytest.approx([2_450 if accounted else 2_455])
    assert analysis.matrix[0].phase1.blocked > 0.98


@each_probe
def test_a_receive_for_all_of_a_message_waited_in_the_peek_for_its_beginning(accounted: bool) -> None:
    story = Story(accounted=accounted).socket(4)
    peek(story, 1_000, 2_000, 9, 950, ready=1_955)
    story.call("recvfrom", 2_010, 3_000, 99, 900, ready=1_955, copy=2_012, fd=4, a=99, b=0x100)
    analysis = story.analyse()
    op = analysis.operations
    assert (op["begin_ns"].tolist(), op["model"].tolist()) == ([at(1_000)], [Model.BLOCKING])
    assert waited_us(analysis) == pytest.approx([950 if accounted else 955])


@each_probe
def test_datagrams_are_peeked_at_for_their_size(accounted: bool) -> None:
    story = Story(accounted=accounted).socket(4, udp=True)
    for i in range(MESSAGES):
        begin = 2_000 + i * 5_000
        peek(story, begin, begin + 1_000, 0, 900, ready=begin + 890, a=0, b=PEEK | 0x20)
        story.call("recvfrom", begin + 1_010, begin + 1_020, 9, ready=begin + 890, fd=4, a=9)
    analysis = story.analyse()
    verdict = analysis.verdicts[Act.RECEIVE_DATAGRAM]
    assert (verdict.model, verdict.operations) == (Model.BLOCKING, MESSAGES)
    assert waited_us(analysis) == pytest.approx([900 if accounted else 890] * MESSAGES)
