"""The fonts of pictures, regular and bold: Noto Sans, and Noto Sans SC for Chinese (see OFL.txt).

Noto Sans is without what European scripts do not need; Noto Sans SC has the signs of our own texts and no
others (``make fonts``). An SVG names them and falls back to what its reader has; PNG and PDF are drawn with
them, on any machine. A sign that they lack comes from a font with Chinese signs of this machine, if there
is one that has it. What no font here has is written as an escape: :func:`iotrace.figures.page.legible`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent

REGULAR = _HERE / "NotoSans-Regular.ttf"
BOLD = _HERE / "NotoSans-Bold.ttf"
CHINESE = _HERE / "NotoSansSC-Regular.ttf"
CHINESE_BOLD = _HERE / "NotoSansSC-Bold.ttf"

FAMILY_CHINESE = "Noto Sans SC"

#: What an SVG asks for: the widths of all of these fit where :mod:`iotrace.figures.metrics` made room.
FAMILIES = (
    "Noto Sans", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans", FAMILY_CHINESE,
    "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Micro Hei",
    "Droid Sans Fallback", "sans-serif",
)  # fmt: skip

_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
)

#: Fonts with Chinese signs and TrueType outlines, the best first: Noto's, WenQuanYi's, Android's
#: (Debian: fonts-droid-fallback).
_KNOWN = (
    "NotoSansSC-Regular.ttf",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "DroidSansFallback.ttf",
)


@cache
def of_machine() -> Path | None:
    """Return a font file of this machine that has Chinese signs; or None."""
    found: dict[str, Path] = {}
    for folder in _FOLDERS:
        for path in Path(folder).expanduser().rglob("*.tt[fc]"):
            if path.name in _KNOWN:
                found.setdefault(path.name, path)
    return next((found[name] for name in _KNOWN if name in found), None)


def machine_has(sign: str) -> bool:
    """Return whether that font has a sign."""
    return ord(sign) in _points()


@cache
def _points() -> frozenset[int]:
    path = of_machine()
    if path is None:
        return frozenset()
    from fontTools.ttLib import TTFont

    with TTFont(path, fontNumber=0, lazy=True) as font:
        return frozenset(font.getBestCmap())
