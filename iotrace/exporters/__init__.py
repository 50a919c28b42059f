"""One module a format. Those of :data:`PICTURES` draw scenes (:mod:`iotrace.figures.scene`)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from iotrace.figures.scene import Scene
from iotrace.language import N_
from iotrace.theme import Theme


class Picture(NamedTuple):
    """A format for scenes; ``line`` is a message. Its module has ``export(scenes, theme) -> bytes``.

    ``several``: one file holds all stages of a figure; otherwise ``export`` takes one scene.
    """

    suffix: str
    line: str
    several: bool = False


PICTURES: tuple[Picture, ...] = (
    Picture("svg", N_("for pages and slides: lines and text that can be edited")),
    Picture("png", N_("2560 pixels wide")),
    Picture("pdf", N_("vectors; a page a stage"), several=True),
    Picture("pptx", N_("a slide of native shapes; a slide a stage"), several=True),
)


def picture(suffix: str) -> Picture | None:
    """Return the format of a suffix (without its dot, in any case); None where there is none."""
    return next((each for each in PICTURES if each.suffix == suffix.lower()), None)


def export(kind: Picture, scenes: Sequence[Scene], theme: Theme) -> list[bytes]:
    """Return the files for scenes: one, or one a scene."""
    module = import_module(f"iotrace.exporters.{kind.suffix}")
    batches = [list(scenes)] if kind.several else [[scene] for scene in scenes]
    return [bytes(module.export(batch, theme)) for batch in batches]
