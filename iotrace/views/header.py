"""The first lines of every view: what ran, how it was watched, and what could not be seen."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from iotrace.analysis.model import Analysis
from iotrace.views import wording
from iotrace.views.glyphs import Pen
from iotrace.views.layout import facts, wrap
from iotrace.views.numbers import brief, duration, grouped, plural
from probes.contract import EVIDENCE

#: What is lost with each kind of evidence, for probes that never have it.
_WITHOUT = {
    "sleep": "the moments of sleeping and waking",
    "ready": "when data became ready",
    "copy": "when the copy began",
    "ring": "io_uring's requests",
    "signal": "when signals were sent",
}


def draw(analysis: Analysis, width: int, pen: Pen) -> Iterable[Text]:
    """Yield the header: one line of facts, then one for each thing that limits them."""
    header = analysis.events.header
    processes = len({tgid for tgid, _, _ in analysis.threads})
    parts = [
        Text(pen(wording.target(analysis)), "title"),
        Text(pen(wording.PROBES.get(str(header.get("probe")), str(header.get("probe", "unknown probe"))))),
        Text(pen(brief(analysis.end_ns - analysis.begin_ns))),
        Text(pen(f"{plural(processes, 'process', 'processes')}, {plural(len(analysis.threads), 'thread')}")),
        Text(pen(plural(sum(call.count for call in analysis.calls), "call"))),
        Text(pen(f"{grouped(analysis.lost)} events lost"), "warning" if analysis.lost else "none"),
    ]
    yield from facts(parts, width, pen)
    yield from lost(analysis, width, pen)
    for note in _notes(analysis):
        yield from wrap(note, width, pen, "muted")


def lost(analysis: Analysis, width: int, pen: Pen) -> Iterable[Text]:
    """Yield one line about lost events and when they were lost; nothing where none were."""
    if not analysis.lost and not analysis.gaps:
        return
    times = [
        f"{duration(max(0, first - analysis.begin_ns))} – {duration(max(0, last - analysis.begin_ns))}"
        for first, last, _ in analysis.gaps
    ]
    more = f" and {len(times) - 3} more gaps" if len(times) > 3 else ""
    when = f" between {', '.join(times[:3])}{more}" if times else ""
    words = f"{grouped(analysis.lost)} events were lost{when}: counts and shares are lower bounds"
    yield from wrap(words, width, pen, "warning")


def _notes(analysis: Analysis) -> Iterable[str]:
    header = analysis.events.header
    evidence = header.get("evidence")
    missing = dict(header.get("missing") or {})
    if evidence:
        absent = [name for name in EVIDENCE if name not in evidence and name not in missing]
        words = [_WITHOUT[name] for name in absent if name in _WITHOUT]
        if words:
            yield f"this probe cannot see {', '.join(words)}: what follows from them is bounded (≈)"
    for name, reason in missing.items():
        lacking = _WITHOUT.get(str(name), str(name))
        yield f"without {lacking}: {reason}; what follows from it is bounded (≈)"
    if header.get("stop_cost_ns"):
        cost = duration(int(header["stop_cost_ns"]))
        yield f"a traced call costs {cost} in stops, which is part of the times shown"
    if header.get("pin") or header.get("pinned"):
        yield "tracer and target were pinned to one CPU"
