"""Recordings of very many calls, and what a command takes of memory for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from iotrace.recording.writing import Writer
from probes.events import EVENT, Batch, Kind, batch
from probes.table import BY_NAME
from tests.command import environment

COUNT = 1_000_000

#: No command may take more, in kilobytes.
MOST_KB = 600_000


def alternating(count: int) -> Batch:
    """Every second call sleeps in recvfrom 400 ns of its 800 and copies for 150."""
    rows = np.zeros(count, EVENT)
    begin = np.arange(count, dtype=np.uint64) * 1000 + 10**12
    rows["kind"], rows["tid"], rows["tgid"], rows["fd"], rows["ret"] = Kind.CALL, 100, 100, 4, 64
    rows["enter_ns"], rows["exit_ns"] = begin, begin + 800
    receives = np.arange(count) % 2 == 1
    rows["code"] = np.where(receives, BY_NAME["recvfrom"].code, BY_NAME["sendto"].code)
    for name, offset in (("sleep", 100), ("ready", 450), ("waking", 500), ("running", 600), ("copy", 650)):
        rows[f"{name}_ns"][receives] = begin[receives] + offset
    rows["sleeps"][receives], rows["asleep_ns"][receives], rows["copies"][receives] = 1, 400, 1
    return batch(rows)


def million(folder: Path) -> Path:
    """Write a recording of :func:`alternating` calls."""
    path = folder / "million.iotrace"
    writer = Writer(path, {"probe": "bpf", "argv": ["server.py"], "evidence": ["sleep"]})
    writer.write(alternating(COUNT))
    writer.close()
    return path


def peak_kb(folder: Path, *words: str) -> int:
    """Run iotrace in ``folder``; return the most memory that it had."""
    code = (
        "import sys; from pathlib import Path; from iotrace.cli import main;"
        f"status = main({list(words)!r});"
        # Not ru_maxrss: that counts this process too, from before the exec.
        "lines = Path('/proc/self/status').read_text().splitlines();"
        "print(*(line.split()[1] for line in lines if line.startswith('VmHWM'))); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)
