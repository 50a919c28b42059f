"""The live line: seldom, short, and gone at the end. Time is what the caller says it is."""

from __future__ import annotations

import io
import sys

import pytest

from iotrace.cli.status import StatusLine


class Screen(io.StringIO):
    """Standard error, as a terminal or not."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def draw(monkeypatch: pytest.MonkeyPatch, terminal: bool, after_ns: int, times_ms: range) -> str:
    screen = Screen(terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    line = StatusLine(after_ns)
    for time_ms in times_ms:
        line.show(time_ms * 1_000_000, 23, 0)
    line.erase()
    line.erase()
    return screen.getvalue()


def test_a_terminal_gets_five_a_second_and_a_clean_line(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw(monkeypatch, True, 0, range(0, 1000, 10))
    assert drawn.count("\r\x1b[Krecording") == 5
    assert drawn.endswith("23 events, 0 lost\r\x1b[K")
    assert drawn.count("\r\x1b[K") == 6


def test_nothing_before_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert draw(monkeypatch, True, 1_000_000_000, range(0, 1000, 10)) == ""


def test_a_file_gets_a_line_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw(monkeypatch, False, 0, range(0, 30_000, 100))
    assert drawn.splitlines() == [f"iotrace: recording {s:.1f} s, 23 events, 0 lost" for s in (0, 10, 20)]


def test_a_terminal_that_is_gone_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(True)
    monkeypatch.setattr(sys, "stderr", screen)
    line = StatusLine()
    screen.close()
    line.show(0, 1, 0)
    line.erase()
