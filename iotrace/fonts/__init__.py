"""The font of pictures: Noto Sans, regular and bold, without what European scripts do not need (see OFL.txt).

An SVG names it and falls back to what its reader has; PNG and PDF are drawn with it, on any machine. What
it has no signs for (Chinese, Japanese, Korean) comes from a font of this machine where there is one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

REGULAR = Path(__file__).parent / "NotoSans-Regular.ttf"
BOLD = Path(__file__).parent / "NotoSans-Bold.ttf"

#: What an SVG asks for: the widths of all of these fit where :mod:`iotrace.figures.metrics` made room.
FAMILIES = (
    "Noto Sans", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans", "Noto Sans CJK SC",
    "Noto Sans SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Micro Hei",
    "Droid Sans Fallback", "sans-serif",
)  # fmt: skip

_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
)

#: Fonts with Chinese signs, the best first: Noto's, WenQuanYi's, Android's (Debian: fonts-droid-fallback).
_CHINESE = (
    "NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "NotoSansSC-Regular.ttf",
    "NotoSansCJKsc-Regular.otf", "SourceHanSansSC-Regular.otf", "wqy-microhei.ttc", "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf",
)  # fmt: skip

_TRUETYPE = (
    "NotoSansSC-Regular.ttf",
    "DroidSansFallbackFull.ttf",
    "DroidSansFallback.ttf",
    "wqy-microhei.ttc",
)


@cache
def chinese(truetype: bool = False) -> Path | None:
    """Return a font file of this machine that has Chinese signs, with TrueType outlines if asked; or None."""
    found: dict[str, Path] = {}
    for folder in _FOLDERS:
        for path in Path(folder).expanduser().rglob("*.[to]t[fc]"):
            if path.name in _CHINESE:
                found.setdefault(path.name, path)
    wanted = _TRUETYPE if truetype else _CHINESE
    return next((found[name] for name in wanted if name in found), None)
