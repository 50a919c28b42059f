"""The one cleaner for whatever comes from the target: names, paths, arguments, addresses.

A terminal obeys escape sequences and bidirectional controls wherever they come from, and rich lets them
pass. What :meth:`str.isprintable` refuses (controls, format characters, surrogates, every blank but the
space) is written as a Python escape instead: that covers C0 and C1, the line separators and the
directional marks of UAX #9.
"""

from __future__ import annotations


def clean(text: str, ascii_only: bool = False) -> str:
    r"""Return ``text`` with everything unprintable as ``\xNN``, ``\uNNNN`` or ``\UNNNNNNNN``.

    Bytes that were no UTF-8 (surrogateescape) come back as the ``\xNN`` that they were.
    With ``ascii_only`` whatever lies outside ASCII is written so too.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isprintable() and (char.isascii() or not ascii_only) else escaped(char) for char in text
    )


def escaped(char: str) -> str:
    """Return one character as its escape."""
    point = ord(char)
    if 0xDC80 <= point <= 0xDCFF:
        point -= 0xDC00
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"
