"""What the commands cost: start-up, attaching, and the analysis of a million and ten million rows."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from benchmarks.line import Line
from benchmarks.workload import IOTRACE, median, perf, run, traced

MILLION = 1_000_000


def start_up(loop: str, folder: Path) -> list[Line]:
    """``--help``, and from the command to the target's first instruction under the eBPF probe."""
    recording = folder / "now.iotrace"
    helping = median(lambda: run([*IOTRACE, "--help"]).wall_s, 7)
    lines = [Line("iotrace --help", helping, "s", None, "", 0.15)]
    for probe, bound in (("bpf", 0.6), ("ptrace", None)):
        attached = []
        for _ in range(5):
            begin = time.monotonic_ns()
            attached.append((run([*traced(probe, recording), loop, "now"]).own_ns - begin) / 1e9)
        lines.append(
            Line(f"command to target's start, {probe}", statistics.median(attached), "s", None, "", bound)
        )
    return lines


def analysis(loop: str, folder: Path) -> list[Line]:
    """``report`` and ``show`` over a million rows beside ``perf trace -s``, and how they grow."""
    small, large = folder / "million.iotrace", folder / "ten.iotrace"
    run([*traced("bpf", small), loop, "io", str(MILLION // 2)])
    run([*traced("bpf", large), loop, "io", str(10 * MILLION // 2)])
    data = folder / "perf.data"
    # As many calls as ours; perf has two events for each.
    run(perf("trace", "record", "-o", str(data), loop, "io", str(MILLION // 2)))
    peer = median(lambda: run(perf("trace", "-s", "-i", str(data))).wall_s, 3)
    lines = []
    for name, bound in (("report", 1 / 3), ("show", 1.0)):
        done = [run([*IOTRACE, name, str(small)]) for _ in range(3)]
        wall = statistics.median(one.wall_s for one in done)
        peak = max(one.peak_bytes for one in done) / 1e6
        lines.append(Line(f"{name}, 1 M rows", wall, "s", peer, "perf trace -s", bound))
        lines.append(Line(f"  {name}, peak memory", peak, "MB", None, "", 400 if name == "report" else None))
        # The first of these may have to wait for a virtual machine's host to give it the memory.
        ten = [run([*IOTRACE, name, str(large)]) for _ in range(3)]
        note = f"{max(one.peak_bytes for one in ten) / 1e6:,.0f} MB"
        much = statistics.median(one.wall_s for one in ten)
        lines.append(Line(f"  {name}, 10 M rows", much, "s", wall, "1 M rows", 10, note))
    return lines
