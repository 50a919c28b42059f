"""What the probes cost their target, beside strace, perf trace, and empty programs."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.line import Line
from benchmarks.workload import IOTRACE, Missing, perf, run, strace, traced

ROUND_TRIPS = 1_000_000  # two calls each
FEW_ROUND_TRIPS = 20_000
COMPUTE_ROUNDS = 40_000
REPEATS = 5


def ebpf(loop: str, folder: Path) -> list[Line]:
    """The eBPF probe on saturated loops of 64-byte send and recv, and what it lost."""
    recording = folder / "loop.iotrace"
    work = [loop, "io", str(ROUND_TRIPS)]
    empty = [IOTRACE[0], "-m", "benchmarks.empty", *work]
    script = [sys.executable, str(Path(__file__).with_name("loop.py")), str(ROUND_TRIPS // 2)]
    python, python_floor, python_ours = _interleaved(
        [script, [IOTRACE[0], "-m", "benchmarks.empty", *script], [*traced("bpf", recording), *script]]
    )
    plain, floor, ours = _interleaved([work, empty, [*traced("bpf", recording), *work]])
    few = [loop, "io", str(FEW_ROUND_TRIPS)]
    untraced_few = _own(few)
    report = json.loads(run([*IOTRACE, "report", "--json", str(recording)]).output)
    rows = report["events"]
    per_second = 2 * ROUND_TRIPS / (ours / 1e9)
    lines = [
        Line("eBPF probe, loop in Python", python_ours / 1e9, "s", python / 1e9, "untraced", 1.6),
        Line("eBPF probe, loop in Python", python_ours / 1e9, "s", python_floor / 1e9, "empty programs", 1.4),
        Line("  empty programs", python_floor / 1e9, "s", python / 1e9, "untraced"),
        Line("eBPF probe, loop in C", ours / 1e9, "s", plain / 1e9, "untraced", 1.6),
        Line("eBPF probe, loop in C", ours / 1e9, "s", floor / 1e9, "empty programs", 1.4),
        Line("  empty programs", floor / 1e9, "s", plain / 1e9, "untraced"),
        Line("  rows lost", report["lost"], "rows", None, "", 0, f"of {rows:,} at {per_second:,.0f}/s"),
        Line("  bytes a row on disk", recording.stat().st_size / rows, "B", None, "", 12),
    ]
    for name, command in (
        ("perf trace", perf("trace", "-o", "/dev/null", "-e", "recvfrom,sendto", "--")),
        ("strace -f --seccomp-bpf", strace()),
    ):
        lines.append(Line(f"  {name}", _own([*command, *few]) / 1e9, "s", untraced_few / 1e9, "untraced"))
    return lines


def ptrace(loop: str, folder: Path) -> list[Line]:
    """The ptrace probe, pinned and not, beside strace stopping at the same calls."""
    recording = folder / "few.iotrace"
    few = [loop, "io", str(FEW_ROUND_TRIPS)]
    ours = [*traced("ptrace", recording), *few]
    pinned = [*traced("ptrace", recording, "--pin"), *few]
    peer, free, bound = _interleaved([[*strace(), *few], ours, pinned])
    compute = [loop, "compute", str(COMPUTE_ROUNDS)]
    plain, quiet = _interleaved([compute, [*traced("ptrace", recording), *compute]])
    name = "strace -f --seccomp-bpf"
    return [
        Line("ptrace probe, saturated loop", free / 1e9, "s", peer / 1e9, name, 1.1),
        Line("ptrace probe --pin", bound / 1e9, "s", peer / 1e9, name, 0.4),
        Line("ptrace probe, no call of the table", quiet / 1e9, "s", plain / 1e9, "untraced", 1.1),
    ]


def _own(command: Sequence[str]) -> float:
    return run(command).own_ns


def _interleaved(commands: Sequence[Sequence[str]]) -> list[float]:
    """Return each command's median own time; rounds are interleaved so that drift hits all alike."""
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(REPEATS):
        for command, column in zip(commands, times, strict=True):
            value = _own(command)
            if not value:
                raise Missing(f"{command[0]} printed no figure")
            column.append(value)
    return [statistics.median(column) for column in times]
