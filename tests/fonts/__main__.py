"""Make the Chinese fonts of ``iotrace/fonts``, exactly the signs of our texts, and the table of their widths.

    python -m tests.fonts FOLDER

FOLDER has Noto Sans SC, regular and bold, with TrueType outlines, somewhere in it: the package
``@expo-google-fonts/noto-sans-sc`` of npm has them (``make fonts`` fetches it).
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from iotrace import fonts
from iotrace.figures import metrics
from tests.fonts.signs import wanted

_SOURCES = {fonts.CHINESE: "NotoSansSC_400Regular.ttf", fonts.CHINESE_BOLD: "NotoSansSC_700Bold.ttf"}

#: Copyright, family, style, unique name, full name, version, PostScript name, licence and where it is.
_NAMES = [0, 1, 2, 3, 4, 5, 6, 13, 14]


def main(folder: Path) -> int:
    """Write the two fonts and the table."""
    signs = wanted()
    for target, name in _SOURCES.items():
        source = next(folder.rglob(name), None)
        if source is None:
            print(f"{folder} has no {name}: unpack the package there", file=sys.stderr)
            return 1
        font = TTFont(source)
        missing = signs - {chr(point) for point in font.getBestCmap()}
        if missing:
            print(f"{name} lacks {' '.join(sorted(missing))}: write it otherwise", file=sys.stderr)
            return 1
        _cut(font, signs)
        font.save(target)
        print(f"{target.name}: {len(signs)} signs, {target.stat().st_size:,} bytes")
    metrics.CHINESE_TABLE.write_text(_table(), "ascii")
    return 0


def _cut(font: TTFont, signs: set[str]) -> None:
    """Leave only some signs in a font; no hints, no features: both are for smaller letters than ours."""
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.name_IDs = _NAMES
    options.notdef_outline = True
    options.recalc_timestamp = False
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[ord(sign) for sign in signs])
    cutter.subset(font)


def _table() -> str:
    """Return the widths of both fonts, equal neighbours in one line."""
    regular, bold = (_advances(path) for path in _SOURCES)
    lines = [
        "# Advance widths in thousandths of an em: our subset of Noto Sans SC, regular and bold.",
        "# code points (hexadecimal, one or first-last)\tregular\tbold",
    ]
    first = -1
    for point in sorted(regular):
        first = point if first < 0 else first
        widths = regular[point], bold[point]
        if (regular.get(point + 1), bold.get(point + 1)) != widths:
            span = f"{first:x}" if first == point else f"{first:x}-{point:x}"
            lines.append(f"{span}\t{widths[0]}\t{widths[1]}")
            first = -1
    return "\n".join(lines) + "\n"


def _advances(path: Path) -> dict[int, int]:
    font = TTFont(path)
    em = font["head"].unitsPerEm
    return {point: round(font["hmtx"][name][0] * 1000 / em) for point, name in font.getBestCmap().items()}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(main(Path(sys.argv[1])))
