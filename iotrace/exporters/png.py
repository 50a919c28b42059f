"""A scene as PNG, drawn by resvg from the scene's own SVG."""

from __future__ import annotations

from collections.abc import Sequence

from iotrace.exporters.svg import document
from iotrace.figures.scene import Scene
from iotrace.fonts import BOLD, FAMILIES, REGULAR, chinese
from iotrace.theme import Theme

#: Pixels of the picture a CSS pixel: 960 points become 2560 pixels.
ZOOM = 2


def export(scenes: Sequence[Scene], theme: Theme) -> bytes:
    """Return the file of one scene."""
    import resvg_py

    files = [str(path) for path in (REGULAR, BOLD, chinese()) if path is not None]
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=document(scenes[0], theme),
            zoom=ZOOM,
            skip_system_fonts=True,
            font_files=files,
            font_family=FAMILIES[0],
            sans_serif_family=FAMILIES[0],
        )
    )
