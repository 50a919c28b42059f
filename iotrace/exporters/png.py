"""A scene as PNG, drawn by resvg from the scene's own SVG."""

from __future__ import annotations

from collections.abc import Sequence

from iotrace.exporters.svg import document
from iotrace.figures.metrics import known
from iotrace.figures.scene import Scene, Text, walk
from iotrace.fonts import BOLD, CHINESE, CHINESE_BOLD, FAMILIES, REGULAR, of_machine
from iotrace.theme import Theme

#: Pixels of the picture a CSS pixel: 960 points become 2560 pixels.
ZOOM = 2


def export(scenes: Sequence[Scene], theme: Theme) -> bytes:
    """Return the file of one scene."""
    import resvg_py

    scene = scenes[0]
    files = [REGULAR, BOLD, CHINESE, CHINESE_BOLD]
    foreign = any(not known(item.words) for item in walk(scene.items) if isinstance(item, Text))
    other = of_machine() if foreign else None
    if other is not None:
        files.append(other)
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=document(scene, theme, own_fonts=True),
            zoom=ZOOM,
            skip_system_fonts=True,
            font_files=[str(path) for path in files],
            font_family=FAMILIES[0],
            sans_serif_family=FAMILIES[0],
        )
    )
