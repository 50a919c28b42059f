"""Inject faults by the ten thousand and write what was seen to docs/faults.md: ``python -m tests.faults``.

Takes about twenty minutes on two cores; ``--scale 0.01`` tries that it works.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import random
import resource
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.command import ROOT, iotrace
from tests.faults.files import mutated, random_rows, tried
from tests.faults.killed import kill_once

MUTATED, RANDOM, KILLED = 100_000, 10_000, 200
BLOCK = 500

#: How long one file may take before it counts as hanging; how much memory a process may add to its start.
HANG_S, MEMORY = 20, 1 << 30

#: Faults whose tests need no many: what is done, and where.
TESTED = (
    ("disk full while recording", "a file system of 64 KiB",
     "one line, status 125, the target runs to its end, the rows so far can be read",
     "tests/iotrace/capture/test_signals.py"),
    ("disk full before the first row; read-only; a closed folder; a FIFO, a folder, /dev/full for a name",
     "real file systems and files, both probes",
     "one line, status 125, the target is not started, nothing is left",
     "tests/security/test_outputs.py"),
    ("disk full, read-only, closed folder for each export and figure", "a file system of 4 KiB, and the like",
     "one line, status 125, no part of a file is left", "tests/security/test_outputs.py"),
    ("links and folders swapped under an output, as root by sudo",
     "the invoking user, in a loop, 400 outputs each",
     "no file of root's is touched or made; a careless program loses within seconds",
     "tests/security/test_outputs.py"),
    ("ring buffer overflows", "a small buffer and a fast loop",
     "produced = stored + lost, to the row; the gaps have their times", "tests/probes/test_bpf_evidence.py"),
    ("tracer of an attached server killed (ptrace)",
     "SIGKILL at any moment of attaching, recording and detaching, under load, 100 times for each of three"
     " servers", "every answer right, nothing left stopped or traced", "tests/probes/test_ptrace_attach.py"),
    ("disk slow or full while attached (ptrace)",
     "a sink that takes nothing, or raises; a limit on the file's size",
     "the server answers all the same; rows that nobody takes are counted, with the times of the gap",
     "tests/probes/test_ptrace_attach.py`, `tests/iotrace/capture/test_attach.py"),
    ("target killed inside a call", "SIGKILL in recvfrom, epoll_wait, read, accept4, both probes",
     "the call is recorded as interrupted or in flight, the status is the target's",
     "tests/faults/test_tracers.py"),
    ("two tracers on one target, ptrace", "strace, or another iotrace",
     "one line, status 125; the first goes on",
     "tests/faults/test_tracers.py"),
    ("two tracers on one target, eBPF", "three at once, or one beside ptrace",
     "each has every call, and no process of another tracer", "tests/faults/test_tracers.py"),
    ("CPUs' rows out of order", "real recordings, each CPU's rows mixed with the others' at random",
     "the same analysis, to the number", "tests/faults/test_tracers.py"),
    ("rows in any order, with any relation", "generated streams", "an orderly analysis",
     "tests/analysis/test_properties.py"),
    ("a header or a note of other kinds", "each fact replaced by numbers, texts, lists, nests without end",
     "read, or refused in one line", "tests/faults/test_hostile_recordings.py"),
    ("a file that unpacks to more than memory", "2 MB that unpack to 400 MB, 800 MB, all zeros",
     "refused in one line, below 1 GB", "tests/faults/test_hostile_recordings.py"),
    ("a recording that would run code", "pickles, extension types, nested schemas", "nothing is run",
     "tests/faults/test_hostile_recordings.py"),
    ("names that are attacks",
     "a server whose files, sockets, pipes and arguments are called so, both probes",
     "words, in every view, export and figure", "tests/security/test_hostile_targets.py"),
    ("bpf(2) or perf_event_open(2) refused", "seccomp filters, a user namespace, capabilities withheld",
     "one line that names the cause; without --probe bpf the run goes on with ptrace",
     "tests/security/test_permissions.py"),
    ("terminal closed", "the other side of a pseudo-terminal", "no traceback, the recording is whole",
     "tests/iotrace/capture/test_signals.py"),
    ("reader gone", "a pipe closed", "no word, no failure", "tests/iotrace/cli/test_export.py"),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    scale = parser.parse_args().scale
    with tempfile.TemporaryDirectory(prefix="iotrace-faults-") as name:
        rows: list[tuple[str, str, int, str]] = []
        for row in _rows(Path(name), scale):
            rows.append(row)
            (ROOT / "docs" / "faults.md").write_text(_page(rows))


def _rows(folder: Path, scale: float) -> Iterable[tuple[str, str, int, str]]:
    done = iotrace(folder, "demo", "partial_receive", "-o", "whole.iotrace")
    assert done.returncode == 0, done.stderr
    whole = (folder / "whole.iotrace").read_bytes()
    for name, how, count, block in (
        ("a recording with faults", "bits flipped, pieces cut, moved, inserted, overwritten, lengths forged",
         MUTATED, partial(_mutated, whole)),
        ("a recording of wrong numbers", "whole and with right checksums, the columns hold anything", RANDOM,
         _random),
    ):  # fmt: skip
        tries = max(BLOCK, round(count * scale) // BLOCK * BLOCK)
        seen, peak = _many(block, range(0, tries, BLOCK))
        what = ", ".join(f"{each} {times:,}" for each, times in sorted(seen.items()))
        yield name, how, tries, f"{what}; no traceback, none over {HANG_S} s, peak memory {peak >> 20} MB"
        print(name, tries, what, peak >> 20, flush=True)
    picked, tries = random.Random(23), max(2, round(KILLED * scale))
    for probe in ("bpf", "ptrace"):
        counts = [kill_once(folder, probe, picked.uniform(0, 3)) for _ in range(tries // 2)]
        yield (
            f"tracer killed ({probe})", "SIGKILL up to 3 s after the target's first word", len(counts),
            f"all can be read, to within the last two seconds; {sum(counts):,} calls in all",
        )  # fmt: skip
        print("killed", probe, len(counts), flush=True)


def _many(
    block: Callable[[int], tuple[Counter[str], int]], starts: Iterable[int]
) -> tuple[Counter[str], int]:
    seen: Counter[str] = Counter()
    peak = 0
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), _limit) as pool:
        for found, memory in pool.imap_unordered(block, starts):
            seen += found
            peak = max(peak, memory)
    return seen, peak


def _limit() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    signal.signal(signal.SIGALRM, _hang)


def _hang(*_: object) -> None:
    raise TimeoutError(f"one file took more than {HANG_S} s")


def _mutated(whole: bytes, start: int) -> tuple[Counter[str], int]:
    picked = random.Random(start)
    return _block(lambda path, _: path.write_bytes(mutated(whole, picked)), start)


def _random(start: int) -> tuple[Counter[str], int]:
    return _block(random_rows, start)


def _block(make: Callable[[Path, int], object], start: int) -> tuple[Counter[str], int]:
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="iotrace-faults-") as name:
        path = Path(name) / "faulty.iotrace"
        for number in range(start, start + BLOCK):
            make(path, number)
            signal.alarm(HANG_S)
            seen[tried(path)] += 1
            signal.alarm(0)
    peak = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return seen, int(peak.split()[1]) << 10


def _page(rows: list[tuple[str, str, int, str]]) -> str:
    lines = [
        "# Faults that were survived",
        "",
        f"By `python -m tests.faults` on Linux {platform.release().split('-')[0]},"
        f" {datetime.fromtimestamp(time.time(), UTC):%Y-%m-%d}; a few of each are in `make test`"
        " (`tests/faults`).",
        "",
        "| fault | injected by | times | seen |",
        "|---|---|---:|---|",
        *(f"| {name} | {how} | {count:,} | {seen} |" for name, how, count, seen in rows),
        "",
        "By the tests, with every `make test`:",
        "",
        "| fault | injected by | seen | where |",
        "|---|---|---|---|",
        *(f"| {name} | {how} | {seen} | `{where}` |" for name, how, seen, where in TESTED),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
