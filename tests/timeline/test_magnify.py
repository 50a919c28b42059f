"""One operation in pieces: they touch, they add up, and each says what it stands on."""

from __future__ import annotations

from itertools import pairwise

import pytest

from iotrace.analysis import Analysis
from iotrace.analysis.model import Basis
from iotrace.timeline import Magnified, What, magnify, typical
from tests.story import US
from tests.views import scenes


def of(analysis: Analysis) -> Magnified:
    index = typical(analysis)
    assert index is not None
    return magnify(analysis, index)


@pytest.mark.parametrize("name", scenes.SCENES)
def test_pieces_touch_and_add_up(name: str) -> None:
    analysis = scenes.SCENES[name]()
    for index in range(len(analysis.operations)):
        found = magnify(analysis, index)
        operation = analysis.operations[index]
        assert found.steps[-1].end_ns == operation["end_ns"]
        if operation["end_ns"] > operation["begin_ns"]:
            assert found.steps[0].begin_ns == operation["begin_ns"]
        for one, other in pairwise(found.steps):
            assert one.end_ns == other.begin_ns
            assert one.end_ns > one.begin_ns


def test_a_blocking_receive() -> None:
    found = of(scenes.blocking())
    pieces = [(step.what, (step.end_ns - step.begin_ns) // US, step.evidence) for step in found.steps]
    assert pieces == [
        (What.BLOCKED_TRANSFER, 50_000, "recvfrom called"),
        (What.WAKING, 31, "sk_data_ready, woken by 4712"),
        (What.CALL, 9, "sched_switch"),
        (What.COPY, 260, "skb_copy_datagram_iovec"),
    ]
    assert {step.basis for step in found.steps} == {Basis.MEASURED}


def test_accounts_make_lengths_bounded_although_the_entry_is_measured() -> None:
    found = of(scenes.blocking(accounted=True))
    assert found.steps[0].basis is Basis.MEASURED
    assert {step.length_basis for step in found.steps} == {Basis.BOUNDED}
    assert {step.evidence.split(":")[0] for step in found.steps[1:]} == {"schedstat"}


def test_the_worker_that_copies_is_named() -> None:
    last = of(scenes.asynchronous()).steps[-1]
    assert last.text == "a kernel thread (4713) copies"
    assert last.evidence == "skb_copy_datagram_iovec ×31"


def test_a_select_server_is_blocked_in_select_then_copies_in_recvfrom() -> None:
    words = [step.text for step in of(scenes.chat()).steps]
    assert words[0] == "blocked in select"
    assert words[-1] == "recvfrom copies"


def test_nothing_is_typical_of_nothing() -> None:
    assert typical(scenes.empty()) is None
