"""What this recording teaches, with its evidence, and in which order clients were answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.text import Text

from iotrace.analysis.model import Analysis
from iotrace.language import _
from iotrace.numbers import counted
from iotrace.views.glyphs import Pen
from iotrace.views.layout import HEAD, clip, head, wrap


def draw(
    analysis: Analysis, width: int, pen: Pen, most: int | None = None, more: bool = True
) -> Iterable[Text]:
    """Yield each lesson, wrapped, with the command for its whole story; at most ``most`` of them.

    ``more``: say how many are left out.
    """
    claim = _claim(analysis)
    if claim and not analysis.lessons:
        yield from wrap(_(claim), width, pen, "none", head(_("CLAIM"), "lesson"), HEAD)
    for lesson in analysis.lessons[:most]:
        lines = wrap(lesson.evidence, width, pen, "none", head(_("LESSON"), "lesson"), HEAD)
        story = Text(pen(f"[iotrace explain {lesson.name}]"), "command")
        if lines[-1].cell_len + 2 + story.cell_len > width:
            lines.append(Text(" " * (HEAD - 2)))
        lines[-1].append("  ").append_text(story)
        yield from (clip(line, width, pen) for line in lines)
    left = len(analysis.lessons) - (most or len(analysis.lessons))
    if more and left > 0:
        words = counted(left, "… and {n} more: iotrace report", "… and {n} more: iotrace report")
        yield Text(" " * HEAD).append(pen(words), "muted")


def _claim(analysis: Analysis) -> str:
    """Return what a demo is to show, as its manifest says; what the recording shows itself goes before it."""
    options = analysis.events.header.get("options")
    return str(options.get("claim") or "") if isinstance(options, Mapping) else ""


def order(analysis: Analysis, width: int, pen: Pen) -> Iterable[Text]:
    """Yield the order in which clients were answered; nothing where there is nothing to say."""
    if analysis.order:
        yield from wrap(analysis.order, width, pen, "none", head(_("ORDER"), "heading"), HEAD)
