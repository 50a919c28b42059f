"""The timeline: an axis, a lane per thread and per descriptor, and the signs that occur in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.text import Text

from iotrace import wording
from iotrace.analysis.matrix import spoken
from iotrace.analysis.model import Analysis
from iotrace.language import _
from iotrace.numbers import counted, size
from iotrace.timeline import Lane, Raster, Timeline, What, rasterise, ticks
from iotrace.views import levels
from iotrace.views.glyphs import Pen, style_of
from iotrace.views.layout import clip, pad
from iotrace.views.legend import Seen

#: A call's name is written again after so many cells of the same call.
_REPEAT = 48
_NAMED = (What.BLOCKED_WAIT, What.BLOCKED_TRANSFER, What.BLOCKED_OTHER, What.NAP)
_FILLED = (*_NAMED[:3], What.POLLING, What.WAKING)


def draw(analysis: Analysis, timeline: Timeline, width: int, pen: Pen, seen: Seen) -> Iterable[Text]:
    """Yield the axis, the lanes and what was left out. ``seen`` collects the signs used, for the legend."""
    names = _names(analysis, timeline, pen)
    margin = _margin(names, width)
    cells = max(8, width - margin)
    yield axis(timeline, margin, cells, pen)
    for lane, name in zip(timeline.lanes, names, strict=False):
        raster = rasterise(lane, timeline.from_ns, timeline.to_ns, cells, timeline.gaps)
        line = pad(Text(name), margin - 2, pen).append("  ")
        yield line.append_text(strip(lane, raster, cells, pen, seen))
    for level, name in zip(timeline.levels, names[len(timeline.lanes) :], strict=True):
        seen.add_level()
        line = pad(Text(name), margin - 2, pen).append("  ")
        yield line.append_text(levels.strip(level, timeline, cells, pen))
    yield from _left_out(timeline, width, pen)


def cell_ns(timeline: Timeline, analysis: Analysis, width: int, pen: Pen) -> float:
    """Return how much time one cell of the lanes stands for."""
    margin = _margin(_names(analysis, timeline, pen), width)
    return (timeline.to_ns - timeline.from_ns) / max(8, width - margin)


def _names(analysis: Analysis, timeline: Timeline, pen: Pen) -> list[str]:
    """Return what stands left of each line: the lanes, then the levels."""
    of_levels = [levels.label(analysis, level) for level in timeline.levels]
    return [pen(name) for name in (*(label(analysis, lane) for lane in timeline.lanes), *of_levels)]


def _margin(names: Sequence[str], width: int) -> int:
    return min(max(map(cell_len, names), default=0), max(22, width // 5)) + 2


def axis(timeline: Timeline, margin: int, cells: int, pen: Pen) -> Text:
    """Draw round times, each with its sign exactly above its cell."""
    from_ns, to_ns = timeline.from_ns - timeline.origin_ns, timeline.to_ns - timeline.origin_ns
    row = [" "] * cells
    for tick in ticks(from_ns, to_ns, max(2, cells // 10)):
        at = (tick.at_ns - from_ns) * cells // (to_ns - from_ns)
        words = pen("╷" + tick.label)
        if at + len(words) <= cells:
            row[at : at + len(words)] = words
    return Text(" " * margin).append("".join(row), "axis")


def label(analysis: Analysis, lane: Lane) -> str:
    """Name a lane: ``thread 4711``, ``fd 4 tcp :53312``. Not yet escaped."""
    processes = len({tgid for tgid, _, _ in analysis.threads})
    if lane.kind == "worker":
        return _("kernel {tid}").format(tid=lane.tid)
    if lane.kind == "thread":
        names = {tid: name for _, tid, name in analysis.threads}
        name = names.get(lane.tid, "")
        if len(names) > 1 and name and not name.startswith("thread "):
            return f"{lane.tid} {name}"
        return _("thread {tid}").format(tid=lane.tid)
    what = analysis.descriptors[lane.life]
    words = f"fd {what.fd} {wording.descriptor(what)}"
    return f"{what.tgid} {words}" if processes > 1 else words


def strip(lane: Lane, raster: Raster, cells: int, pen: Pen, seen: Seen, sizes: bool = True) -> Text:
    """Draw a lane's cells, with the names of long calls and, on a descriptor, the ``sizes`` received."""
    glyphs = [
        pen.glyph(What(kind), unsure)
        for kind, unsure in zip(raster.what.tolist(), raster.bounded, strict=True)
    ]
    styles = [
        _style(What(kind), unsure) for kind, unsure in zip(raster.what.tolist(), raster.bounded, strict=True)
    ]
    free = [True] * cells
    for run in raster.runs:
        seen.add(run.what, run.bounded, run.code)
    for mark in sorted(raster.marks, key=lambda mark: _RANK[mark.what]):
        dominant = What(int(raster.what[mark.cell]))
        if mark.count == 1 and mark.cell + 1 < cells and raster.what[mark.cell + 1] == mark.what:
            continue  # it is seen from the next cell on
        free[mark.cell] = False
        if dominant != mark.what:
            glyphs[mark.cell] = pen.inside(mark.what)
            styles[mark.cell] = _mark_style(mark.what, dominant)
            seen.add_inside(mark.what)
    _write_names(raster, glyphs, styles, free)
    if sizes and lane.kind == "descriptor":
        _write_sizes(raster, glyphs, styles, free, pen)
    return _join(glyphs, styles)


