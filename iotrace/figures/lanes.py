"""Lanes as bars: one row a thread or descriptor, merged to a cell a point."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from iotrace import wording
from iotrace.analysis.matrix import spoken
from iotrace.analysis.model import Analysis
from iotrace.figures.meanings import OF_WHAT, WORDS
from iotrace.figures.metrics import fit, width
from iotrace.figures.page import BODY, SIGN, centred
from iotrace.figures.scene import Dot, Item, Line, Rect, Shape, Stroke
from iotrace.language import _
from iotrace.theme import Meaning
from iotrace.timeline import Lane, Raster, Run, What, rasterise

#: Of a row's height: what is of no interest is drawn low.
LOW = {Meaning.FREE: 0.45, Meaning.NAP: 0.45, Meaning.EMPTY: 0.6}

#: Marks nearer than this (points) are so high, of a row's height: what fills the time between is seen.
_APART, _CROWDED = 4.0, 0.3

#: What tells a descriptor from others in its lane's name: process, number, kind.
_WHICH = re.compile(r"(?:\d+: )?fd \d+ \S{1,12} ")

_NAMED = (Meaning.WAIT, Meaning.TRANSFER, Meaning.OTHER)  # their bars say in which call


def name_of(lane: Lane, analysis: Analysis) -> str:
    """Return what a lane is called. Not yet escaped."""
    several = len({tgid for tgid, _, _ in analysis.threads}) > 1
    of = f"{lane.tgid}: " if several and lane.kind == "descriptor" else ""
    if lane.kind == "thread":
        return _("thread {tid}").format(tid=lane.tid)
    if lane.kind == "worker":
        return _("kernel thread {tid}").format(tid=lane.tid)
    what = analysis.descriptors[lane.life]
    return f"{of}fd {what.fd} {wording.descriptor(what)}"


def fitted(name: str, room: float) -> str:
    """Return a lane's name in a room: which descriptor it is stays, its own name is shortened."""
    head = _WHICH.match(name)
    if head is None or width(name, BODY) <= room:
        return fit(name, room, BODY)
    return head[0] + fit(name[head.end() :], room - width(head[0], BODY), BODY)


def bars(
    lane: Lane,
    analysis: Analysis,
    window: tuple[int, int],
    left: float,
    right: float,
    top: float,
    height: float,
    seen: set[Meaning | Shape],
) -> list[Item]:
    """Return a lane's bars between ``left`` and ``right``; ``seen`` gets what they mean."""
    cells = max(1, int(right - left))
    wide = (right - left) / cells
    raster = rasterise(lane, *window, cells, tuple(analysis.gaps))
    found: list[Item] = []
    middle = top + height / 2
    for run in raster.runs:
        if run.what is What.ABSENT:
            continue
        meaning = OF_WHAT[run.what]
        seen.add(meaning)
        x, length = left + run.first * wide, (run.last - run.first + 1) * wide
        if meaning is Meaning.IDLE:
            found.append(Line(((x, middle), (x + length, middle)), Meaning.IDLE, 1.5))
            continue
        tall = height * LOW.get(meaning, 1.0)
        edge = Stroke.DASHED if run.bounded else Stroke.SOLID
        outlined = length >= (8 if run.bounded else 4) or meaning is Meaning.LOST  # two dashes; seen at all
        found.append(
            Rect(x, middle - tall / 2, length, tall, meaning, outlined, length < 6, stroke=edge, weight=0.8)
        )
    found += _marks(raster, left, wide, top, height, seen)
    taken = [left + mark.cell * wide for mark in raster.marks]
    for run in raster.runs:
        if height >= 22 and OF_WHAT.get(run.what) in _NAMED:
            x, length = left + run.first * wide, (run.last - run.first + 1) * wide
            found += _words(run, x, length, middle, taken)
    return found


def _words(run: Run, x: float, length: float, middle: float, taken: Sequence[float]) -> list[Item]:
    """Return a call's name in its bar, where it fits and hides no mark."""
    words = spoken(run.code) if run.code >= 0 else ""
    room = width(words, BODY, True) + 12
    if not words or room > length:
        return []
    at = x + length / 2
    if any(at - room / 2 - 6 <= mark <= at + room / 2 + 6 for mark in taken):
        return []
    return centred(at, middle + 6, words, length, OF_WHAT[run.what])


def _marks(
    raster: Raster, left: float, wide: float, top: float, height: float, seen: set[Meaning | Shape]
) -> list[Item]:
    """Return what is rare and short, drawn over what fills its cell."""
    found: list[Item] = []
    dense = _dense([mark.cell for mark in raster.marks if mark.what is not What.ACCEPTED], _APART / wide)
    for mark in raster.marks:
        if raster.what[mark.cell] == mark.what:
            continue
        x = left + mark.cell * wide
        if mark.what is What.ACCEPTED:
            at = min(x, left + len(raster.what) * wide - SIGN / 2)
            found.append(Dot(at, top + height / 2, SIGN, Meaning.COPY, Shape.DIAMOND))
            seen.add(Shape.DIAMOND)
            continue
        meaning = OF_WHAT[mark.what]
        seen.add(meaning)
        tall = height * (_CROWDED if mark.cell in dense else 1.0)
        y = top + (height - tall) / 2
        found.append(Rect(x, y, max(1.6, wide), tall, meaning, outlined=False, plain=True))
    return found


def _dense(cells: Sequence[int], apart: float) -> set[int]:
    """Return the cells that have another one nearer than ``apart``: marks would hide what is between."""
    ordered = sorted(set(cells))
    near = [pair for pair in pairwise(ordered) if pair[1] - pair[0] < apart]
    return {cell for pair in near for cell in pair}


def named(seen: set[Meaning | Shape]) -> list[tuple[Meaning | Shape, str]]:
    """Return the words of fills, in the order of the theme, and of signs."""
    words: list[tuple[Meaning | Shape, str]] = [
        (meaning, _(WORDS[meaning])) for meaning in Meaning if meaning in seen
    ]
    return words + [(shape, _("accepted")) for shape in Shape if shape in seen]
