"""A ring can be asked to poll (IORING_OP_POLL_ADD): then io_uring_enter is the wait, and a call receives."""

from __future__ import annotations

from iotrace.analysis import Analysis
from iotrace.analysis.model import Act, Basis, Model
from probes.events import Kind
from tests.story import Story, at

MESSAGES, T = 23, 1_000
POLL_ADD, TIMEOUT = 6, 11


def polling(
    seen: bool = True, opcode: int = POLL_ADD, blocking: bool = False, outside: bool = False
) -> Analysis:
    """A loop sleeps in io_uring_enter until a poll of its client completes, and reads.

    ``seen``: the probe sees requests. ``outside``: the poll completes when the thread returns from a call of
    its own, and the loop finds it without another wait.
    """
    story = Story(accounted=not seen).server(3, 8801, nonblocking=True).call("io_uring_setup", 10, 11, 7, a=8)
    story.accept(3, 5, 20, 21, 5000, nonblocking=not blocking)
    if not blocking:
        story.call("read", 30, 31, -11, fd=5, a=4096)
    for i in range(MESSAGES):
        begin = T + i * 10 * T
        end = begin + 8 * T
        story.call("io_uring_enter", begin, end, 1, asleep=8 * T - 10, fd=7, a=1, b=1)
        if seen:
            done = end + 20 if outside else end - 3
            story.row(Kind.RING, enter_ns=at(begin + 1), exit_ns=at(done), a=opcode, b=77, c=1, fd=5, ret=1)
        story.call("read", end + 50, end + 55, 9, ready=end - 5, copy=end + 51, fd=5, a=4096)
        if not blocking:
            story.call("read", end + 60, end + 61, -11, fd=5, a=4096)
    return story.analyse()


def test_a_poll_of_the_ring_announces() -> None:
    for outside in (False, True):
        analysis = polling(outside=outside)
        verdict = analysis.verdicts[Act.RECEIVE]
        assert (verdict.model, verdict.multiplexer, verdict.trigger) == (Model.MULTIPLEXING, "io_uring", None)
        assert (verdict.supporting, verdict.contradicting) == (MESSAGES, 0)
        (row,) = (row for row in analysis.matrix if row.act is Act.RECEIVE)
        assert (row.phase1.blocked_in, row.phase1.basis) == ("io_uring_enter", Basis.MEASURED)
        assert row.phase1.blocked > 0.99
        assert analysis.process_model == "event_loop"


def test_another_request_announces_nothing() -> None:
    """It tries again whenever a timer of the ring ends."""
    assert polling(opcode=TIMEOUT).verdicts[Act.RECEIVE].model is Model.NONBLOCKING


def test_where_requests_are_unseen_it_is_unknown_what_told() -> None:
    for blocking in (False, True):
        verdict = polling(seen=False, blocking=blocking).verdicts[Act.RECEIVE]
        assert (verdict.model, verdict.operations, verdict.supporting) == (Model.UNKNOWN, MESSAGES, 0)
        assert "after io_uring_enter: this probe cannot see what that told" in verdict.because
