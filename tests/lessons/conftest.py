"""Record a demo once under each probe; the tests of its claim read the recording."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from iotrace.analysis import Analysis, analyse
from iotrace.analysis.calls import code
from iotrace.columns import Events
from iotrace.recording.reading import read
from probes.events import Kind
from tests.live import require

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"COLUMNS": "100", "LINES": "40", "NO_COLOR": "1"}
PROBES = ("bpf", "ptrace")


class Run(NamedTuple):
    """One recorded run of a demo. ``output``: what it said, and iotrace's ending after it."""

    analysis: Analysis
    output: str

    @property
    def events(self) -> Events:
        return self.analysis.events

    def rows(self, *names: str, fd: int | None = None, tid: int | None = None) -> NDArray[np.int64]:
        """Return the rows of the finished calls of these names, in time."""
        events = self.events
        chosen = (events["kind"] == Kind.CALL) & np.isin(events["code"], [code(name) for name in names])
        if fd is not None:
            chosen &= events["fd"] == fd
        if tid is not None:
            chosen &= events["tid"] == tid
        rows = np.flatnonzero(chosen)
        return rows[np.argsort(events["enter_ns"][rows], kind="stable")]

    def lasted_ns(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how long each of these calls took."""
        lasted: NDArray[np.int64] = self.events["exit_ns"][rows] - self.events["enter_ns"][rows]
        return lasted


Record = Callable[..., Run]


@pytest.fixture(params=PROBES)
def probe(request: pytest.FixtureRequest) -> str:
    """Name each probe in turn; one that cannot run here skips its tests with its reason."""
    name: str = request.param
    require(name)
    return name


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Return a function (probe, demo, *arguments) → :class:`Run`, made at most once a session."""
    folder = tmp_path_factory.mktemp("lessons")

    @lru_cache
    def run(probe: str, demo: str, *arguments: str) -> Run:
        path = folder / f"{demo}{'.'.join(('', *arguments)).replace('/', '_')}.{probe}.iotrace"
        command = [sys.executable, "-m", "iotrace", "run", "--probe", probe, "-o", str(path)]
        done = subprocess.run(
            [*command, str(ROOT / "demos" / f"{demo}.py"), *arguments],
            cwd=folder,
            env=ENVIRONMENT | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        events = read(path)
        analysis = analyse(events)
        assert analysis.lost == 0
        return Run(analysis, done.stdout)

    return run
