"""A lane shows nothing that nobody saw: before its thread was there, and where rows were lost."""

from __future__ import annotations

from dataclasses import replace

from iotrace.analysis import Analysis, analyse
from iotrace.timeline import What, build, rasterise
from iotrace.timeline.descriptors import DescriptorLanes
from iotrace.timeline.lanes import Lane
from probes.events import Kind
from tests.story import Story, at


def lane_of(analysis: Analysis, kind: str, tid: int = 0) -> Lane:
    return next(lane for lane in build(analysis).lanes if lane.kind == kind and tid in (0, lane.tid))


def server() -> Story:
    """A server that receives from 2 to 3 ms and from 8 to 9 ms."""
    story = Story(100).server(3, 8801).accept(3, 4, 100, 1_000, 5000)
    for begin in (2_000, 8_000):
        story.call("recvfrom", begin, begin + 1_000, 9, 900, ready=begin + 950, copy=begin + 990, fd=4, a=9)
    return story


def test_what_may_have_been_a_lost_call_is_no_own_code() -> None:
    """A row is written when its call ends: one that a gap took may have begun when the call before ended."""
    analysis = replace(server().analyse(), gaps=((at(5_000), at(5_500), 7),))
    start, end = at(2_000), at(9_000)
    connection = next(lane for lane in build(analysis).lanes if lane.kind == "descriptor" and not lane.marks)
    for lane in (lane_of(analysis, "thread"), connection):
        what = rasterise(lane, start, end, 70, tuple(analysis.gaps)).what
        assert (what[11:36] == What.LOST).all()
        assert (what[36:59] == lane.base).all()
        assert What.LOST not in what[:10]


def test_what_had_ended_lost_nothing() -> None:
    story = server()
    story.row(Kind.TASK_EXIT, enter_ns=at(9_100))
    story.call("close", 12_000, 12_001, 0, tid=101)
    analysis = replace(story.analyse(), gaps=((at(10_000), at(10_500), 7),))
    what = rasterise(lane_of(analysis, "thread", 100), at(9_200), at(12_000), 28, tuple(analysis.gaps)).what
    assert set(what.tolist()) == {What.ABSENT}


def test_of_a_thread_that_ran_before_we_attached_nothing_is_known_until_its_first_call() -> None:
    story = server()
    assert lane_of(analyse(story.events()), "thread").begin_ns < at(1)
    attached = analyse(story.events(attached=[100]))
    assert lane_of(attached, "thread").begin_ns == int(attached.call_columns.enter_ns.min())


def test_a_descriptor_is_not_open_before_its_process_is_there() -> None:
    story = Story(100)
    story.row(Kind.TASK_NEW, enter_ns=at(5_000), tid=200, tgid=200, a=100)
    story.call("read", 6_000, 7_000, 9, 900, ready=6_950, copy=6_990, fd=6, a=9, tid=200, tgid=200)
    analysis = story.analyse()
    lanes = DescriptorLanes(analysis)
    lives = [n for n, each in enumerate(analysis.descriptors) if each.tgid == 200]
    assert lives
    assert {lanes.life_of(life)[0] for life in lives} == {at(5_000)}
