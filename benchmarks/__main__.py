"""Measure everything and print one table: ``python -m benchmarks`` (a few minutes; as root for eBPF)."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import commands_cost, exports_cost, load, probes_cost
from benchmarks.line import Line
from benchmarks.workload import Missing, build

PARTS: dict[str, Callable[[str, Path], list[Line]]] = {
    "ebpf": probes_cost.ebpf,
    "ptrace": probes_cost.ptrace,
    "start": commands_cost.start_up,
    "analysis": commands_cost.analysis,
    "exports": exports_cost.exports,
    "load": load.load,
}


def main(names: list[str]) -> int:
    """Run the named parts, default all; return 1 if a bound is broken or a part could not run."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    lines: list[Line] = []
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            loop = build(folder)
        except Missing as reason:
            console.print(f"benchmarks: {reason}")
            return 1
        for part in names or list(PARTS):
            try:
                lines += PARTS[part](loop, folder)
            except KeyError:
                console.print(f"benchmarks: no part {part!r}; there are {', '.join(PARTS)}")
                return 2
            except Missing as reason:
                console.print(f"{part}: not measured: {reason}")
                failed = True
    console.print(_table(lines))
    return 1 if failed or any(line.kept is False for line in lines) else 0


def _table(lines: list[Line]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    for heading in ("", "measured", "peer", "ratio", "bound", "kept", ""):
        table.add_column(heading, justify="left" if not heading or heading == "peer" else "right")
    for line in lines:
        value = f"{line.value:,.3f} {line.unit}" if line.unit == "s" else f"{line.value:,.1f} {line.unit}"
        peer = f"{line.peer:,.3f} {line.unit} {line.peer_name}" if line.peer is not None else ""
        ratio = f"{line.ratio:.2f}×" if line.ratio is not None else ""
        sign = "×" if line.peer is not None else f" {line.unit}"
        bound = f"≤ {line.bound:.3g}{sign}" if line.bound is not None else ""
        kept = {True: "yes", False: "NO", None: ""}[line.kept]
        table.add_row(line.what, value, peer, ratio, bound, kept, line.note)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
