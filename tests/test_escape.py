"""Nothing from a target reaches a terminal unescaped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotrace.escape import clean


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("server.py", "server.py"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),  # C1: a control sequence in one character
        ("a\u202eb", r"a\u202eb"),  # right-to-left override
        ("a\u2066b\u2069", r"a\u2066b\u2069"),  # isolates
        ("two\nlines\r", r"two\x0alines\x0d"),
        ("\u2028", r"\u2028"),
        ("\ufeffbom", r"\ufeffbom"),
        ("\udcff", r"\xff"),  # a byte that was no UTF-8
        ("\U000e0001", r"\U000e0001"),
        ("数据.py", "数据.py"),
        ("[/bold]", "[/bold]"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_ascii_only() -> None:
    assert clean("é数", ascii_only=True) == r"\xe9\u6570"


@given(st.text(st.characters(codec=None)), st.booleans())
def test_whatever_comes_out_is_printable(text: str, ascii_only: bool) -> None:
    out = clean(text, ascii_only)
    assert out.isprintable()
    assert out.isascii() or not ascii_only
