"""Slides of native shapes, by python-pptx: one figure, a recording's deck, or the lesson of a demo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from iotrace import wording
from iotrace.exporters.contract import CannotExport, Format, Request
from iotrace.figures import KINDS, NothingToDraw, draw
from iotrace.figures import Request as Wanted
from iotrace.figures.page import legible
from iotrace.figures.scene import HEIGHTS, Scene
from iotrace.language import _
from iotrace.theme import THEMES, Theme


def export(scenes: Sequence[Scene], theme: Theme) -> bytes:
    """Return the file of figures alone: a slide a scene, of its size."""
    from iotrace.exporters.pptx.slides import Slides

    slides = Slides(scenes[0].title, scenes[0].height, theme)
    for scene in scenes:
        slides.figure(scene)
    return slides.content()


def write(request: Request, format: Format, out: BinaryIO) -> None:
    """Write ``request.figure``, the lesson if it is asked for, or else a deck about the recording."""
    from iotrace.exporters.pptx.deck import deck
    from iotrace.exporters.pptx.lesson import lesson
    from iotrace.exporters.pptx.slides import Slides

    theme = next((each for each in THEMES if each.name == request.theme), None)
    assert theme is not None
    kinds = [kind.name for kind in KINDS if kind.most == 1]
    if request.figure:
        kinds = [request.figure]
        if request.lesson:
            raise CannotExport(_("a lesson has its own figures: leave either --lesson or --kind away"))
    figures: dict[str, list[Scene]] = {}
    for name in kinds:
        wanted = Wanted(((request.path.name, request.analysis),), request.aspect, request.operation)
        try:
            scene = draw(name, wanted)
        except NothingToDraw as nothing:
            if request.figure:
                raise CannotExport(str(nothing)) from None
            continue
        stages = range(1, scene.steps + 1) if request.steps else ()
        figures[name] = [scene.until(step) for step in stages] or [scene]
    if request.figure:
        out.write(export(figures[request.figure], theme))
        return
    title = legible(_("Where {program} waits").format(program=wording.target(request.analysis)))
    slides = Slides(title, HEIGHTS[request.aspect], theme, [request.analysis])
    (lesson if request.lesson else deck)(slides, request.analysis, figures)
    out.write(slides.content())
