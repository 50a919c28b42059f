"""The console honours what a person, a terminal and a locale say."""

from __future__ import annotations

import io

import pytest

from iotrace import views
from tests.views.scenes import chat


class Terminal(io.StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def drawn(file: io.StringIO, color: str = "auto") -> str:
    views.console(color, file=file).print(views.summary(chat()))  # type: ignore[arg-type]
    return file.getvalue()


def test_a_terminal_has_colours() -> None:
    assert "\x1b[" in drawn(Terminal())
    assert "48;5;" in drawn(Terminal())


def test_a_pipe_has_none_and_is_80_wide() -> None:
    text = drawn(io.StringIO())
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_columns_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "132")
    assert views.console(file=io.StringIO()).width == 132


def test_no_color_takes_the_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = drawn(Terminal())
    assert "38;5;" not in text
    assert "48;5;" not in text


def test_always_beats_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "48;5;" in drawn(io.StringIO(), "always")


def test_never_means_no_escape_at_all() -> None:
    assert "\x1b" not in drawn(Terminal(), "never")


def test_a_dumb_terminal_gets_no_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in drawn(Terminal())


def test_a_locale_without_unicode_gets_ascii() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    views.console(file=file).print(views.summary(chat()))
    file.flush()
    assert b"receive x10" in raw.getvalue()


def test_every_style_is_known() -> None:
    """A name that the theme lacks would be drawn without any style, silently."""
    from iotrace.timeline import What
    from iotrace.views.glyphs import style_of
    from iotrace.views.lanes import _FILLED, _mark_style, _style
    from iotrace.views.theme import STYLES

    names = {style_of(what) for what in What} | {_style(what, True) for what in What}
    names |= {f"{style_of(what)}.swatch" for what in What if what != What.ABSENT}
    rare = (What.COPY, What.ACCEPTED, What.POLLING)
    names |= {_mark_style(mark, fill) for mark in rare for fill in (*_FILLED, What.OWN) if mark != fill}
    assert names - set(STYLES) == set()
