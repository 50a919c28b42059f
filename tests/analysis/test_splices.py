"""A proxy that splices: it receives from its clients, and never has their bytes."""

from __future__ import annotations

import pytest

from iotrace.analysis import Analysis
from iotrace.analysis.model import Act, MatrixRow, Model
from tests.story import Story

MESSAGES, T = 23, 1_000


def splicing(wait: str, accounted: bool = False) -> Analysis:
    """Bytes go from a client's socket into a pipe, and from the pipe back to the client.

    ``wait``: asleep in ``splice``, or in ``epoll_wait`` before it, or it tries in vain (``tries``).
    """
    story = Story(accounted=accounted).server(3, 8801, nonblocking=wait != "splice")
    story.call("pipe2", 10, 11, 0, c=8 | 9 << 32).call("epoll_create1", 12, 13, 7)
    story.accept(3, 5, 20, 21, 5000, nonblocking=wait != "splice").epoll_add(7, 5, 22)
    for i in range(MESSAGES):
        begin = T + i * 10 * T
        end = begin + 8 * T
        if wait == "epoll_wait":
            story.epoll_wait(7, begin, end, [5], asleep=8 * T - 10, ready=end - 5)
        elif wait == "tries":
            for look in range(8):
                story.call("splice", begin + look * T, begin + look * T + 1, -11, fd=5, a=9, b=65536)
        slept = {"asleep": 8 * T - 5} if wait == "splice" else {}
        story.call("splice", begin if slept else end + 5, end + 10, 900, fd=5, a=9, b=65536, **slept)
        story.call("splice", end + 15, end + 20, 900, fd=8, a=5, b=900)
    return story.analyse()


def receives(analysis: Analysis) -> MatrixRow:
    (row,) = (row for row in analysis.matrix if row.act is Act.RECEIVE)
    return row


@pytest.mark.parametrize("accounted", [False, True], ids=["bpf", "ptrace"])
@pytest.mark.parametrize(
    ("wait", "model"),
    [("splice", Model.BLOCKING), ("epoll_wait", Model.MULTIPLEXING), ("tries", Model.NONBLOCKING)],
)
def test_a_splice_out_of_a_socket_is_a_receive(wait: str, model: Model, accounted: bool) -> None:
    analysis = splicing(wait, accounted)
    verdict, row = analysis.verdicts[Act.RECEIVE], receives(analysis)
    assert (verdict.model, verdict.operations, verdict.supporting) == (model, MESSAGES, MESSAGES)
    assert row.bytes == 900 * MESSAGES
    if wait != "tries":
        assert (row.phase1.blocked_in, row.phase1.blocked > 0.99) == (wait, True)
    assert analysis.process_model == ("sequential" if wait == "splice" else "event_loop")


def test_nothing_is_copied_to_the_process() -> None:
    analysis = splicing("splice")
    assert receives(analysis).phase2.total_ns == 0
    assert not {lesson.name for lesson in analysis.lessons} & {"blocking", "multiplexing", "nonblocking"}
