"""``iotrace demo --all``: the demos as a course, one line each: what it proved, and its lesson."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from iotrace import wording
from iotrace.analysis.model import Act, Analysis, Model
from iotrace.language import _
from iotrace.views.glyphs import Pen
from iotrace.views.layout import Lines, clip, pad

#: Cells of the verdict: ``multiplexing: select, level`` in full.
_VERDICT = 27


def demo_line(name: str, title: str, names: int, analysis: Analysis, ascii: bool = False) -> RenderableType:
    """Return one line about a demo that ran; ``names`` is how wide the longest name is."""

    def draw(width: int, pen: Pen) -> tuple[Text]:
        room = _VERDICT if width >= 100 else 20
        line = Text(pen(f"{name:{names}}  "))
        line.append_text(pad(Text(pen(_verdict(analysis))), room, pen)).append("  ")
        if analysis.lessons:
            first = analysis.lessons[0]
            line.append(pen(first.name), "command").append(pen(f": {first.evidence}"))
        else:
            line.append(pen(title), "muted")
        return (clip(line, width, pen),)

    return Lines(draw, ascii)


def _verdict(analysis: Analysis) -> str:
    """Name what the receives follow, or the accepts where nothing was received."""
    for act in (Act.RECEIVE, Act.RECEIVE_DATAGRAM, Act.ACCEPT):
        found = analysis.verdicts.get(act)
        if found is not None and found.operations:
            words = wording.verdict(found) if found.model != Model.MIXED else _(wording.MODELS[found.model])
            return words.removeprefix("I/O ").replace("-triggered", "")
    return _(wording.MODELS[Model.UNKNOWN]) if analysis.verdicts else _("no network receive")
