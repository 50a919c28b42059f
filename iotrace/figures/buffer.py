"""The fill of a kernel buffer over time, and when a sender slept because it was full."""

from __future__ import annotations

import numpy as np

from iotrace import wording
from iotrace.analysis.calls import Calls, is_role
from iotrace.analysis.levels import FULL_NS
from iotrace.analysis.model import Analysis, Level
from iotrace.figures.axes import level_lines, time_axis
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
from iotrace.figures.scene import Area, Group, Item, Line, Rect, Scene
from iotrace.language import N_, _, ngettext
from iotrace.numbers import brief, duration, grouped, size
from iotrace.theme import Meaning
from iotrace.timeline import highest
from iotrace.timeline.cuts import prepare
from probes.table import Role

_STRIP = 22.0  # the height of the sender's sleeps
_MEANINGS = [(Meaning.READY, N_("bytes in the buffer")), (Meaning.OTHER, N_("the sender sleeps: no room"))]


def buffer(request: Request) -> Scene:
    """Draw the buffer that was fullest. Raises :class:`NothingToDraw` where none was full for a sender."""
    analysis = request.analysis
    if not analysis.levels:
        raise NothingToDraw(
            _("events were lost, so no buffer can be summed up: `iotrace demo kernel_buffer` records one")
            if analysis.lost
            else _("no sender met a full buffer: `iotrace demo kernel_buffer` records one")
        )
    level = max(analysis.levels, key=lambda each: each.most)
    paper = page(request.aspect)
    first, last = int(level.time_ns[0]), int(level.time_ns[-1])
    edge = max(1, (last - first) // 40)
    from_ns, to_ns = max(analysis.begin_ns, first - edge), last + edge
    meanings = [(meaning, _(words)) for meaning, words in _MEANINGS]
    rows = legend_rows(meanings, paper.width)
    left, right = paper.left + 96, paper.right - 4
    top, floor = paper.top + 42, paper.bottom - rows * LINE - _STRIP - 22
    cells = int(right - left)
    fill = highest(level, from_ns, to_ns, cells)
    most = int(fill.max())
    step = next(s for s in (1 << power for power in range(62)) if most / s <= 5)
    ceiling = -(-most // step) * step
    axis, place = time_axis(
        from_ns - analysis.begin_ns, to_ns - analysis.begin_ns, left, right, paper.top + 16, floor
    )
    labels = [(floor - at / ceiling * (floor - top), size(at)) for at in range(0, ceiling + 1, step)]
    items: list[Item] = [*level_lines(labels, left, right), *axis]
    points: list[tuple[float, float]] = []
    before = -1
    for cell in range(cells):
        y = floor - int(fill[cell]) / ceiling * (floor - top)
        if int(fill[cell]) != before:
            if points:
                points.append((left + cell, points[-1][1]))
            points.append((left + cell, y))
            before = int(fill[cell])
    points.append((left + cells, points[-1][1]))
    told = _("{size} at most").format(size=size(most))
    items.append(
        Group((Area(tuple(points), floor, Meaning.READY),), told, _("results of the calls, summed"), 1)
    )
    items.append(Line(((left, floor), (right, floor)), Meaning.TEXT, 1.5))
    sleeps = _sleeps(analysis, level)
    strip: list[Item] = []
    for begin, end in sleeps:
        x1 = min(max(place(begin - analysis.begin_ns), left), right)
        x2 = min(max(place(end - analysis.begin_ns), left), right)
        strip.append(Rect(x1, floor + 8, max(2.0, x2 - x1), _STRIP, Meaning.OTHER, weight=0.8))
    slept = sum(end - begin for begin, end in sleeps)
    items.append(Group(tuple(strip), _slept(len(sleeps), duration(slept)), "sched_switch", 2))
    items += legend(meanings, paper.left, paper.bottom - (rows - 1) * LINE - 4, paper.width)
    writer, reader = analysis.descriptors[level.writer], analysis.descriptors[level.reader]
    names = _("from {writer} to {reader}").format(
        writer=f"fd {writer.fd}",
        reader=f"fd {reader.fd} {wording.descriptor(reader)}",
    )
    subtitle = f"{told} · {_slept(len(sleeps), brief(slept))} · {names}"
    if len(analysis.levels) > 1:
        fullest = _("the fullest of {n} buffers").format(n=grouped(len(analysis.levels)))
        longer = f"{fullest} · {subtitle}"
        subtitle = longer if width(longer, BODY) <= paper.width else subtitle
    title = _("A full buffer blocks the sender: {program}").format(program=wording.target(analysis))
    told = f"{legible(names)}: {told}; {_slept(len(sleeps), duration(slept))}"
    return compose("buffer", paper, title, subtitle, items, [analysis], told)


def _slept(count: int, time: str) -> str:
    return ngettext("{n} send slept {time} in all", "{n} sends slept {time} in all", count).format(
        n=grouped(count), time=time
    )


def _sleeps(analysis: Analysis, level: Level) -> list[tuple[int, int]]:
    """Return (begin, end) of the sends into the buffer that slept for room, 2 000 at most."""
    calls: Calls = prepare(analysis).calls
    life = analysis.lives[calls.row]
    mine = np.flatnonzero(is_role(calls, Role.SEND) & (life >= 0) & calls.slept)
    mine = mine[analysis.roots[life[mine]] == level.writer]
    mine = mine[calls.asleep_ns[mine] >= FULL_NS]
    pairs = sorted(zip(calls.enter_ns[mine].tolist(), calls.exit_ns[mine].tolist(), strict=True))
    return pairs[:2000]
