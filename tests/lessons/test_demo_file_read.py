"""A file's two phases: the disk fills the page cache (asleep, state D), then the cache is copied.

What ptrace sees is that a call slept, not in which state; page faults are no calls, no probe sees them.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from numpy.typing import NDArray

from probes.events import Flag, Kind
from probes.table import CALLS, Role
from tests.lessons.conftest import Record, Run
from tests.live import require

BLOCKS, BLOCK = 23, 1 << 20
EAGAIN = 11
#: In the order of the program; the first three are of one descriptor.
COLD, AHEAD, WARM, DIRECT = range(4)


@pytest.fixture
def run(record: Record, probe: str) -> Run:
    return record(probe, "file_read")


def passes(run: Run) -> list[NDArray[np.int64]]:
    """Return the rows of each pass over the file: cold, read ahead, warm, O_DIRECT."""
    rows = run.rows("preadv", "preadv2")
    rows = rows[run.events["ret"][rows] == BLOCK]
    assert len(rows) == 4 * BLOCKS
    return list(rows.reshape(4, BLOCKS))


def slept(run: Run, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which calls slept for a good part of their time, not counted that others had the CPU."""
    wanted = run.lasted_ns(rows) - run.events["queued_ns"][rows]
    asleep: NDArray[np.bool_] = run.events["asleep_ns"][rows] > 0.2 * wanted
    return asleep


def least_busy_ns(run: Run) -> list[int]:
    """Return for each pass the least CPU time of a read."""
    events = run.events
    away = events["asleep_ns"] + events["queued_ns"]
    return [int((run.lasted_ns(rows) - away[rows]).min()) for rows in passes(run)]


def needs_disk() -> None:
    if os.major(os.stat("/var/tmp").st_dev) == 0:
        pytest.skip("/var/tmp is on no disk of its own: whether a cold read waits there is not ours to say")


def test_a_cold_read_waits_and_a_warm_one_only_copies(run: Run) -> None:
    needs_disk()
    reads = passes(run)
    assert np.count_nonzero(slept(run, reads[COLD])) >= 0.7 * BLOCKS
    assert np.count_nonzero(slept(run, reads[WARM])) <= 2
    assert run.lasted_ns(reads[COLD]).sum() > 1.5 * run.lasted_ns(reads[WARM]).sum()


def test_the_copy_is_the_same_whether_cold_or_warm(run: Run) -> None:
    """Phase 2 takes CPU time in both: what is left of a cold read without its sleep is not less."""
    busy = least_busy_ns(run)
    assert busy[COLD] > 0.5 * busy[WARM]


def test_what_o_direct_reads_is_never_in_the_page_cache(run: Run) -> None:
    """Reads that must not wait find every block there after the warm pass, hardly any after O_DIRECT.

    Before it the cache was told to drop the file; it may keep a page that is in use (posix_fadvise(2)).
    """
    needs_disk()
    asked = run.rows("preadv", "preadv2")
    asked = asked[run.events["ret"][asked] != BLOCK]
    found = run.events["ret"][asked].tolist()
    assert found[:BLOCKS] == [1] * BLOCKS
    assert found[BLOCKS:].count(-EAGAIN) + found[BLOCKS:].count(1) == BLOCKS
    assert found[BLOCKS:].count(-EAGAIN) >= 0.7 * BLOCKS
    reads = passes(run)
    assert reads[WARM][-1] < asked[0] < asked[BLOCKS - 1] < reads[DIRECT][0]
    assert reads[DIRECT][-1] < asked[BLOCKS]


def test_o_direct_waits_every_time(run: Run) -> None:
    needs_disk()
    assert np.count_nonzero(slept(run, passes(run)[DIRECT])) >= 0.7 * BLOCKS


def test_reading_ahead_lets_most_reads_find_their_data(run: Run) -> None:
    needs_disk()
    reads = passes(run)
    assert np.count_nonzero(slept(run, reads[AHEAD])) < np.count_nonzero(slept(run, reads[COLD]))


def test_who_waits_for_the_disk_is_in_state_d(record: Record) -> None:
    require("bpf")
    needs_disk()
    run = record("bpf", "file_read")
    reads = passes(run)
    for part in (COLD, DIRECT):
        sleepers = reads[part][run.events["sleeps"][reads[part]] > 0]
        assert np.all(run.events["flags"][sleepers] & Flag.DISK)
    assert not np.any(run.events["flags"][reads[WARM]] & Flag.DISK)


def test_mmap_reads_without_a_call(run: Run) -> None:
    """Twice the whole file was looked at between two passes, its checksum was right, and no call read it."""
    events, reads = run.events, passes(run)
    receives = np.isin(events["code"], [call.code for call in CALLS if call.role == Role.RECEIVE])
    began, ended = events["exit_ns"][reads[WARM][-1]], events["enter_ns"][reads[DIRECT][0]]
    between = (events["enter_ns"] > began) & (events["exit_ns"] < ended)
    read = events["ret"][(events["kind"] == Kind.CALL) & receives & between]
    assert read.tolist() == [1] * BLOCKS  # only what asked whether the cache has the blocks
    for kind in ("mmap, warm", "mmap, cold"):
        (line,) = (line for line in run.output.splitlines() if line.startswith(kind))
        major, minor = (int(number) for number in line.split()[-2:])
        assert major + minor > BLOCKS
