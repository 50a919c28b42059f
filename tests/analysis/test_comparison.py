"""The measures of recordings side by side, on stories whose numbers are known."""

from __future__ import annotations

import json

import pytest

from iotrace.analysis.comparison import Side, compare, compare_json
from iotrace.analysis.model import Act, Basis, Model
from probes.events import Flag, Kind
from tests.story import US, Story, at

MESSAGES = 23
T = 50_000


def side(story: Story) -> Side:
    return compare([("it", story.analyse())])[0]


def blocking(accounted: bool = False) -> Story:
    story = Story(accounted=accounted).server(3, 8801).accept(3, 4, 100, 1_000, 5000, asleep=790)
    for turn in range(MESSAGES):
        begin = 2_000 + turn * (T + 2_000)
        flags = {"flags": Flag.EMPTY_AT_ENTRY} if accounted else {}
        end, ready = begin + T + 240, begin + T
        story.call(
            "recvfrom", begin, end, 100, T - 1, 30, ready, ready + 40, fd=4, a=100, **flags
        )  # fmt: skip
        story.call("sendto", begin + T + 300, begin + T + 320, 8, fd=4, a=8)
    return story


def test_blocking() -> None:
    it = side(blocking())
    assert (it.act, it.model, it.operations, it.bytes) == (
        Act.RECEIVE,
        Model.BLOCKING,
        MESSAGES,
        MESSAGES * 100,
    )
    assert (it.calls, it.eagain, it.signals) == (2 * MESSAGES, 0, 0)
    assert (it.woken, it.sleeps, it.sleeps_basis) == (MESSAGES, MESSAGES, Basis.MEASURED)
    assert it.cpu_ns == MESSAGES * (T + 240 - (T - 1) - 30 + 20) * US
    assert (it.phase1.ns, it.phase1.basis) == (T * US, Basis.MEASURED)
    assert (it.phase2.ns, it.response.ns) == (200 * US, 320 * US)
    assert it.synchronous is True


def test_what_accounts_cannot_see_is_bounded() -> None:
    it = side(blocking(accounted=True))
    assert (it.operations, it.woken, it.sleeps_basis) == (MESSAGES, MESSAGES, Basis.BOUNDED)
    assert it.cpu_basis is Basis.BOUNDED
    assert it.phase1.basis is Basis.BOUNDED


def test_polling_counts_its_failures_and_not_its_naps_as_woken() -> None:
    story = Story().server(3, 8801).accept(3, 4, 100, 1_000, 5000, nonblocking=True)
    for turn in range(MESSAGES):
        begin = 2_000.0 + turn * 10_000
        for step in range(5):
            story.call("recvfrom", begin + step * 1_000, begin + step * 1_000 + 2, -11, fd=4, a=100)
            story.call("clock_nanosleep", begin + step * 1_000 + 5, begin + step * 1_000 + 900, asleep=880)
        story.call(
            "recvfrom", begin + 5_000, begin + 5_010, 100, ready=begin + 4_500, copy=begin + 5_001, fd=4
        )
        story.call("sendto", begin + 5_020, begin + 5_030, 8, fd=4, a=8)
    it = side(story)
    assert (it.model, it.calls, it.eagain) == (Model.NONBLOCKING, MESSAGES * 12, MESSAGES * 5)
    assert (it.woken, it.sleeps) == (0, MESSAGES * 5)
    assert it.response.ns == 530 * US


def test_a_sleep_that_nobody_saw_end_is_no_work() -> None:
    story = blocking()
    story.row(
        Kind.CALL, code=_code("clock_nanosleep"), enter_ns=at(2_010 + T + 320), exit_ns=at(2_000 + T + 1_000),
        sleeps=1, sleep_ns=at(2_012 + T + 320),
    )  # fmt: skip
    it = side(story)
    assert it.cpu_ns == side(blocking()).cpu_ns + 2 * US
    assert it.cpu_basis is Basis.BOUNDED


def test_the_answer_is_the_first_send_on_the_same_connection() -> None:
    story = Story().server(3, 8801)
    for fd in (4, 5):
        story.accept(3, fd, fd * 100, fd * 100 + 10, 5000 + fd)
    for turn in range(MESSAGES):
        begin = 2_000.0 + turn * 10_000
        for fd, later in ((4, 0), (5, 100)):
            time = begin + later
            story.call("recvfrom", time, time + 10, 9, ready=time - 90, copy=time + 1, fd=fd, a=99)
        story.call("sendto", begin + 200, begin + 210, 8, fd=5, a=8)
        story.call("sendto", begin + 300, begin + 310, 8, fd=4, a=8)
        story.call("sendto", begin + 320, begin + 330, 8, fd=4, a=8)
    assert side(story).response.ns == (400 + 200) // 2 * US


def test_asynchronous_is_free_of_both() -> None:
    story = (
        Story().server(3, 8801).accept(3, 4, 100, 1_000, 5000).call("io_uring_setup", 1_001, 1_010, 7, a=8)
    )
    for turn in range(MESSAGES):
        begin = 2_000 + turn * (T + 1_000)
        story.call("io_uring_enter", begin, begin + 5, 1, fd=7, a=1)
        story.row(
            Kind.RING, enter_ns=at(begin + 2), exit_ns=at(begin + T + 300), ready_ns=at(begin + T),
            copy_ns=at(begin + T + 50), done_ns=at(begin + T + 290), a=27, ret=100, fd=4, waker=101,
            flags=Flag.BY_WORKER,
        )  # fmt: skip
    it = side(story)
    assert (it.model, it.synchronous, it.woken) == (Model.ASYNCHRONOUS, False, 0)
    assert it.calls == MESSAGES - 1  # the first request was entered just before it was submitted
    assert it.response.ns is None


def test_requests_that_the_probe_cannot_see_are_unseen_and_not_the_accepts() -> None:
    story = Story(accounted=True).server(3, 8801).accept(3, 4, 100, 1_000, 5000, asleep=800)
    story.call("io_uring_setup", 1_001, 1_010, 7, a=8).call("io_uring_enter", 2_000, 2_005, 1, fd=7, a=1)
    it = side(story)
    assert (it.act, it.row, it.synchronous) == (None, None, None)
    assert it.verdict is not None
    assert "cannot see" in it.verdict.because


def test_accepts_alone_are_compared_without_a_second_phase() -> None:
    story = Story().server(3, 8801)
    for turn in range(MESSAGES):
        begin = 1_000.0 + turn * 1_000
        story.established(begin + 900, 5000 + turn)
        story.accept(3, 4, begin, begin + 910, 5000 + turn, asleep=890)
    it = side(story)
    assert (it.act, it.operations, it.phase1.ns) == (Act.ACCEPT, MESSAGES, 900 * US)
    assert it.phase2.ns is None
    assert it.synchronous is None


@pytest.mark.parametrize("story", [Story(), blocking()])
def test_json_has_every_measure(story: Story) -> None:
    sides = compare([("a", story.analyse()), ("b", blocking().analyse())])
    facts = json.loads(json.dumps(compare_json(sides, ["a.iotrace", "b.iotrace"])))
    assert facts["schema"] == 1
    assert [entry["file"] for entry in facts["compared"]] == ["a.iotrace", "b.iotrace"]
    assert facts["compared"][1]["phase1"]["median_ns"] == T * US
    assert facts["compared"][1]["model"] == "blocking"
    assert set(facts["compared"][0]) == set(facts["compared"][1])


def _code(name: str) -> int:
    from probes.table import BY_NAME

    return BY_NAME[name].code
