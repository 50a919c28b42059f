"""The timeline: a lane a thread, a lane a descriptor, over the whole run."""

from __future__ import annotations

from iotrace import wording
from iotrace.analysis.model import Analysis
from iotrace.figures.axes import time_axis
from iotrace.figures.lanes import bars, fitted, name_of, named
from iotrace.figures.metrics import width
from iotrace.figures.page import (
    BODY,
    LINE,
    NothingToDraw,
    Request,
    compose,
    legend,
    legend_rows,
    legible,
    page,
)
from iotrace.figures.scene import Anchor, Group, Item, Scene, Shape, Text
from iotrace.language import _, ngettext
from iotrace.numbers import brief, counted
from iotrace.theme import Meaning
from iotrace.timeline import Lane, Timeline, build

_NAMES = 260.0  # the most room for the lanes' names
_LEAST, _MOST = 28.0, 64.0  # a lane's height


def timeline(request: Request) -> Scene:
    """Draw the busiest threads and descriptors, as many as the page has room for."""
    analysis = request.analysis
    paper = page(request.aspect)
    room = int((paper.bottom - paper.top - 2 * LINE - 30) // _LEAST)
    whole = build(analysis, most_threads=max(1, room // 2), most_descriptors=max(1, room - 1))
    if not whole.lanes:
        raise NothingToDraw(_("this recording has no call in it: there is nothing to draw"))
    threads = [lane for lane in whole.lanes if lane.kind != "descriptor"]
    descriptors = [lane for lane in whole.lanes if lane.kind == "descriptor"]
    few = max(room - len(threads), room // 2)
    kept = sorted(sorted(range(len(descriptors)), key=lambda at: -descriptors[at].weight)[:few])
    shown = [*threads[: room - len(kept)], *(descriptors[at] for at in kept)]
    left_out = whole.more_threads + whole.more_descriptors + len(whole.lanes) - len(shown)

    seen: set[Meaning | Shape] = set()
    names = [legible(name_of(lane, analysis)) for lane in shown]
    margin = min(_NAMES, max(width(name, BODY) for name in names))
    left, right = paper.left + margin + 10, paper.right - 4
    top = paper.top + 34
    window = whole.from_ns, whole.to_ns
    probe: list[Item] = []
    for lane in shown:
        probe += bars(lane, analysis, window, left, right, 0, _LEAST - 6, seen)
    rows = legend_rows(named(seen), paper.width)
    bottom = paper.bottom - rows * LINE - 6
    pitch = min(_MOST, (bottom - top) / len(shown))
    bottom = min(bottom, top + pitch * len(shown))
    begin = window[0] - whole.origin_ns
    items, _place = time_axis(begin, window[1] - whole.origin_ns, left, right, paper.top + 16, bottom)
    for number, (lane, name) in enumerate(zip(shown, names, strict=True)):
        y = top + number * pitch
        words = Text(left - 10, y + pitch / 2 + 6, fitted(name, margin), BODY, anchor=Anchor.END)
        drawn = bars(lane, analysis, window, left, right, y + 3, pitch - 6, seen)
        step = 1 if lane.kind != "descriptor" else 2
        items.append(Group((words, *drawn), name, _weight(lane), step))
    items += legend(named(seen), paper.left, paper.bottom - (rows - 1) * LINE - 4, paper.width)
    title = _("Where {program} spent its time").format(program=wording.target(analysis))
    subtitle = _subtitle(analysis, whole, left_out)
    return compose("timeline", paper, title, subtitle, items, [analysis], _described(analysis))


def _weight(lane: Lane) -> str:
    if lane.kind == "descriptor":
        return counted(lane.weight, "{n} operation", "{n} operations")
    return counted(lane.weight, "{n} call", "{n} calls")


def _subtitle(analysis: Analysis, whole: Timeline, left_out: int) -> str:
    parts = [
        brief(whole.to_ns - whole.from_ns),
        counted(len(analysis.threads), "{n} thread", "{n} threads"),
        counted(sum(call.count for call in analysis.calls), "{n} call", "{n} calls"),
    ]
    if left_out:
        parts.append(
            ngettext("{n} quieter lane is not drawn", "{n} quieter lanes are not drawn", left_out).format(
                n=left_out
            )
        )
    return " · ".join(parts)


def _described(analysis: Analysis) -> str:
    lines = [
        f"{_(wording.ACTS[act])}: {wording.verdict(found)}: {found.because}"
        for act, found in analysis.verdicts.items()
    ]
    return "\n".join(lines)
