"""What the kernel does not tell of: calls are bounded, never wrong, and it is said that something is unseen.

A program on a tracepoint's record is passed over while its CPU is inside a bpf(2) of anybody's (Linux,
kernel/trace/bpf_trace.c: bpf_prog_active).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from probes.contract import Options
from probes.ebpf.programs import TYPES
from probes.events import Flag, Kind
from tests.probes.bpf_run import Recorded, run, script

SLEEPS = """
import time
for k in range(101):
    time.sleep((1 + 7 * k % 23) / 1e3)
"""
ASKED = np.array([1 + 7 * k % 23 for k in range(101)]) * 1_000_000
#: bpf(2): BPF_MAP_CREATE, then BPF_MAP_UPDATE_ELEM without end.
BUSY = """
import ctypes, struct
libc = ctypes.CDLL(None)
def bpf(command, attributes):
    return libc.syscall(321, command, ctypes.create_string_buffer(attributes.ljust(128, b"\\0")), 128)
number = bpf(0, struct.pack("IIIII", 1, 4, 8, 1024, 0))
assert number >= 0
key, value = ctypes.c_uint32(1), ctypes.c_uint64(2)
again = struct.pack("IxxxxQQQ", number, ctypes.addressof(key), ctypes.addressof(value), 0)
print("ready", flush=True)
while True:
    bpf(2, again)
"""
ROUNDS = 7


@contextmanager
def busy_with_bpf() -> Iterator[None]:
    """Two processes, one for each CPU of a small machine, that do nothing but bpf(2)."""
    command = [sys.executable, "-c", BUSY]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def lasted(rows: NDArray[np.void]) -> NDArray[np.int64]:
    """Return (n,) how long calls took, in ns."""
    length: NDArray[np.int64] = (rows["exit_ns"] - rows["enter_ns"]).astype(np.int64)
    return length


#: Without the kernel's type information the programs are on tracepoints' records.
ON_RECORDS = Options(withhold=frozenset({TYPES}))


def test_what_was_not_seen_is_bounded(tmp_path: Path) -> None:
    unseen = 0
    with busy_with_bpf():
        for _ in range(ROUNDS):
            recorded = run(script(tmp_path, SLEEPS), ON_RECORDS)
            rows = recorded.calls("clock_nanosleep")[-101:]
            assert len(rows) == 101
            asleep, queued = rows["asleep_ns"].astype(np.int64), rows["queued_ns"].astype(np.int64)
            bounded = (rows["flags"] & Flag.SLEEP_BOUNDED) != 0
            # A busy machine wakes it late, and never early: what is too short was not seen. Where it was
            # preempted as it went to sleep until its timer ran out, it had no sleep.
            before = (rows["sleep_ns"] - rows["enter_ns"]).astype(np.int64)  # its timer runs meanwhile
            slept = rows["sleeps"] > 0
            assert np.all(slept | ((queued > ASKED - 1_000_000) & ~bounded))
            assert np.all((before + asleep + queued > ASKED - 1_000_000)[slept])
            assert np.all((before + asleep > ASKED - 1_000_000)[slept & (queued < 1_000_000)])
            assert np.all(asleep + queued <= lasted(rows))
            unseen += int(np.count_nonzero(bounded))
            if unseen > 10:
                break
        assert unseen > 0, "nothing was passed over: this test saw nothing"
        assert passed_over(recorded)["waker"] > 0


FORKS = """
import os
read, write = os.pipe()
for k in range(199):
    if os.fork() == 0:
        os.write(write, bytes(101))
        os._exit(0)
    os.wait()
"""


def passed_over(recorded: Recorded) -> dict[str, int]:
    """Return what the kernel says that it passed over."""
    told = recorded.outcome.notes.get("passed_over", {})
    assert isinstance(told, dict)
    return told


def test_inside_bpf_the_kernel_s_own_arguments_are_not_passed_over(tmp_path: Path) -> None:
    with busy_with_bpf():
        for _ in range(ROUNDS):
            recorded = run(script(tmp_path, FORKS))
            assert len(recorded.of(Kind.TASK_NEW)) == 199
            assert int(np.count_nonzero(recorded.calls("write")["a"] == 101)) == 199
            assert len(recorded.of(Kind.TASK_EXIT)) == 200
            assert not {"sleep", "waker", "tasks"} & passed_over(recorded).keys()


def test_without_the_evidence_of_wakers_each_sleep_is_bounded(tmp_path: Path) -> None:
    recorded = run(script(tmp_path, SLEEPS), Options(withhold=frozenset({"waker"})))
    rows = recorded.calls("clock_nanosleep")[-101:]
    assert np.all((rows["flags"] & Flag.SLEEP_BOUNDED) != 0)
    asleep = rows["asleep_ns"].astype(np.int64)
    assert np.all((rows["sleep_ns"] - rows["enter_ns"]).astype(np.int64) + asleep > ASKED - 1_000_000)
    assert np.all(asleep <= lasted(rows))
    assert not rows["waking_ns"].any()
