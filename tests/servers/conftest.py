"""Record each server under each probe, and under a probe beside another tracer; all tests read these."""

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
from tests.orderly import check_file
from tests.servers import programs
from tests.servers.catalogue import Server
from tests.servers.running import run
from tests.servers.witness import Witnessed

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
        run(server, folder, _iotrace(probe, path))
        check_file(path)
        return analyse(read(path))

    return trace


@pytest.fixture(scope="session")
def witnessed(folder: Path) -> Callable[[Server, str], Witnessed]:
    """Return a function (server, tracer) → one run as the eBPF probe and the other tracer saw it.

    The eBPF probe's target is the tracer, ``strace`` or ``ptrace`` (iotrace's own); its target is the server.
    """

    @lru_cache
    def trace(server: Server, tracer: str) -> Witnessed:
        installed(server)
        require("bpf")
        if shutil.which("strace") is None:
            pytest.skip("strace is not installed")
        name = f"{server.name}.{tracer}".replace(" ", "-")
        outer, inner = folder / f"{name}.outer.iotrace", folder / f"{name}.inner"
        own = ["strace", "-f", "-qq", "-s", "16", "-o", str(inner)]
        beside = own if tracer == "strace" else _iotrace(tracer, inner)
        run(server, folder, [*_iotrace("bpf", outer), *beside], inside=2)
        for path in (outer, inner) if tracer != "strace" else (outer,):
            check_file(path)
        return Witnessed(outer, inner)

    return trace


def _iotrace(probe: str, recording: Path) -> list[str]:
    return [sys.executable, "-m", "iotrace", "run", "--probe", probe, "-o", str(recording), "--"]
