"""How long calls were asleep: a histogram with classes of 1, 2, 5 · 10^k, stacked by why they slept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace import wording
from iotrace.analysis.calls import sleep_bounded
from iotrace.analysis.model import Analysis, Place
from iotrace.figures.axes import count_labels, level_lines
from iotrace.figures.meanings import WORDS
from iotrace.figures.metrics import width
from iotrace.figures.page import BODY, LINE, NothingToDraw, Request, compose, legend, legend_rows, page
from iotrace.figures.scene import Anchor, Group, Item, Line, Rect, Scene, Stroke, Text
from iotrace.language import _
from iotrace.numbers import counted, duration, grouped
from iotrace.theme import Meaning
from iotrace.timeline.cuts import prepare
from probes.events import Flag

_WHY = {
    Place.WAIT: Meaning.WAIT,
    Place.SIGNAL: Meaning.WAIT,
    Place.RING: Meaning.WAIT,
    Place.TRANSFER: Meaning.TRANSFER,
    Place.OTHER: Meaning.OTHER,
    Place.POLLING: Meaning.POLL,
    Place.FREE: Meaning.NAP,
}
_ORDER = (Meaning.TRANSFER, Meaning.WAIT, Meaning.OTHER, Meaning.POLL, Meaning.NAP)

#: The bounds of the classes, in ns: 1, 2, 5 µs … 1 000 s. What is shorter is in the first class.
_EDGES = np.array([f * 10**p for p in range(3, 12) for f in (1, 2, 5)] + [10**12], np.int64)


def latency(request: Request) -> Scene:
    """Draw the histogram. Raises :class:`NothingToDraw` where no call slept."""
    analysis = request.analysis
    asleep, why, bounded, evidence = _sleeps(analysis)
    total = sum(call.count for call in analysis.calls)
    if not len(asleep):
        raise NothingToDraw(
            _("no call slept in this recording, or its probe cannot see sleeps: see `iotrace report`")
        )
    paper = page(request.aspect)
    counts = {
        meaning: np.histogram(np.clip(asleep[why == number], _EDGES[0], _EDGES[-1] - 1), _EDGES)[0]
        for number, meaning in enumerate(_ORDER)
    }
    whole = np.sum(list(counts.values()), axis=0)
    used = np.flatnonzero(whole)
    first, last = int(used[0]), int(used[-1])
    while last - first < 5:  # a bar alone is no distribution
        first, last = max(0, first - 1), min(len(whole) - 1, last + 1)
    meanings = [(meaning, _(WORDS[meaning])) for meaning in _ORDER if counts[meaning].any()]
    rows = legend_rows(meanings, paper.width)
    left, right = paper.left + 76, paper.right - 10
    top, floor = paper.top + 34, paper.bottom - rows * LINE - 38
    pitch = (right - left) / (last - first + 1)
    labels = count_labels(int(whole.max()), floor, top)
    highest = int(labels[-1][1].replace("\u202f", ""))
    items: list[Item] = list(level_lines(labels, left, right))
    every = next(n for n in (1, 3) if n == 3 or pitch >= 84)
    for number in range(first, last + 1):
        x = left + (number - first) * pitch
        if (number % 3 == 0) if every == 3 else True:
            items.append(Line(((x, floor), (x, floor + 6)), Meaning.MUTED, 1.0))
            words = _bound(int(_EDGES[number]))
            if x + width(words, BODY) / 2 <= paper.right:
                items.append(Text(x, floor + 24, words, BODY, Meaning.MUTED, Anchor.MIDDLE))
        y = floor
        bars: list[Item] = []
        for meaning in _ORDER:
            count = int(counts[meaning][number])
            if count:
                height = count / highest * (floor - top)
                y -= height
                edge = Stroke.DASHED if bounded else Stroke.SOLID
                bars.append(Rect(x + 2, y, pitch - 4, height, meaning, stroke=edge))
        if bars:
            shown = grouped(int(whole[number]))
            if width(shown, BODY) <= pitch - 2:
                bars += _count(x + pitch / 2, y - 6, shown, pitch - 2)
            low, high = (_bound(int(_EDGES[at])) for at in (number, number + 1))
            bounds = _("{low} to {high}").format(low=low, high=high)
            told = bounds + ": " + counted(int(whole[number]), "{n} call", "{n} calls")
            items.append(Group(tuple(bars), told, evidence, 1))
    items.append(Line(((left, floor), (right, floor)), Meaning.TEXT, 1.5))
    items += legend(meanings, paper.left, paper.bottom - (rows - 1) * LINE - 4, paper.width)
    about = "≈ " if bounded else ""
    p50, p99 = (int(np.percentile(asleep, share)) for share in (50, 99))
    parts = (
        _("{n} of {all} calls slept").format(n=grouped(len(asleep)), all=grouped(total)),
        _("median {time}").format(time=f"{about}{duration(p50)}"),
        _("99 % within {time}").format(time=f"{about}{duration(p99)}"),
        _("longest {time}").format(time=f"{about}{duration(int(asleep.max()))}"),
    )
    subtitle = " · ".join(parts)
    title = _("How long calls of {program} were asleep").format(program=wording.target(analysis))
    each = [
        words + ": " + counted(int(counts[meaning].sum()), "{n} call", "{n} calls")
        for meaning, words in meanings
    ]
    return compose("latency", paper, title, subtitle, items, [analysis], "\n".join([subtitle, *each]))


def _count(x: float, y: float, words: str, room: float) -> list[Item]:
    """Return a count over a bar, on paper of its own: no level runs through it."""
    text = Text(x, y, words, BODY, anchor=Anchor.MIDDLE)
    wide = min(room, text.width + 6)
    plate = Rect(x - wide / 2, y - 15, wide, 20, Meaning.PAPER, outlined=False, plain=True)
    return [plate, text]


def _sleeps(analysis: Analysis) -> tuple[NDArray[np.int64], NDArray[np.uint8], bool, str]:
    """Return (calls,) ns asleep, (calls,) index in _ORDER, whether they are bounds, and what tells them."""
    work = prepare(analysis)
    calls = work.calls
    chosen = np.flatnonzero(calls.slept & ~calls.pending & (calls.asleep_ns > 0))
    index = np.zeros(256, np.uint8)
    for place, meaning in _WHY.items():
        index[place] = _ORDER.index(meaning)
    flags = calls.flags[chosen]
    evidence = "schedstat" if np.any(flags & Flag.ACCOUNTED) else "sched_switch"
    asleep = calls.asleep_ns[chosen].astype(np.int64)
    return asleep, index[work.place[chosen]], bool(np.any(sleep_bounded(flags))), evidence


def _bound(ns: int) -> str:
    for unit, size in (("s", 10**9), ("ms", 10**6), ("µs", 10**3)):
        if ns >= size:
            return f"{grouped(ns // size)} {unit}"
    return f"{ns} ns"
