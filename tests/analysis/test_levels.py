"""The fill of a kernel buffer, worked out of calls whose bytes and times are known."""

from __future__ import annotations

import numpy as np
import pytest

from iotrace.analysis.model import Analysis
from iotrace.timeline import highest
from probes.events import ADDRESSES, Kind
from tests.story import Story, at

KIB = 1 << 10


def writes_and_reads(story: Story, writing: int = 4, reading: int = 3, **reader: int) -> Story:
    """Write 4, 8 and 16 KiB, the last asleep for 5 ms; meanwhile read 12, then the rest."""
    story.call("write", 100, 110, 4 * KIB, fd=writing, a=4 * KIB)
    story.call("write", 200, 210, 8 * KIB, fd=writing, a=8 * KIB)
    story.call("write", 300, 5_400, 16 * KIB, asleep=5_000, fd=writing, a=16 * KIB)
    story.call("read", 5_500, 5_510, 12 * KIB, fd=reading, a=64 * KIB, **reader)
    return story.call("read", 5_600, 5_610, 16 * KIB, fd=reading, a=64 * KIB, **reader)


def pipe(story: Story | None = None, fds: tuple[int, int] = (3, 4)) -> Story:
    return (story or Story()).call("pipe2", 0, 10, c=fds[0] | fds[1] << 32)


def steps(analysis: Analysis) -> list[list[tuple[int, int]]]:
    """Return each level as (µs, KiB) pairs."""
    return [
        [
            (int(time - at(0)) // 1000, int(held) // KIB)
            for time, held in zip(lv.time_ns, lv.bytes, strict=True)
        ]
        for lv in analysis.levels
    ]


KNOWN = [(110, 4), (210, 12), (5_400, 28), (5_510, 16), (5_610, 0)]


@pytest.mark.parametrize("accounted", [False, True])
def test_bytes_sent_less_bytes_received(accounted: bool) -> None:
    analysis = writes_and_reads(pipe(Story(accounted=accounted))).analyse()
    assert steps(analysis) == [KNOWN]
    (level,) = analysis.levels
    assert level.most == 28 * KIB
    assert [analysis.descriptors[end].fd for end in (level.writer, level.reader)] == [4, 3]


def test_a_childs_and_a_duplicates_bytes_count() -> None:
    story = pipe().call("dup", 20, 21, 9, fd=4)
    story.row(Kind.TASK_NEW, enter_ns=at(50), tid=200, tgid=200, waker=100)
    assert steps(writes_and_reads(story, writing=9, tid=200, tgid=200).analyse()) == [KNOWN]


def test_both_directions_of_a_socketpair_are_apart() -> None:
    story = Story().call("socketpair", 0, 10, a=1, b=1, c=3 | 4 << 32)
    writes_and_reads(story)
    story.call("write", 6_000, 9_000, 2 * KIB, asleep=2_900, fd=3).call("read", 9_100, 9_110, 2 * KIB, fd=4)
    assert steps(story.analyse()) == [KNOWN, [(9_000, 2), (9_110, 0)]]


def connection(remote: bytes = b"\x7f\x00\x00\x01") -> Story:
    story = Story().server(3, 8801)
    story.socket(4, 20).call("connect", 30, 40, 0, fd=4, sk=77, blob=b"\x02\x00" + bytes(14))
    address = np.zeros(1, ADDRESSES)
    address["family"], address["local_port"], address["remote_port"] = 2, 53_312, 8801
    address["local"][0, :4] = (127, 0, 0, 1)
    address["remote"][0, :4] = tuple(remote)
    story.row(Kind.CONNECTION, enter_ns=at(35), a=1, sk=77, blob=address.tobytes())
    return story.established(36, 53_312).accept(3, 5, 41, 50, 53_312)


def test_the_ends_of_a_tcp_connection_are_joined_by_the_clients_port() -> None:
    assert steps(writes_and_reads(connection(), 4, 5).analyse()) == [KNOWN]
    assert steps(writes_and_reads(connection(), 5, 4).analyse()) == [KNOWN]


def test_a_connection_to_another_machine_is_not_joined() -> None:
    assert steps(writes_and_reads(connection(b"\x0a\x00\x00\x02"), 4, 5).analyse()) == []


def test_a_peek_takes_nothing() -> None:
    story = Story().call("socketpair", 0, 10, a=1, b=1, c=3 | 4 << 32)
    story.call("recvfrom", 250, 260, 12 * KIB, fd=3, a=64 * KIB, b=2)
    assert steps(writes_and_reads(story).analyse()) == [KNOWN]


def test_no_level_where_no_send_slept() -> None:
    story = pipe().call("write", 100, 110, 10, fd=4).call("read", 200, 210, 10, fd=3)
    assert steps(story.analyse()) == []


def test_no_level_of_an_end_that_is_not_in_the_recording() -> None:
    assert steps(writes_and_reads(Story()).analyse()) == []


@pytest.mark.parametrize(
    "unseen",
    [
        lambda story: story.row(Kind.GAP, enter_ns=at(100), exit_ns=at(200), a=5),
        lambda story: story.row(Kind.RING, enter_ns=at(100), exit_ns=at(200), fd=3, a=22, ret=9),
        lambda story: story.call("splice", 250, 260, 9, fd=3, a=8),
        lambda story: story.call("splice", 250, 260, 9, fd=8, a=4),
    ],
    ids=["lost", "io_uring", "splice from", "splice to"],
)
def test_no_level_where_bytes_moved_uncounted(unseen) -> None:  # type: ignore[no-untyped-def]
    assert steps(unseen(writes_and_reads(pipe())).analyse()) == []


def test_no_level_where_one_send_carried_it_all() -> None:
    """A send of more than the buffer holds is received before it returns: its calls do not tell the level."""
    story = pipe().call("write", 100, 9_000, 128 * KIB, asleep=8_000, fd=4)
    story.call("read", 5_000, 5_010, 64 * KIB, fd=3, tid=101)
    assert steps(story.call("read", 8_000, 8_010, 64 * KIB, fd=3, tid=101).analyse()) == []


def test_a_cell_shows_the_highest_level_in_it() -> None:
    (level,) = writes_and_reads(pipe()).analyse().levels
    random = np.random.default_rng(7)
    for width in (1, 7, 56, 200):
        first, last = sorted(int(us) for us in random.integers(0, 6_000, 2))
        cells = highest(level, at(first), at(last + 1), width)
        for cell, found in enumerate(cells.tolist()):
            begin = at(first) + cell * (at(last + 1) - at(first)) // width
            end = at(first) + (cell + 1) * (at(last + 1) - at(first)) // width
            before = level.bytes[level.time_ns < begin][-1:].tolist() or [0]
            inside = level.bytes[(level.time_ns >= begin) & (level.time_ns < end)].tolist()
            assert found == max(before + inside)