_RANK = {What.POLLING: 0, What.ACCEPTED: 1, What.COPY: 2}


def _style(what: What, bounded: bool) -> str:
    return "phase.copy.bounded" if what == What.COPY and bounded else style_of(what)


def _mark_style(what: What, dominant: What) -> str:
    """A mark's own colour on the fill of the segment that it stands in."""
    sign = "poll.mark" if what == What.POLLING else style_of(what)
    return f"{sign}@{style_of(dominant)}" if dominant in _FILLED else sign


def _write_names(raster: Raster, glyphs: list[str], styles: list[str], free: list[bool]) -> None:
    last, where = -1, -_REPEAT
    for run in raster.runs:
        if run.what not in _NAMED or run.code < 0:
            continue
        name = spoken(run.code)
        for first, stop in _gaps(free, run.first, run.last + 1):
            room = stop - first
            if room < len(name) + 1 or (run.code == last and first - where < _REPEAT):
                continue
            words = f" {name} " if room >= len(name) + 4 else name
            begin = first + (3 if room > 4 * len(name) else (room - len(words)) // 2)
            _write(words, begin, f"{style_of(run.what)}.ink", glyphs, styles, free)
            last, where = run.code, first


def _write_sizes(raster: Raster, glyphs: list[str], styles: list[str], free: list[bool], pen: Pen) -> None:
    for mark in raster.marks:
        words = (
            f" {size(mark.value)} " if mark.what == What.COPY else f"×{mark.count} " if mark.count > 1 else ""
        )
        begin = mark.cell + 1
        while begin < len(free) and raster.what[begin] == What.COPY == mark.what:
            begin += 1
        words = pen(words)
        if words and all(free[begin : begin + len(words) + 1]) and begin + len(words) <= len(free):
            _write(words, begin, "muted", glyphs, styles, free)


def _write(
    words: str, begin: int, style: str, glyphs: list[str], styles: list[str], free: list[bool]
) -> None:
    for offset, char in enumerate(words):
        glyphs[begin + offset], styles[begin + offset], free[begin + offset] = char, style, False


def _gaps(free: Sequence[bool], first: int, stop: int) -> Iterable[tuple[int, int]]:
    start = first
    for cell in range(first, stop + 1):
        if cell == stop or not free[cell]:
            if cell > start:
                yield start, cell
            start = cell + 1


def _join(glyphs: Sequence[str], styles: Sequence[str]) -> Text:
    text = Text()
    start = 0
    for cell in range(1, len(glyphs) + 1):
        if cell == len(glyphs) or styles[cell] != styles[start]:
            text.append("".join(glyphs[start:cell]), styles[start])
            start = cell
    return text


def _left_out(timeline: Timeline, width: int, pen: Pen) -> Iterable[Text]:
    threads, descriptors = timeline.more_threads, timeline.more_descriptors
    more = [
        counted(threads, "{n} more thread (--thread TID)", "{n} more threads (--thread TID)"),
        counted(descriptors, "{n} more descriptor (--fd N)", "{n} more descriptors (--fd N)"),
    ]
    more = [words for words, count in zip(more, (threads, descriptors), strict=True) if count]
    if more:
        yield clip(Text(pen("… " + _(", ").join(more)), "muted"), width, pen)
