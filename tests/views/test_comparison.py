"""Recordings side by side, as a person sees them."""

from __future__ import annotations

import io
from itertools import combinations_with_replacement

import pytest
from rich.cells import cell_len

from iotrace import views
from iotrace.analysis import Analysis
from iotrace.analysis.comparison import compare
from iotrace.cli.compare import names
from tests.views import scenes
from tests.views.goldens import assert_golden

MODELS = {
    "blocking": scenes.blocking,
    "non-blocking": scenes.nonblocking,
    "multiplexing": scenes.chat,
    "asynchronous": scenes.asynchronous,
}


def drawn(recordings: list[tuple[str, Analysis]], width: int = 80, ascii: bool = False) -> str:
    file = io.StringIO()
    view = views.comparison(compare(recordings), [analysis for _, analysis in recordings])
    views.console("never", ascii, width, file).print(view)
    return file.getvalue()


def test_models() -> None:
    assert_golden("compare_models", drawn([(name, scene()) for name, scene in MODELS.items()]))


def test_models_wide() -> None:
    recordings = [(name, scene()) for name, scene in MODELS.items()]
    assert_golden("compare_models_160", drawn(recordings, 160))


def test_before_and_after_ascii() -> None:
    recordings = [("before", scenes.nonblocking()), ("after", scenes.blocking())]
    assert_golden("compare_before_and_after_ascii", drawn(recordings, 100, ascii=True))


def test_unlike_recordings() -> None:
    """Two probes, and one recording in which nothing was received."""
    recordings = [
        ("eBPF", scenes.chat()), ("ptrace", scenes.chat(accounted=True)), ("nothing", scenes.empty()),
    ]  # fmt: skip
    assert_golden("compare_unlike", drawn(recordings))


@pytest.mark.parametrize("width", [60, 80, 97, 120, 200])
@pytest.mark.parametrize("ascii", [False, True])
def test_every_line_fits(width: int, ascii: bool) -> None:
    scened = {name: scene() for name, scene in scenes.SCENES.items()} | {"\x1b[2J": scenes.empty()}
    for pair in combinations_with_replacement(scened.items(), 2):
        text = drawn(list(pair), width, ascii)
        assert all(cell_len(line) <= width for line in text.split("\n"))
        assert "\x1b" not in text
        assert text.isascii() or not ascii


def test_no_number_is_cut_at_80() -> None:
    text = drawn([(f"{name} server", scene()) for name, scene in MODELS.items()])
    table = text[text.index("  ops") if "  ops" in text else text.index("calls EAGAIN") :]
    assert "…" not in table


def test_names_are_short_and_differ(tmp_path_factory: pytest.TempPathFactory) -> None:
    from pathlib import Path

    def of(*files: str) -> list[str]:
        return names([Path(file) for file in files])

    assert of("iotrace-chat.py.12.iotrace", "x/iotrace-echo.py.13.iotrace") == ["chat.py", "echo.py"]
    assert of("iotrace-chat.12.iotrace", "iotrace-chat.13.iotrace") == ["chat.12", "chat.13"]
    assert of("before.iotrace", "after.iotrace") == ["before", "after"]
    assert of("a/run.iotrace", "b/run.iotrace") == ["1: run", "2: run"]
