"""The target's memory is sampled beside the run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.command import ending, iotrace, recorded, report
from tests.live import require

MIB = 1 << 20
HOLDS = f"import os, time\nheld = b'x' * {64 * MIB}\nos.fork()\ntime.sleep(0.6)\n"


@pytest.mark.parametrize("probe", ["bpf", "ptrace"])
def test_the_peak_of_the_whole_tree_is_seen(tmp_path: Path, probe: str) -> None:
    require(probe)
    done = iotrace(tmp_path, "run", "--probe", probe, "--", sys.executable, "-c", HOLDS)
    assert done.returncode == 0, done.stderr
    memory = ending(recorded(tmp_path))["memory"]
    assert memory["processes_at_peak"] == 2
    assert memory["peak_rss_bytes"] > 2 * 64 * MIB
    assert memory["samples"] >= 2
    assert report(tmp_path)["memory"] == memory
