"""The timeline as a Gantt chart: a section a lane, in cells that each show what took most of them.

A Gantt chart of mermaid counts in milliseconds at the least. What it takes for a millisecond is here the
unit that the axis names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from iotrace.analysis.matrix import spoken
from iotrace.analysis.model import Analysis
from iotrace.exporters.mermaid.words import text
from iotrace.exporters.provenance import in_words
from iotrace.figures import NothingToDraw, Scene
from iotrace.figures.lanes import name_of
from iotrace.figures.meanings import OF_WHAT, WORDS
from iotrace.language import _
from iotrace.numbers import duration
from iotrace.theme import Meaning
from iotrace.timeline import Lane, Timeline, What, build, rasterise

#: Lanes, and the cells of each: so few that words fit and a page of a forge has room.
_THREADS, _DESCRIPTORS, _CELLS = 4, 8, 60

#: Signs that a cell has room for, on a chart of 900 pixels.
_SIGNS = 1.6

#: Names beside the chart, and notes in it, are cut after so many signs.
_MOST_NAME, _MOST_NOTE = 30, 150

#: mermaid has four looks of a bar; each stands for several meanings, and the bars' words tell them apart.
_LOOKS = {
    Meaning.WAIT: "active, ", Meaning.TRANSFER: "active, ", Meaning.OTHER: "active, ",
    Meaning.EMPTY: "active, ",
    Meaning.FREE: "done, ", Meaning.NAP: "done, ",
    Meaning.READY: "crit, ", Meaning.POLL: "crit, ", Meaning.LOST: "crit, ",
}  # fmt: skip

_UNITS = (("ms", 1_000_000), ("µs", 1_000), ("ns", 1))


def lines(analysis: Analysis, scene: Scene, operation: int | None) -> Sequence[str]:
    """Return the chart of the busiest lanes. Raises :class:`NothingToDraw` for a choice of operations."""
    if operation is not None:
        raise NothingToDraw(
            _("a timeline shows the whole run: leave --operation out, or choose another --kind")
        )
    whole = build(analysis, most_threads=_THREADS, most_descriptors=_DESCRIPTORS)
    span = whole.to_ns - whole.from_ns
    unit, unit_ns = next((each for each in _UNITS if span >= 8 * _CELLS * each[1]), _UNITS[-1])
    found = [
        "---", "displayMode: compact", "config:", "  gantt:", "    leftPadding: 190", "---",
        "gantt",
        f"    title {text(scene.title, 120)}",
        "    dateFormat x",
        f"    axisFormat %Q {unit}",
    ]  # fmt: skip
    names: Counter[str] = Counter()
    for lane in whole.lanes:
        name = text(name_of(lane, analysis), _MOST_NAME)
        names[name] += 1  # sections of one name would be one
        found.append(f"    section {name}{f' ({names[name]})' if names[name] > 1 else ''}")
        found += _bars(lane, analysis, whole, unit_ns)
    found += _key(analysis, whole, unit_ns)
    return found


def _bars(lane: Lane, analysis: Analysis, whole: Timeline, unit_ns: int) -> Iterator[str]:
    raster = rasterise(lane, whole.from_ns, whole.to_ns, _CELLS, tuple(analysis.gaps))
    drawn = 0
    for run in raster.runs:
        if run.what in (What.ABSENT, What.OPEN):
            continue
        meaning = OF_WHAT[run.what]
        call = spoken(run.code) if run.code >= 0 else ""
        mark = "≈ " if run.bounded else ""
        yield _bar(whole, run.first, run.last + 1, unit_ns, _LOOKS.get(meaning, ""),
                   [f"{mark}{word}" for word in (WORDS[meaning], call) if word])  # fmt: skip
        drawn += 1
    for each in raster.marks:
        if each.what is What.ACCEPTED and raster.what[each.cell] == What.OPEN:
            yield _bar(whole, each.cell, each.cell + 1, unit_ns, "", [_("accept")])
            drawn += 1
    if not drawn:  # a section without a bar is none
        yield _bar(whole, 0, _CELLS, unit_ns, "done, ", [WORDS[Meaning.IDLE]])


def _bar(whole: Timeline, first: int, after: int, unit_ns: int, look: str, words: Sequence[str]) -> str:
    """Return a bar over cells, with the longest of the ``words`` that fits."""
    fits = [each for each in words if len(each) <= (after - first) * _SIGNS]
    shown = text(max(fits, key=len)) if fits else "#160;"
    return f"    {shown} :{look}{_place(whole, first, after, unit_ns)}"


def _place(whole: Timeline, first: int, after: int, unit_ns: int) -> str:
    span = whole.to_ns - whole.from_ns
    begin, end = (whole.from_ns - whole.origin_ns + span * cell // _CELLS for cell in (first, after))
    return f"{begin // unit_ns}, {max(1, end // unit_ns - begin // unit_ns)}ms"


def _key(analysis: Analysis, whole: Timeline, unit_ns: int) -> Iterator[str]:
    """Yield what the looks mean, what was left out, and the small print, as bars of their own."""
    quarter = _CELLS // 4
    yield "    section " + text(_("key"))
    for number, (look, words) in enumerate(
        (
            ("active, ", _("asleep or waiting")),
            ("", _("in a call, copying")),
            ("crit, ", _("unread, polling")),
            ("done, ", _("own code, own sleep")),
        )
    ):
        yield _bar(whole, number * quarter, (number + 1) * quarter, unit_ns, look, [words])
    cell = duration(max(1, (whole.to_ns - whole.from_ns) // _CELLS))
    notes = [_("each {cell} shows what took most of it").format(cell=cell)]
    if whole.more_threads or whole.more_descriptors:
        notes.append(
            _("{threads} more threads and {descriptors} more descriptors are left out").format(
                threads=whole.more_threads, descriptors=whole.more_descriptors
            )
        )
    for line in (" · ".join(notes), *in_words(analysis)):
        yield f"    {_note(line)} :done, {_place(whole, 0, _CELLS, unit_ns)}"


def _note(line: str) -> str:
    """Return a line cut to the chart: mermaid measures an entity by its own, longer, sign of it."""
    most = len(line)
    while len(re.sub(r"#\d+;", "\ufb02°°58¶ß", text(line, most))) > _MOST_NOTE:
        most -= 1
    return text(line, most)
