"""A figure of the recording, in each format that draws scenes."""

from __future__ import annotations

from typing import BinaryIO

from iotrace import exporters
from iotrace.exporters.contract import CannotExport, Format, Request
from iotrace.figures import KINDS, NothingToDraw, draw
from iotrace.figures import Request as Wanted
from iotrace.theme import THEMES


def write(request: Request, format: Format, out: BinaryIO) -> None:
    """Draw ``request.figure``; with ``steps`` every stage of it."""
    picture = exporters.picture(format.name)
    kind = next((each for each in KINDS if each.name == (request.figure or "timeline")), None)
    theme = next((each for each in THEMES if each.name == request.theme), None)
    assert picture is not None
    assert kind is not None
    assert theme is not None
    wanted = Wanted(((request.path.name, request.analysis),), request.aspect, request.operation)
    try:
        scene = draw(kind.name, wanted)
    except NothingToDraw as nothing:
        raise CannotExport(str(nothing)) from None
    stages = [scene.until(step) for step in range(1, scene.steps + 1)] if request.steps else [scene]
    (content,) = exporters.export(picture, stages, theme)
    out.write(content)
