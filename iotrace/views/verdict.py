"""The verdict: which model each kind of operation follows, how many support it, and why."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from rich.text import Text

from iotrace import wording
from iotrace.analysis.model import Act, Analysis, Model, Verdict
from iotrace.language import _
from iotrace.numbers import counted, grouped, size
from iotrace.views.glyphs import Pen
from iotrace.views.layout import HEAD, clip, head, pad, wrap


def draw(
    analysis: Analysis, width: int, pen: Pen, brief: bool = False, reasons: bool = True
) -> Iterable[Text]:
    """Yield a line per verdict and its reason under it; ``brief``: without reasons said before.

    A mixed one names its shares itself.
    """
    acts = [act for act in (Act.RECEIVE, Act.RECEIVE_DATAGRAM, Act.ACCEPT) if act in analysis.verdicts]
    if not acts:
        words = pen(_("no receive and no accept was seen: nothing to judge"))
        yield clip(head(_("VERDICT"), "verdict").append(words), width, pen)
        return
    served = _("served by")
    names = max(cell_len(_(wording.ACTS[act])) for act in acts)
    names = names if brief else max(names, cell_len(served))
    indent = HEAD + names + 2
    said: set[tuple[Model, str]] = set()
    for position, act in enumerate(acts):
        found = analysis.verdicts[act]
        line = head(_("VERDICT") if not position else "", "verdict")
        line.append_text(pad(Text(_(wording.ACTS[act]), "muted"), names, pen)).append("  ", "muted")
        line.append(pen(wording.verdict(found)), "verdict")
        counts = _counts(found, pen)
        room = width - line.cell_len - counts.cell_len
        if room >= 2:
            line.append("  ").append_text(counts)
        yield clip(line, width, pen)
        if room < 2:
            yield clip(Text(" " * indent).append_text(counts), width, pen)
        mark = (found.model, found.multiplexer or "")
        told = found.model is Model.MIXED or (mark in said and not found.contradicting)
        if found.because and reasons and not (brief and told):
            yield from wrap(found.because, width, pen, "muted", Text(" " * indent), indent)
        said.add(mark)
    if not brief and analysis.process_model in wording.PROCESS_MODELS:
        line = Text(" " * HEAD).append_text(pad(Text(pen(served), "muted"), names, pen))
        words = f"  {_(wording.PROCESS_MODELS[analysis.process_model])}{_memory(analysis)}"
        yield clip(line.append(pen(words), "muted"), width, pen)


def _memory(analysis: Analysis) -> str:
    """Say how much memory the processes held together; sampled, so at least."""
    peak, processes = analysis.memory.get("peak_rss_bytes", 0), analysis.memory.get("processes_at_peak", 0)
    if not peak:
        return ""
    return counted(
        processes,
        "; ≥ {size} resident in {n} process (sampled)",
        "; ≥ {size} resident in {n} processes (sampled)",
        size=size(peak),
    )


def _counts(found: Verdict, pen: Pen) -> Text:
    if not found.operations:  # unseen: the reason says it all
        return Text()
    numbers = {"n": grouped(found.supporting), "all": grouped(found.operations)}
    text = Text(pen(_("{n} of {all}").format(**numbers)))
    if found.contradicting:
        text.append(pen(_(", {n} against").format(n=grouped(found.contradicting))), "warning")
    return text
