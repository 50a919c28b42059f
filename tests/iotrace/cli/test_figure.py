"""`iotrace figure` as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from iotrace.figures import KINDS
from tests.command import iotrace
from tests.live import require
from tests.million import MOST_KB, million, peak_kb


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
    recording = million(tmp_path)
    for kind in ("timeline", "model", "latency"):
        words = ("figure", str(recording), "--kind", kind, "-o", f"{kind}.{suffix}")
        assert peak_kb(tmp_path, *words) < MOST_KB
