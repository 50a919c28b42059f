"""Every figure kind, on every page, of recordings in virtual time: nothing clips, nothing overlaps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from iotrace.analysis import Analysis
from iotrace.figures import HEIGHTS, Request, Scene, draw
from iotrace.figures.overlap import problems
from iotrace.figures.page import BODY, SMALL
from iotrace.figures.scene import WIDTH, Rect, Text, walk
from iotrace.theme import Meaning
from tests.figures import recordings
from tests.views import scenes

HOSTILE = "<script>alert('&')</script>\u202e\x1b]0;gone\x07" + "x" * 10_000

ONE: dict[str, tuple[str, Callable[[], Analysis]]] = {
    f"model of {name}": ("model", made) for name, made in recordings.MODELS.items()
}


def drawn(kind: str, *analyses: Analysis, aspect: str = "16:9", operation: int | None = None) -> Scene:
    labelled = tuple((f"recording {number}", each) for number, each in enumerate(analyses))
    return draw(kind, Request(labelled, aspect, operation))


def words(scene: Scene) -> list[str]:
    return [item.words for item in walk(scene.items) if isinstance(item, Text)]


@pytest.mark.parametrize("aspect", HEIGHTS)
@pytest.mark.parametrize("name", ONE)
def test_nothing_clips_and_nothing_overlaps(name: str, aspect: str) -> None:
    kind, made = ONE[name]
    scene = drawn(kind, made(), aspect=aspect)
    assert (scene.width, scene.height) == (WIDTH, HEIGHTS[aspect])
    assert problems(scene) == []
    for step in range(scene.steps):
        assert problems(scene.until(step)) == []


@pytest.mark.parametrize("name", ONE)
def test_text_is_large_but_for_the_small_print(name: str) -> None:
    kind, made = ONE[name]
    sizes = sorted(item.size for item in walk(drawn(kind, made()).items) if isinstance(item, Text))
    assert sizes[:3] == [SMALL, SMALL, BODY]
    assert SMALL >= 10
    assert BODY >= 18


@pytest.mark.parametrize("name", ONE)
def test_the_small_print_says_where_it_is_from(name: str) -> None:
    kind, made = ONE[name]
    scene = drawn(kind, made())
    facts = next(line for line in words(scene) if "probe" in line)
    assert "0 lost" in facts
    assert facts in scene.description


@pytest.mark.parametrize("name", ONE)
def test_a_step_only_adds(name: str) -> None:
    kind, made = ONE[name]
    scene = drawn(kind, made())
    stages = [list(walk(scene.until(step).items)) for step in range(scene.steps + 1)]
    assert stages[-1] == list(walk(scene.items))
    for before, after in pairwise(stages):
        assert len(before) < len(after)
        rest = iter(after)
        assert all(item in rest for item in before)


def test_the_median_is_chosen_and_said() -> None:
    scene = drawn("model", scenes.blocking())
    assert any("the median of 23 that had to wait" in line for line in words(scene))
    assert any(
        "operation 7: as asked" in line for line in words(drawn("model", scenes.blocking(), operation=7))
    )


def test_phase_one_is_as_long_as_it_was() -> None:
    """50 ms of waiting and what follows have linear scales; the factor between them is printed."""
    scene = drawn("model", scenes.blocking())
    bars = {item.meaning: item for item in walk(scene.items) if isinstance(item, Rect) and item.x > WIDTH / 2}
    wait, ready, copy = (bars[m] for m in (Meaning.EMPTY, Meaning.READY, Meaning.COPY))
    assert ready.height / copy.height == pytest.approx(40 / 260, rel=0.02)
    coarse, fine = 50_000 / wait.height, 260 / copy.height
    factor = next(line for line in words(scene) if line.startswith("from here "))
    assert float(factor.removeprefix("from here ").removesuffix("×")) == pytest.approx(
        coarse / fine, rel=0.05
    )


def test_failed_tries_are_drawn_and_counted() -> None:
    lines = words(drawn("model", scenes.nonblocking()))
    assert "recvfrom → EAGAIN" in lines
    assert any(line.startswith("the last of 4") for line in lines)


def test_the_asynchronous_process_is_free_to_the_end() -> None:
    scene = drawn("model", scenes.asynchronous())
    own = [item for item in walk(scene.items) if isinstance(item, Rect) and 0 < item.x < WIDTH / 2]
    assert {item.meaning for item in own} == {Meaning.FREE}
    assert "a kernel thread copies" in words(scene)


def test_what_is_bounded_is_dashed_and_says_so() -> None:
    scene = drawn("model", scenes.blocking(accounted=True))
    assert any(line.startswith("≈ ") for line in words(scene))


def test_hostile_names_are_cleaned_and_shortened() -> None:
    scene = drawn("model", recordings.named(HOSTILE))
    assert problems(scene) == []
    text = "".join(words(scene)) + scene.title + scene.description
    assert "\u202e" not in text
    assert "\x1b" not in text
