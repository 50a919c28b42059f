"""Record each server once under each probe, and once under strace; all tests read these."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from iotrace.analysis import Analysis, analyse
from iotrace.recording.reading import read
from tests.live import require
from tests.servers import programs
from tests.servers.catalogue import Server
from tests.servers.running import run

PROBES = ("bpf", "ptrace")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that other users may look into, as servers' workers are: pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="iotrace-servers-") as name:
        path = Path(name)
        programs.write(path)
        yield path


def installed(server: Server) -> None:
    """Skip where a server is missing; fail in continuous integration, which installs them all."""
    if server.missing():
        if os.environ.get("IOTRACE_REQUIRE_PROBES") == "1":
            pytest.fail(f"{server.name} is required here")
        pytest.skip(f"{server.name} is not installed")


@pytest.fixture(scope="session")
def traced(folder: Path) -> Callable[[Server, str], Analysis]:
    """Return a function (server, probe) → analysis."""

    @lru_cache
    def trace(server: Server, probe: str) -> Analysis:
        installed(server)
        require(probe)
        path = folder / f"{server.name}.{probe}.iotrace".replace(" ", "-")
        run(server, folder, [sys.executable, "-m", "iotrace", "run", "--probe", probe, "-o", str(path), "--"])
        return analyse(read(path))

    return trace


@pytest.fixture(scope="session")
def straced(folder: Path) -> Callable[[Server], str]:
    """Return a function server → the lines that strace writes of it."""

    @lru_cache
    def trace(server: Server) -> str:
        installed(server)
        if shutil.which("strace") is None:
            pytest.skip("strace is not installed")
        path = folder / f"{server.name}.strace".replace(" ", "-")
        run(server, folder, ["strace", "-f", "-s", "16", "-o", str(path)])
        return path.read_text(errors="replace")

    return trace
