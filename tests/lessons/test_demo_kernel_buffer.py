"""The buffer between two processes, from the recording: bytes written minus bytes read, and who slept when.

The four events: not empty wakes the reader, full makes the writer sleep, not full wakes the writer,
empty makes the reader sleep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.lessons.conftest import Record, Run

CHUNK, CHUNKS = 4096, 67
PIPE_BYTES = 16 * 4096  # pipe(7): sixteen pages


@dataclass(frozen=True)
class Side:
    """One end's calls: ``row`` in the events, all arrays (n,)."""

    row: NDArray[np.int64]
    enter_ns: NDArray[np.int64]
    exit_ns: NDArray[np.int64]
    asleep_ns: NDArray[np.int64]
    bytes: NDArray[np.int64]

    def up_to(self, moment_ns: int) -> int:
        """Return the bytes of the calls that had returned by then."""
        return int(self.bytes[self.exit_ns <= moment_ns].sum())


@dataclass(frozen=True)
class Buffer:
    """A buffer as its writer's and its reader's calls tell it."""

    writer: Side
    reader: Side

    def level(self, moment_ns: int) -> int:
        """Return the bytes in the buffer at a moment; calls in progress have moved nothing yet."""
        return self.writer.up_to(moment_ns) - self.reader.up_to(moment_ns)

    @property
    def full(self) -> int:
        """Return the level at which the writer slept longest."""
        return self.level(int(self.writer.enter_ns[np.argmax(self.writer.asleep_ns)]))


def side(run: Run, rows: NDArray[np.int64]) -> Side:
    events = run.events
    return Side(rows, *(events[name][rows] for name in ("enter_ns", "exit_ns", "asleep_ns", "ret")))


def buffer(run: Run, which: str) -> Buffer:
    writes, reads = run.rows("write"), run.rows("read")
    root = run.events.header["pid"]
    writes = writes[(run.events["tgid"][writes] == root) & (run.events["a"][writes] == CHUNK)]
    reads = reads[run.events["tgid"][reads] != root]
    readers = run.events["tgid"][reads]
    first = readers == readers[0]
    if which == "pipe":
        return Buffer(side(run, writes[:CHUNKS]), side(run, reads[first]))
    return Buffer(side(run, writes[CHUNKS:]), side(run, reads[~first]))


@pytest.fixture(params=["pipe", "TCP"])
def which(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_was_written_was_read(record: Record, probe: str, which: str) -> None:
    found = buffer(record(probe, "kernel_buffer"), which)
    assert found.writer.bytes.tolist() == [CHUNK] * CHUNKS
    assert found.reader.bytes.sum() == CHUNK * CHUNKS
    assert found.reader.bytes[-1] == 0


def test_reader_sleeps_when_empty_and_writer_when_full(record: Record, probe: str, which: str) -> None:
    found = buffer(record(probe, "kernel_buffer"), which)
    reader, writer = found.reader, found.writer
    for index in np.flatnonzero(reader.asleep_ns > reader.asleep_ns.max() // 2):
        assert found.level(int(reader.enter_ns[index])) == 0
    asleep = writer.asleep_ns
    for index in np.flatnonzero(asleep > asleep.max() // 2):
        level = found.level(int(writer.enter_ns[index]))
        assert level == PIPE_BYTES if which == "pipe" else level + CHUNK > 32 << 10
    assert asleep.max() > 0.8 * asleep.sum()  # of all the writer's sleep, most is the one at the full buffer


def test_they_sleep_in_turn(record: Record, probe: str, which: str) -> None:
    """Reader (empty), writer (full), reader (empty again): never both at once."""
    found = buffer(record(probe, "kernel_buffer"), which)
    sleeps = []
    for name, end in (("reader", found.reader), ("writer", found.writer)):
        for index in np.flatnonzero(end.asleep_ns > end.asleep_ns.max() // 2):
            sleeps.append((int(end.enter_ns[index]), int(end.exit_ns[index]), name))
    sleeps.sort()
    assert [name for _, _, name in sleeps] == ["reader", "writer", "reader"]
    woken_late = max(last - first for first, last, _ in sleeps) // 10  # where others use the CPUs
    assert sleeps[0][1] < sleeps[1][0] + woken_late
    assert sleeps[1][1] < sleeps[2][0] + woken_late


def test_the_level_stays_between_empty_and_full(record: Record, probe: str, which: str) -> None:
    """But for the calls in progress, one on either side."""
    found = buffer(record(probe, "kernel_buffer"), which)
    moments = np.sort(np.r_[found.writer.exit_ns, found.reader.exit_ns])
    levels = np.array([found.level(int(moment)) for moment in moments])
    assert levels.min() >= -CHUNK
    assert levels[-1] == 0
    limit = PIPE_BYTES if which == "pipe" else found.full + CHUNK
    assert levels.max() <= limit + CHUNK


def test_the_analysis_draws_the_same_level(record: Record, probe: str) -> None:
    """Under ptrace only the pipe's: nothing there tells which two sockets are one connection."""
    run = record(probe, "kernel_buffer")
    drawn = {run.analysis.descriptors[level.writer].kind: level for level in run.analysis.levels}
    assert set(drawn) == ({"pipe", "tcp"} if probe == "bpf" else {"pipe"})
    for kind, level in drawn.items():
        found = buffer(run, "TCP" if kind == "tcp" else kind)
        told = [max(0, found.level(int(time))) for time in level.time_ns]
        assert told == level.bytes.tolist()
        assert level.bytes[-1] == 0
    # A read may return before the write that its room woke, or the other way round.
    assert PIPE_BYTES <= drawn["pipe"].most <= PIPE_BYTES + CHUNK
    assert "buffer fd" in run.output
    assert "bytes in the buffer" in run.output


def test_each_is_woken_by_the_other_at_work(record: Record, which: str) -> None:
    """Not empty: the reader is woken inside a write(). Not full: the writer is woken inside a read()."""
    from tests.live import require

    require("bpf")
    run = record("bpf", "kernel_buffer")
    found, events = buffer(run, which), run.events
    for end, other in ((found.reader, found.writer), (found.writer, found.reader)):
        index = int(np.argmax(end.asleep_ns[:-1]))  # the last read is woken by the writer's close()
        row = end.row[index]
        woken = int(events["waking_ns"][row])
        (inside,) = np.flatnonzero((other.enter_ns <= woken) & (woken <= other.exit_ns))
        assert events["waker"][row] == events["tid"][other.row[inside]]


def test_a_pipe_wakes_at_one_free_page_tcp_waits_for_more(record: Record) -> None:
    from tests.live import require

    require("bpf")
    run = record("bpf", "kernel_buffer")
    freed = {}
    for which in ("pipe", "TCP"):
        found = buffer(run, which)
        row = found.writer.row[int(np.argmax(found.writer.asleep_ns))]
        woken = int(run.events["waking_ns"][row])
        freed[which] = (found.full - found.level(woken) + CHUNK) / found.full
    assert freed["pipe"] == CHUNK / PIPE_BYTES
    assert freed["TCP"] > 0.3
