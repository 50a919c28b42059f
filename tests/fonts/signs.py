"""The signs that our Chinese texts use, and which of them Noto Sans SC has to bring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fontTools.ttLib import TTFont

import iotrace
from iotrace import fonts

_PACKAGE = Path(iotrace.__file__).parent
_DEMOS = _PACKAGE.parent / "demos"


def texts() -> Iterator[Path]:
    """Yield all that may stand in a picture in Chinese: catalogues, lessons, demos."""
    yield from sorted((_PACKAGE / "catalogues").rglob("*.po"))
    yield from sorted((_PACKAGE / "lessons_text").glob("*.zh.md"))
    yield from sorted(path for path in _DEMOS.rglob("*") if path.suffix in (".md", ".py", ".toml"))


def used() -> set[str]:
    """Return all printable signs of our texts."""
    return {sign for path in texts() for sign in path.read_text("utf-8") if sign.isprintable()}


def wanted() -> set[str]:
    """Return the signs that Noto Sans, the font of everything else, lacks."""
    return used() - signs_of(fonts.REGULAR)


def signs_of(path: Path) -> set[str]:
    """Return the signs of a font."""
    return {chr(point) for point in TTFont(path).getBestCmap()}
