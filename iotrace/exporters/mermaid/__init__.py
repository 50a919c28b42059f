"""Diagrams as text for Markdown, wikis and issues (https://mermaid.js.org).

``--kind conversation`` (default) and ``model`` are sequence diagrams of the operations that the figures of
these names show; ``timeline`` is a Gantt chart of the busiest lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO

from iotrace.analysis.model import Analysis
from iotrace.exporters.contract import CannotExport, Format, Request
from iotrace.exporters.mermaid import conversation, gantt, model
from iotrace.exporters.mermaid.words import comments
from iotrace.figures import NothingToDraw, Scene, draw
from iotrace.figures import Request as Wanted
from iotrace.language import _

_DIAGRAMS: dict[str, Callable[[Analysis, Scene, int | None], Sequence[str]]] = {
    "conversation": conversation.lines,
    "model": model.lines,
    "timeline": gantt.lines,
}


def write(request: Request, format: Format, out: BinaryIO) -> None:
    """Write the diagram of ``request.figure``."""
    kind = request.figure or "conversation"
    if kind not in _DIAGRAMS:
        known = ", ".join(_DIAGRAMS)
        raise CannotExport(
            _("mermaid has no figure {kind}: there are {known}").format(kind=kind, known=known)
        )
    try:
        wanted = Wanted(((request.path.name, request.analysis),), conversation.ASPECT, request.operation)
        scene = draw(kind, wanted)
        diagram = _DIAGRAMS[kind](request.analysis, scene, request.operation)
    except NothingToDraw as nothing:
        raise CannotExport(str(nothing)) from None
    out.write("\n".join((*diagram, *comments(request.analysis), "")).encode())
