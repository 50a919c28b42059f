"""What one select, poll or epoll_wait costs as its set grows: curves on logarithmic scales."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.calls import Calls, code
from iotrace.analysis.model import Analysis
from iotrace.figures.axes import powers
from iotrace.figures.page import BODY, NothingToDraw, Request, compose, page
from iotrace.figures.placing import spread
from iotrace.figures.scene import Anchor, Dot, Group, Item, Line, Rect, Scene, Shape, Stroke, Text
from iotrace.language import _
from iotrace.numbers import duration, factor, grouped
from iotrace.theme import Meaning
from iotrace.timeline.cuts import prepare
from probes.events import Flag

#: Each curve: its calls, the hue, the sign and the line that tell it apart.
_CURVES = (
    ("select", ("select", "pselect6"), Meaning.WAIT, Shape.SQUARE, Stroke.DASHED),
    ("poll", ("poll", "ppoll"), Meaning.WAKE, Shape.TRIANGLE, Stroke.SOLID),
    ("epoll_wait", ("epoll_wait", "epoll_pwait", "epoll_pwait2"), Meaning.COPY, Shape.CIRCLE, Stroke.SOLID),
)
#: Sizes that people know, and look for on the axis: the limit of select.
_KNOWN = (1024,)

_LEAST = 3  # sizes that make a curve
_CALLS = 5  # calls that make a median
_SPAN = 4  # how many times the least set the largest is: else nothing has grown


class _Curve(NamedTuple):
    name: str
    meaning: Meaning
    shape: Shape
    stroke: Stroke
    sizes: list[int]
    median_ns: list[int]
    calls: int
    unseen: int  # calls whose set the probe did not store whole


def scaling(request: Request) -> Scene:
    """Draw a curve for each call that was made with sets of three sizes or more, and did not sleep.

    Raises :class:`NothingToDraw` where there is none.
    """
    analysis = request.analysis
    curves = _curves(analysis)
    if not curves:
        raise NothingToDraw(
            _(
                "no select, poll or epoll_wait was called often enough with sets of three sizes:"
                " `iotrace demo scale` records some"
            )
        )
    paper = page(request.aspect)
    left, right = paper.left + 84, paper.right - 130
    top, floor = paper.top + 16, paper.bottom - 56
    sizes = [each for curve in curves for each in curve.sizes]
    times = [each for curve in curves for each in curve.median_ns]
    low, high = min(sizes), max(sizes)
    decades = powers(min(times), max(times))

    def x_of(count: int) -> float:
        return left + math.log(count / low) / max(1e-9, math.log(high / low)) * (right - left)

    def y_of(ns: float) -> float:
        span = math.log(decades[-1] / decades[0]) or 1
        return floor - math.log(ns / decades[0]) / span * (floor - top)

    items: list[Item] = []
    for power in decades:
        items.append(Line(((left, y_of(power)), (right, y_of(power))), Meaning.RULE, 1.0))
        label = _plain(power)
        items.append(Text(left - 8, y_of(power) + 6, label, BODY, Meaning.MUTED, Anchor.END))
    labels: list[Text] = []
    for count in sorted(set(sizes)):
        items.append(Line(((x_of(count), floor), (x_of(count), floor + 6)), Meaning.MUTED, 1.0))
    for count in sorted(set(sizes), key=lambda n: (n not in (low, high), n not in _KNOWN, n)):
        text = Text(x_of(count), floor + 24, grouped(count), BODY, Meaning.MUTED, Anchor.MIDDLE)
        if all(abs(text.x - each.x) >= (text.width + each.width) / 2 + 8 for each in labels):
            labels.append(text)
    items += labels
    items.append(
        Text((left + right) / 2, floor + 47, _("descriptors in the set"), BODY, anchor=Anchor.MIDDLE)
    )
    items.append(Line(((left, floor), (right, floor)), Meaning.TEXT, 1.5))
    ends = sorted(range(len(curves)), key=lambda at: y_of(curves[at].median_ns[-1]))
    wanted = [y_of(curves[at].median_ns[-1]) for at in ends]
    placed = dict(zip(ends, spread(wanted, [24.0] * len(ends), top, floor), strict=True))
    for number, curve in enumerate(curves):
        points = [(x_of(n), y_of(ns)) for n, ns in zip(curve.sizes, curve.median_ns, strict=True)]
        drawn: list[Item] = [Line(tuple(points), curve.meaning, 2.4, curve.stroke)]
        drawn += [Dot(x, y, 10, curve.meaning, curve.shape) for x, y in points]
        x, y = points[-1]
        beside = right - x < 40
        at = placed[number] if beside else y
        if beside:
            drawn.append(Line(((x + 7, y), (right + 10, at)), Meaning.MUTED, 1.0))
        name = Text(x + 6, y - 14, curve.name, BODY, curve.meaning, Anchor.END, True)
        if beside:
            name = Text(right + 14, at + 6, curve.name, BODY, curve.meaning, bold=True)
        told = ", ".join(
            f"{grouped(n)}: {duration(ns)}" for n, ns in zip(curve.sizes, curve.median_ns, strict=True)
        )
        plate = Rect(name.left - 2, name.y - 15, name.width + 4, 20, Meaning.PAPER, False, True)
        items.append(Group((plate, *drawn, name), f"{curve.name}: {told}", "sys_enter, sys_exit", number + 1))
    return compose(
        "scaling", paper, _title(curves), _subtitle(analysis, curves), items, [analysis],
        "\n".join(map(_told, curves)),
    )  # fmt: skip


def _title(curves: list[_Curve]) -> str:
    by = {curve.name: curve for curve in curves}
    if "poll" in by and "epoll_wait" in by:
        common = sorted(set(by["poll"].sizes) & set(by["epoll_wait"].sizes))
        if common:
            most = common[-1]
            ratio = _at(by["poll"], most) / max(1, _at(by["epoll_wait"], most))
            if ratio > 2:
                return _("poll takes {factor} as long as epoll at {n}").format(
                    factor=factor(ratio), n=grouped(most)
                )
    return _("What one call costs as its set grows")


def _told(curve: _Curve) -> str:
    pairs = zip(curve.sizes, curve.median_ns, strict=True)
    each = (_("{n} descriptors {time}").format(n=grouped(n), time=duration(ns)) for n, ns in pairs)
    return f"{curve.name}: {', '.join(each)}"


def _subtitle(analysis: Analysis, curves: list[_Curve]) -> str:
    calls = sum(curve.calls for curve in curves)
    stop = int(analysis.events.header.get("stop_cost_ns") or 0)
    unseen = [curve.name for curve in curves if curve.unseen]
    parts = [_("median of {n} calls that did not sleep").format(n=grouped(calls))]
    if unseen:
        parts.append(_("larger sets of {names} were not stored").format(names=_(", ").join(unseen)))
    if stop:
        parts.append(_("each contains {time} of the tracer's").format(time=duration(stop)))
    return " · ".join(parts)


def _at(curve: _Curve, count: int) -> int:
    return curve.median_ns[curve.sizes.index(count)]


def _curves(analysis: Analysis) -> list[_Curve]:
    calls = prepare(analysis).calls
    took = calls.exit_ns - calls.enter_ns
    found = []
    for name, names, meaning, shape, stroke in _CURVES:
        mine = (
            np.isin(calls.code, [code(each) for each in names])
            & ~calls.slept
            & ~calls.pending
            & (calls.ret > 0)
        )
        chosen = np.flatnonzero(mine)
        if not len(chosen):
            continue
        watched = _watched(analysis, calls, chosen, name)
        counted = zip(*(each.tolist() for each in np.unique(watched, return_counts=True)), strict=True)
        sizes = [n for n, calls_of in counted if n > 0 and calls_of >= _CALLS]
        if len(sizes) < _LEAST or sizes[-1] < _SPAN * sizes[0]:
            continue
        medians = [max(1, int(np.median(took[chosen[watched == n]]))) for n in sizes]
        found.append(
            _Curve(
                name,
                meaning,
                shape,
                stroke,
                sizes,
                medians,
                int(np.isin(watched, sizes).sum()),
                int(np.sum(watched <= 0)),
            )
        )
    return found


def _watched(analysis: Analysis, calls: Calls, chosen: NDArray[np.int64], name: str) -> NDArray[np.int64]:
    """Return (n,) how many descriptors each call watches; 0 where that is unseen."""
    events = analysis.events
    rows = calls.row[chosen]
    if name == "poll":
        return np.asarray(events["a"][rows], np.int64)
    if name == "select":
        stored = np.diff(events.watch_offsets)[rows].astype(np.int64)
        whole = (events["flags"][rows] & (Flag.WATCH_CUT | Flag.WATCH_UNSEEN)) == 0
        return np.where(whole, stored, 0)
    changes = np.flatnonzero((calls.code == code("epoll_ctl")) & (calls.ret == 0))
    op = events["a"][calls.row[changes]]
    change = np.where(op == 1, 1, np.where(op == 2, -1, 0))
    life, asked = analysis.lives[calls.row[changes]], analysis.lives[rows]
    watched = np.zeros(len(chosen), np.int64)
    for each in np.unique(asked).tolist():
        own = changes[life == each]
        total = np.r_[0, np.cumsum(change[life == each])]
        mine = asked == each
        watched[mine] = total[np.searchsorted(calls.exit_ns[own], calls.enter_ns[chosen[mine]], "right")]
    return watched


def _plain(ns: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{grouped(round(ns / size))} {unit}"
    return f"{round(ns)} ns"
