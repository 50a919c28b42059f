"""Record every model's demo once under each probe; all tests of this folder read the recordings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from iotrace.analysis import Analysis, analyse
from iotrace.recording.reading import read
from tests.live import require
from tests.orderly import check_file

ROOT = Path(__file__).parents[2]
#: argparse asks the terminal for its size unless these say it: a matter of calls, so of counts.
ENVIRONMENT = os.environ | {"COLUMNS": "80", "LINES": "24"}
PROBES = ("bpf", "ptrace")


@pytest.fixture(params=PROBES)
def probe(request: pytest.FixtureRequest) -> str:
    """Name each probe in turn; one that cannot run here skips its tests with its reason."""
    name: str = request.param
    require(name)
    return name


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Analysis]:
    """Return a function (probe, demo) → analysis of one recording, made at most once a session."""
    folder = tmp_path_factory.mktemp("recordings")

    @lru_cache
    def record(probe: str, demo: str) -> Analysis:
        path = folder / f"{demo}.{probe}.iotrace"
        command = [sys.executable, "-m", "iotrace", "run", "--probe", probe, "-o", str(path)]
        done = subprocess.run(
            [*command, str(ROOT / "demos" / f"{demo}.py")],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        check_file(path)
        return analyse(read(path))

    return record
