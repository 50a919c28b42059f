"""The lanes of timelines and the fills of bars: what is drawn, and what the legend says of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iotrace.analysis import Analysis
from iotrace.figures import Scene
from iotrace.figures.lanes import fitted
from iotrace.figures.scene import WIDTH, Dot, Line, Rect, Shape, Stroke, groups, walk
from iotrace.theme import Meaning
from tests.figures import recordings
from tests.figures.drawing import drawn, told_fills, words
from tests.views import scenes


def test_a_descriptor_without_a_clients_name_has_its_own() -> None:
    """Lanes of 44 unix sockets must differ; what tells them apart stays when names have no room."""
    assert fitted("3160: fd 12 unix a-very-long-name-of-a-queue-for-workers-number-07.sock", 260).startswith(
        "3160: fd 12 unix a-"
    )
    assert fitted("fd 4 listen :8801", 20_000) == "fd 4 listen :8801"


def test_forty_lanes_are_named_or_counted() -> None:
    scene = drawn("timeline", recordings.crowd())
    lanes = sum(line.startswith(("thread ", "fd ")) for line in words(scene))
    left_out = next(line for line in words(scene) if "quieter lanes" in line)
    assert lanes >= 8
    assert f"{41 + 41 - lanes} quieter lanes" in left_out


def lanes_of(scene: Scene) -> list[Rect | Line | Dot]:
    """Return what is drawn on the lanes of a timeline."""
    return [
        item
        for group in groups(scene.items)
        if group.title.startswith(("thread ", "fd "))
        for item in group.items
        if isinstance(item, (Rect, Line, Dot))
    ]


@pytest.mark.parametrize("accounted", [False, True])
def test_the_legend_of_lanes_has_all_that_is_drawn_and_no_more(accounted: bool) -> None:
    scene = drawn("timeline", scenes.chat(accounted=accounted))
    lanes = lanes_of(scene)
    assert {item.shape if isinstance(item, Dot) else item.meaning for item in lanes} == told_fills(scene)
    assert {Meaning.IDLE, Shape.DIAMOND} <= told_fills(scene)


def test_bounded_bars_are_dashed_as_the_small_print_says() -> None:
    bars = [
        item for item in lanes_of(drawn("timeline", scenes.chat(accounted=True))) if isinstance(item, Rect)
    ]
    bounded = [bar for bar in bars if bar.stroke is Stroke.DASHED and bar.width >= 8]
    assert bounded
    assert all(bar.outlined for bar in bounded)


def test_crowded_copies_leave_the_wait_in_sight() -> None:
    """A thousand copies of microseconds are no time: what the thread did between them is larger."""
    story = scenes.busy()
    bars = [item for item in lanes_of(drawn("timeline", story)) if isinstance(item, Rect)]
    ticks = [bar for bar in bars if bar.meaning is Meaning.COPY]
    waits = [bar for bar in bars if bar.meaning is Meaning.TRANSFER]
    assert len(ticks) > 300
    assert max(bar.height for bar in ticks) < 0.5 * max(bar.height for bar in waits)


def test_few_lanes_are_drawn_larger() -> None:
    """Of the room between title and legend, at least two thirds on a slide."""
    scene = drawn("timeline", scenes.chat())
    bars = [item for item in lanes_of(scene) if isinstance(item, Rect)]
    assert max(bar.height for bar in bars) > 34


@pytest.mark.parametrize("made", [recordings.short_try, recordings.signal_driven, scenes.nonblocking])
def test_fills_of_an_operation_are_named(made: Callable[[], Analysis]) -> None:
    scene = drawn("model", made())
    own = [
        item
        for item in walk(scene.items)
        if isinstance(item, Rect) and item.width == 56 and item.x < WIDTH / 2 and item.height >= 4
    ]
    legend = told_fills(scene)
    for meaning in (Meaning.NAP, Meaning.POLL):
        drawn_here = any(bar.meaning is meaning for bar in own)
        assert (meaning in legend) == drawn_here or (
            meaning is Meaning.POLL and "EAGAIN" in str(words(scene))
        )
