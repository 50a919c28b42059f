"""How wide words are, without a screen: advance widths of the widest of the usual fonts.

``advances.tsv`` has the wider of Noto Sans and DejaVu Sans; Helvetica, Arial and Liberation Sans are
narrower than either. ``advances-chinese.tsv`` has what only our Noto Sans SC has. So text that fits here fits
in whatever font its reader has. East Asian wide signs are one em (UAX #11) in all of them; what no table
knows is taken as an em too.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

#: Of the size: how far letters reach above and below their baseline, without accents on capitals.
ASCENT, DESCENT = 0.76, 0.22

ELLIPSIS = "…"

TABLE = Path(__file__).parent / "advances.tsv"
CHINESE_TABLE = Path(__file__).parent / "advances-chinese.tsv"

_EM = 1000

#: What slide programs put between Chinese and another script, whether there is a blank or not: a quarter em.
_BETWEEN = 250


def width(words: str, size: float, bold: bool = False) -> float:
    """Return the room that a line of words takes, in points."""
    return _thousandths(words, bold) * size / _EM


def known(words: str) -> bool:
    """Return whether the pictures' own fonts have all the signs."""
    return all(sign in _advances()[False] or sign in _chinese()[False] for sign in words)


def latin(sign: str) -> bool:
    """Return whether the font is Noto Sans that draws a sign."""
    return sign in _advances()[False]


def chinese(sign: str) -> bool:
    """Return whether the font is Noto Sans SC that draws a sign."""
    return sign in _chinese()[False]


def fit(words: str, room: float, size: float, bold: bool = False) -> str:
    """Return the words, or, where they do not fit, as much of their begin and end as does, around an …"""
    if len(words) * size <= room * 4 and width(words, size, bold) <= room:
        return words
    low, high = 0, min(len(words), int(room * 8 / size) + 1)
    while low < high:  # the most signs that fit
        kept = (low + high + 1) // 2
        if width(_shortened(words, kept), size, bold) <= room:
            low = kept
        else:
            high = kept - 1
    return _shortened(words, low) if width(ELLIPSIS, size, bold) <= room else ""


def wrap(words: str, room: float, size: float, most: int, bold: bool = False) -> list[str]:
    """Return at most ``most`` lines; the last one is shortened where there are more."""
    lines: list[str] = []
    rest = words.split()
    while rest and len(lines) < most - 1:
        line = rest.pop(0)
        while rest and width(f"{line} {rest[0]}", size, bold) <= room:
            line += f" {rest.pop(0)}"
        lines.append(fit(line, room, size, bold))
    if rest:
        lines.append(fit(" ".join(rest), room, size, bold))
    return lines


def _shortened(words: str, kept: int) -> str:
    if kept >= len(words):
        return words
    head = (kept + 1) // 2
    tail = kept - head
    return words[:head].rstrip() + ELLIPSIS + (words[len(words) - tail :].lstrip() if tail else "")


@lru_cache(4096)
def _thousandths(words: str, bold: bool) -> int:
    table = _advances()[bold]
    whole = sum(table[sign] if sign in table else _other(sign, bold) for sign in words)
    return whole if words.isascii() else whole + _BETWEEN * _changes(words)


def _changes(words: str) -> int:
    """Return how often Chinese and another script meet in a line."""
    wide = [unicodedata.east_asian_width(sign) in "WF" for sign in words if not sign.isspace()]
    return sum(before != after for before, after in pairwise(wide))


def _other(sign: str, bold: bool) -> int:
    table = _chinese()[bold]
    if sign in table:
        return table[sign]
    return 0 if unicodedata.combining(sign) else _EM


@cache
def _advances() -> tuple[dict[str, int], dict[str, int]]:
    return _read(TABLE)


@cache
def _chinese() -> tuple[dict[str, int], dict[str, int]]:
    return _read(CHINESE_TABLE)


def _read(path: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Read the tables for regular and bold."""
    regular: dict[str, int] = {}
    bold: dict[str, int] = {}
    for line in path.read_text("ascii").splitlines():
        if line.startswith("#"):
            continue
        span, thin, thick = line.split("\t")
        first, _, last = span.partition("-")
        for point in range(int(first, 16), int(last or first, 16) + 1):
            regular[chr(point)], bold[chr(point)] = int(thin), int(thick)
    return regular, bold
