"""A few of each fault; ``python -m tests.faults`` injects them by the ten thousand."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.command import iotrace
from tests.faults.files import READ, REFUSED, mutated, random_rows, tried
from tests.faults.killed import kill_once
from tests.live import require

MUTATED, RANDOM, KILLED = 1_500, 150, 3


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real recording, of a server with its clients."""
    require("ptrace")
    folder = tmp_path_factory.mktemp("faults")
    done = iotrace(folder, "demo", "partial_receive", "--probe", "ptrace", "-o", "whole.iotrace")
    assert done.returncode == 0, done.stderr
    return (folder / "whole.iotrace").read_bytes()


def test_a_file_with_faults_is_read_or_refused(recording: bytes, tmp_path: Path) -> None:
    picked, path = random.Random(23), tmp_path / "faulty.iotrace"
    seen = []
    for _ in range(MUTATED):
        path.write_bytes(mutated(recording, picked))
        seen.append(tried(path))
    path.unlink()  # no probe made what it holds
    assert seen.count(REFUSED) > MUTATED / 2


def test_numbers_that_no_kernel_gives_are_read_or_refused(tmp_path: Path) -> None:
    path, seen = tmp_path / "random.iotrace", []
    for seed in range(RANDOM):
        random_rows(path, seed)
        seen.append(tried(path))
    path.unlink()  # no probe made what it holds
    assert min(seen.count(READ), seen.count(REFUSED)) > 10


@pytest.mark.parametrize("command", ["report", "show", "calls", "figure", "export", "compare"])
def test_every_command_refuses_in_one_line(command: str, recording: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.iotrace"
    path.write_bytes(recording[:3000] + b"\xff" * 64 + recording[3064:])
    more = {"export": ("-o", "x.csv"), "compare": (str(path),)}.get(command, ())
    done = iotrace(tmp_path, command, str(path), *more)
    assert done.returncode == 125
    assert len(done.stderr.splitlines()) == 1
    assert "is damaged" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["x.iotrace"]  # nothing half-written is left


@pytest.mark.parametrize("probe", ["bpf", "ptrace"])
def test_a_tracer_that_is_killed_leaves_a_recording(probe: str, tmp_path: Path) -> None:
    require(probe)
    picked = random.Random(23)
    counts = [kill_once(tmp_path, probe, picked.uniform(0, 2.6)) for _ in range(KILLED)]
    assert counts
