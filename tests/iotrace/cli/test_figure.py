"""`iotrace figure` as a person types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from iotrace.figures import KINDS
from iotrace.recording.writing import Writer
from probes.events import EVENT, Kind, batch
from probes.table import BY_NAME
from tests.command import environment, iotrace
from tests.live import require


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two recordings of real servers."""
    require("ptrace")
    path = tmp_path_factory.mktemp("figures")
    for name in ("select_chat", "blocking_echo"):
        done = iotrace(path, "demo", name, "--probe", "ptrace", "-o", f"{name}.iotrace")
        assert done.returncode == 0, done.stderr
    return path


def test_the_list_names_every_kind(tmp_path: Path) -> None:
    done = iotrace(tmp_path, "figure", "--list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if line[0] != " "][: len(KINDS)] == [
        kind.name for kind in KINDS
    ]


def test_the_newest_recording_is_drawn_beside_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "blocking_echo.iotrace").write_bytes((folder / "blocking_echo.iotrace").read_bytes())
    done = iotrace(tmp_path, "figure")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == "iotrace: wrote blocking_echo-model.svg\n"
    assert "blocking_echo.py" in (tmp_path / "blocking_echo-model.svg").read_text()
    again = iotrace(tmp_path, "figure")
    assert again.returncode == 125
    assert again.stderr.count("\n") == 1
    assert "--force" in again.stderr
    assert iotrace(tmp_path, "figure", "--force").returncode == 0


@pytest.mark.parametrize("kind", ["model", "timeline", "conversation", "latency"])
@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_a_real_server_in_every_format(folder: Path, tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    done = iotrace(
        folder, "figure", "select_chat.iotrace", "--kind", kind, "--theme", "dark", "-o", str(path)
    )
    assert done.returncode == 0, done.stderr
    starts = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF"}
    assert path.read_bytes().startswith(starts[suffix])


def test_a_comparison_of_two(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    files = ("select_chat.iotrace", "blocking_echo.iotrace")
    done = iotrace(folder, "figure", *files, "--kind", "comparison", "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert ">blocking<" in path.read_text()


def test_steps_are_files_or_pages(folder: Path, tmp_path: Path) -> None:
    done = iotrace(folder, "figure", "blocking_echo.iotrace", "--steps", "-o", str(tmp_path / "x.svg"))
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in tmp_path.glob("x-*.svg"))
    assert made == [f"x-{number}.svg" for number in range(1, len(made) + 1)]
    sizes = [(tmp_path / name).stat().st_size for name in made]
    assert len(made) >= 4
    assert sizes == sorted(sizes)
    done = iotrace(folder, "figure", "blocking_echo.iotrace", "--steps", "-o", str(tmp_path / "x.pdf"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.pdf").exists()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("-o", "x.bmp"), 2, ".svg"),
        (("-o", "nowhere/x.svg"), 125, "cannot be written"),
        (("--operation", "1000000"), 125, "no operation 1000000"),
        (("--kind", "buffer"), 125, "kernel_buffer"),
        (("--kind", "comparison"), 125, "--models"),
        (("select_chat.iotrace", "blocking_echo.iotrace"), 2, "1 recording at most"),
        (("--models",), 2, "comparison"),
        (("missing.iotrace",), 125, "missing.iotrace"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(
    folder: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    done = iotrace(folder, "figure", *words)
    assert done.returncode == status
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(folder.glob("*.svg"))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_million_events(tmp_path: Path, suffix: str) -> None:
    """Within 600 MB; how long it takes is a matter of benchmarks."""
    count = 1_000_000
    rows = np.zeros(count, EVENT)
    begin = np.arange(count, dtype=np.uint64) * 1000 + 10**12
    rows["kind"], rows["tid"], rows["tgid"], rows["fd"], rows["ret"] = Kind.CALL, 100, 100, 4, 64
    rows["enter_ns"], rows["exit_ns"] = begin, begin + 800
    receives = np.arange(count) % 2 == 1
    rows["code"] = np.where(receives, BY_NAME["recvfrom"].code, BY_NAME["sendto"].code)
    for name, offset in (("sleep", 100), ("ready", 450), ("waking", 500), ("running", 600), ("copy", 650)):
        rows[f"{name}_ns"][receives] = begin[receives] + offset
    rows["sleeps"][receives], rows["asleep_ns"][receives], rows["copies"][receives] = 1, 400, 1
    writer = Writer(tmp_path / "million.iotrace", {"probe": "bpf", "argv": ["server.py"]})
    writer.write(batch(rows))
    writer.close()
    for kind in ("timeline", "model", "latency"):
        code = (
            "import sys; from pathlib import Path; from iotrace.cli import main;"
            f"status = main(['figure', '--kind', '{kind}', '-o', '{kind}.{suffix}']);"
            # Not ru_maxrss: that counts this process too, from before the exec.
            "lines = Path('/proc/self/status').read_text().splitlines();"
            "print(*(line.split()[1] for line in lines if line.startswith('VmHWM'))); sys.exit(status)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(done.stdout) < 600_000
