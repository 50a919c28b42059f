"""The first lines of every view: what ran, how it was watched, and what could not be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.text import Text

from iotrace import wording
from iotrace.analysis.model import Analysis
from iotrace.numbers import brief, duration, grouped, plural
from iotrace.timeline import alive_until
from iotrace.views.glyphs import Pen
from iotrace.views.layout import facts, wrap
from probes.contract import EVIDENCE

#: What is unseen without a kind of evidence; the others only refine these.
_WITHOUT = {
    "sleep": "sleeps",
    "ready": "arrivals of data",
    "copy": "copies",
    "signal": "signals",
    "ring": "io_uring's requests",
}


def draw(analysis: Analysis, width: int, pen: Pen, tight: bool = False) -> Iterable[Text]:
    """Yield the header: one line of facts, then one for each thing that limits them.

    ``tight``: these in fewer words.
    """
    header = analysis.events.header
    processes = len({tgid for tgid, _, _ in analysis.threads})
    tasks = plural(len(analysis.threads), "thread")
    parts = [
        Text(pen(wording.target(analysis)), "title"),
        Text(pen(wording.PROBES.get(str(header.get("probe")), str(header.get("probe", "unknown probe"))))),
        Text(pen(brief(alive_until(analysis) - analysis.begin_ns))),
        Text(pen(f"{plural(processes, 'process', 'processes')}, {tasks}")),
        Text(pen(plural(sum(call.count for call in analysis.calls), "call"))),
        Text(pen(f"{grouped(analysis.lost)} events lost"), "warning" if analysis.lost else "none"),
    ]
    if len(facts(parts, width, pen)) > 1 and processes == 1:
        parts[3] = Text(pen(tasks))
    yield from facts(parts, width, pen)
    yield from lost(analysis, width, pen)
    for note in _notes(analysis, tight):
        yield from wrap(note, width, pen, "muted")


def lost(analysis: Analysis, width: int, pen: Pen) -> Iterable[Text]:
    """Yield one line about lost events and when they were lost; nothing where none were."""
    if not analysis.lost and not analysis.gaps:
        return
    times = [
        f"{duration(max(0, first - analysis.begin_ns))} and {duration(max(0, last - analysis.begin_ns))}"
        for first, last, _ in analysis.gaps
    ]
    more = f" and {len(times) - 3} more gaps" if len(times) > 3 else ""
    when = f" between {', '.join(times[:3])}{more}" if times else ""
    words = f"{grouped(analysis.lost)} events were lost{when}: counts and shares are lower bounds"
    yield from wrap(words, width, pen, "warning")


def _notes(analysis: Analysis, tight: bool) -> Iterable[str]:
    header = analysis.events.header
    missing = dict(header.get("missing") or {})
    cost = int(header.get("stop_cost_ns") or 0)
    evidence = header.get("evidence")
    if evidence:
        missing |= {name: "" for name in EVIDENCE if name not in evidence and name not in missing}
    lacking = {name: str(reason) for name, reason in missing.items() if name in _WITHOUT}
    if len(lacking) > 2 or (lacking and not all(lacking.values())):
        words = ", ".join(_WITHOUT[name] for name in _WITHOUT if name in lacking)
        if tight and cost:
            yield f"unseen by this probe: {words}; {duration(cost)} a stop"
            cost = 0
        else:
            yield f"this probe does not see {words}: what follows from them is bounded (≈) or unseen (?)"
    else:
        for name, reason in lacking.items():
            yield f"{_WITHOUT[name]} unseen, {reason}: what follows from it is bounded (≈)"
    if cost:
        yield f"each traced call takes {duration(cost)} longer for being stopped; the times shown contain it"
    if analysis.foreign:
        yield f"{plural(analysis.foreign, 'call')} of another architecture (32-bit) counted, not decoded"
    if "options" in header and not any("produced" in note for note in analysis.events.notes):
        yield "the recording has no end, it was cut off or goes on: what came later is not in it"
    if header.get("attached"):
        yield "attached while it ran: a call that was under way then is not recorded"
    options = header.get("options")
    if isinstance(options, Mapping) and options.get("pin"):
        yield "tracer and target shared one CPU (--pin)"
