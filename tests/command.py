"""The command line as a user has it: `python -m iotrace` in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from iotrace.columns import Events
from iotrace.recording.layout import latest
from iotrace.recording.reading import read

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "iotrace")

#: How long any one command may take before a test fails.
LIMIT_S = 60


def environment(**more: str) -> dict[str, str]:
    """Return this environment, in which the package is found from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **more}


def iotrace(folder: Path, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run iotrace in ``folder`` to its end."""
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "env": environment(), **more}
    if "input" in options:
        del options["stdin"]
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        **options,
    )


def start(folder: Path, *words: str, **more: Any) -> subprocess.Popen[str]:
    """Start iotrace in ``folder``."""
    streams: dict[str, int | IO[str]] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [*COMMAND, *words], cwd=folder, env=environment(), text=True, **{**streams, **more}
    )


def recorded(folder: Path) -> Events:
    """Read the newest recording of ``folder``."""
    return read(latest(folder))


def ending(events: Events) -> dict[str, Any]:
    """Return what the recording says about its end."""
    return dict(next(note for note in reversed(events.notes) if "produced" in note))


def report(folder: Path) -> dict[str, Any]:
    """Return `iotrace report --json` of the newest recording."""
    done = iotrace(folder, "report", "--json")
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts
