"""The tracer is killed at any moment: what it had recorded can be read; only the last second may lack."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from iotrace.recording.reading import read
from tests.command import COMMAND, environment

#: Makes calls without end, one a millisecond, and lives on where its tracer does not take it along.
TARGET = (
    "import os, sys, time\nprint('ready', flush=True)\nwhile True: os.pread(0, 37, 0); time.sleep(0.001)\n"
)

#: How much may lack at the end: the last second, and what a busy machine adds to it.
LACKING_S = 2.0


def kill_once(folder: Path, probe: str, after_s: float) -> int:
    """Kill the tracer ``after_s`` after its target's first word; return how many calls the recording has."""
    path = folder / "killed.iotrace"
    path.unlink(missing_ok=True)
    run = subprocess.Popen(
        [*COMMAND, "run", "--probe", probe, "-o", path, "--", "python3", "-c", TARGET],
        cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        began = time.monotonic_ns()
        time.sleep(after_s)
        run.kill()
        killed = time.monotonic_ns()
        run.wait(30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)  # the target, where it is not gone with its tracer
        run.wait(30)
        if run.stdout is not None:
            run.stdout.close()
    events = read(path)
    mine = events["a"] == 37
    count = int(mine.sum())
    if killed - began > LACKING_S * 1e9:
        assert count
        assert events["exit_ns"][mine].max() > killed - LACKING_S * 1e9
    assert not any("produced" in note for note in events.notes)
    return count
