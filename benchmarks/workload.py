"""Build the workload, run it under something, and read its own clock."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from probes.table import CALLS

SOURCE = Path(__file__).with_name("loop.c")
IOTRACE = (sys.executable, "-m", "iotrace")
_COMPILED = tempfile.TemporaryDirectory(prefix="iotrace-benchmarks-")


class Missing(Exception):
    """A peer cannot run here; the message says why."""


@dataclass(frozen=True)
class Finished:
    """One command: its own figure (the last number that it printed), wall time, and peak memory."""

    own_ns: int
    wall_s: float
    peak_bytes: int
    output: str


def build(folder: Path) -> str:
    """Compile the workload. Raises :class:`Missing` without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Missing("no C compiler: sudo apt install gcc")
    target = folder / "loop"
    subprocess.run([compiler, "-O2", "-o", str(target), str(SOURCE)], check=True)
    return str(target)


def environment() -> dict[str, str]:
    """Return the environment of an installed program: its modules are compiled, as pip leaves them."""
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return ours | {"PYTHONPYCACHEPREFIX": _COMPILED.name}


def run(command: Sequence[str], timeout_s: float = 300) -> Finished:
    """Run a command to its end, its output in a file so that a pipe costs nothing."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        begin = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=environment()
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
        errors.seek(0)
        if process.returncode:
            raise Missing(f"{' '.join(command[:3])}…: status {process.returncode}: {errors.read()[-300:]}")
    numbers = [line for line in text.splitlines() if line.strip().isdigit()]
    return Finished(int(numbers[0]) if numbers else 0, wall, _kilobytes(usage) * 1024, text)


def _kilobytes(usage: resource.struct_rusage) -> int:
    return usage.ru_maxrss


def median(measure: Callable[[], float], times: int) -> float:
    """Return the median of several measurements."""
    return statistics.median(measure() for _ in range(times))


def traced(probe: str, recording: Path, *options: str) -> list[str]:
    """Return the command that runs what follows under iotrace."""
    return [*IOTRACE, "run", "--probe", probe, "--force", "-o", str(recording), *options, "--"]


def strace(*options: str) -> list[str]:
    """Return an strace command that stops at the same calls."""
    if shutil.which("strace") is None:
        raise Missing("no strace: sudo apt install strace")
    names = ",".join("?" + call.name for call in CALLS if call.name != "restart_syscall")
    return ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={names}", *options]


def perf(*arguments: str) -> list[str]:
    """Return a perf command."""
    if shutil.which("perf") is None:
        raise Missing("no perf: sudo apt install linux-perf")
    return ["perf", *arguments]
