"""What it costs to write a million events in other formats, beside ``perf script``: as text."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.line import Line
from benchmarks.workload import IOTRACE, perf, run, traced

MILLION = 1_000_000

#: Seconds that a format may take, and megabytes that its file may have.
_BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "svg": (3, None), "png": (3, None), "html": (5, 15), "parquet": (10, None), "perfetto-trace": (10, None),
    "pptx": (3, None), "csv": (None, None), "jsonl": (None, None),
    "mmd": (3, None), "cast": (3, None),
}  # fmt: skip
_MOST_MB = 600


def exports(loop: str, folder: Path) -> list[Line]:
    """Each format, its file and the memory it takes."""
    recording, data = folder / "exported.iotrace", folder / "perf.data"
    run([*traced("bpf", recording), loop, "io", str(MILLION // 2)])
    measured = []
    for name in _BOUNDS:
        command = [*IOTRACE, "export", str(recording), "--force", "-o", str(folder / f"exported.{name}")]
        done = [run(command) for _ in range(3)]
        measured.append((statistics.median(one.wall_s for one in done), max(one.peak_bytes for one in done)))
    # Last: its text makes this process large, and a child begins as large as its parent.
    run(perf("trace", "record", "-o", str(data), loop, "io", str(MILLION // 2)))
    peer = run(perf("script", "-i", str(data))).wall_s
    lines = []
    for (name, (most_s, most_mb)), (wall, peak) in zip(_BOUNDS.items(), measured, strict=True):
        note = f"{wall / peer:.2f}× of perf script ({peer:.1f} s)"
        size = (folder / f"exported.{name}").stat().st_size
        lines.append(Line(f"export {name}, 1 M events", wall, "s", None, "", most_s, note))
        lines.append(Line("  peak memory", peak / 1e6, "MB", None, "", _MOST_MB))
        lines.append(Line("  file", size / 1e6, "MB", None, "", most_mb))
    return lines
