"""Every figure kind, on every page, of recordings in virtual time: nothing clips, nothing overlaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from iotrace.analysis import Analysis
from iotrace.analysis.model import Act
from iotrace.escape import clean
from iotrace.figures import HEIGHTS, KINDS, NothingToDraw, Request, draw
from iotrace.figures.hatching import lines, under
from iotrace.figures.overlap import problems
from iotrace.figures.page import BODY, SMALL
from iotrace.figures.scene import WIDTH, Area, Line, Rect, Text, groups, walk
from iotrace.theme import Hatch, Meaning
from iotrace.timeline import typical
from tests.figures import recordings
from tests.figures.drawing import drawn, words
from tests.story import Story, inet
from tests.views import scenes

HOSTILE = "<script>alert('&')</script>\u202e\x1b]0;gone\x07" + "x" * 10_000

Made = Callable[[], Analysis]

DRAWN: dict[str, tuple[str, list[Made]]] = {
    **{f"model of {name}": ("model", [made]) for name, made in recordings.MODELS.items()},
    "comparison of five": ("comparison", [recordings.MODELS[name] for name in recordings.FIVE]),
    "comparison of two": ("comparison", [scenes.blocking, recordings.at_once]),
    "timeline of the chat": ("timeline", [scenes.chat]),
    "timeline by ptrace": ("timeline", [lambda: scenes.chat(accounted=True)]),
    "timeline of 40 lanes": ("timeline", [recordings.crowd]),
    "conversation of the chat": ("conversation", [scenes.chat]),
    "conversation by ptrace": ("conversation", [lambda: scenes.chat(accounted=True)]),
    "conversation of 40 clients": ("conversation", [recordings.crowd]),
    "conversation with io_uring": ("conversation", [scenes.asynchronous]),
    "scaling": ("scaling", [recordings.scale]),
    "buffer": ("buffer", [scenes.full_pipe]),
    "latency of the chat": ("latency", [scenes.chat]),
    "latency by ptrace": ("latency", [lambda: scenes.blocking(accounted=True)]),
    "model with a try elsewhere": ("model", [recordings.short_try]),
    "comparison with a try elsewhere": ("comparison", [recordings.short_try, recordings.late_notice]),
    "latency with a count at a level": ("latency", [recordings.sleeper]),
    "latency of 40 threads": ("latency", [recordings.crowd]),
}


@pytest.mark.parametrize("aspect", HEIGHTS)
@pytest.mark.parametrize("name", DRAWN)
def test_nothing_clips_and_nothing_overlaps(name: str, aspect: str) -> None:
    kind, made = DRAWN[name]
    scene = drawn(kind, *(make() for make in made), aspect=aspect)
    assert (scene.width, scene.height) == (WIDTH, HEIGHTS[aspect])
    assert problems(scene) == []
    for step in range(scene.steps):
        assert problems(scene.until(step)) == []


@pytest.mark.parametrize("name", DRAWN)
def test_text_is_large_but_for_the_small_print(name: str) -> None:
    kind, made = DRAWN[name]
    sizes = sorted(
        item.size for item in walk(drawn(kind, *(make() for make in made)).items) if isinstance(item, Text)
    )
    assert sizes[:3] == [SMALL, SMALL, BODY]
    assert SMALL >= 10
    assert BODY >= 18


@pytest.mark.parametrize("name", DRAWN)
def test_the_small_print_says_where_it_is_from(name: str) -> None:
    kind, made = DRAWN[name]
    scene = drawn(kind, *(make() for make in made))
    facts = next(line for line in words(scene) if "probe" in line)
    assert "0 lost" in facts
    assert facts in scene.description


@pytest.mark.parametrize("name", DRAWN)
def test_a_step_only_adds(name: str) -> None:
    kind, made = DRAWN[name]
    scene = drawn(kind, *(make() for make in made))
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


def test_the_process_is_drawn_where_its_own_thread_copies() -> None:
    scene = drawn("model", recordings.own_thread())
    own = [item for item in walk(scene.items) if isinstance(item, Rect) and 0 < item.x < WIDTH / 2]
    assert {item.meaning for item in own} == {Meaning.FREE, Meaning.COPY}
    assert "its thread copies" in words(scene)
    side = drawn("comparison", recordings.own_thread(), scenes.asynchronous())
    every = [item for item in walk(side.items) if isinstance(item, Rect) and not item.plain]
    bars = [bar for bar in every if bar.meaning is Meaning.COPY]
    assert sorted(item.width > 14 for item in bars) == [False, False, True]  # two kernels, one process


@pytest.mark.parametrize("name", [name for name in DRAWN if name.startswith("model")])
def test_no_words_of_a_model_are_shortened(name: str) -> None:
    """Real times and names of calls fit beside the bars, bounded ones too."""
    kind, made = DRAWN[name]
    assert not [line for line in words(drawn(kind, *(make() for make in made))) if "…" in line]


def test_a_stage_shows_no_bar_beyond_its_phase() -> None:
    """The process is free to the end, but not before the end has come."""
    scene = drawn("model", scenes.asynchronous())
    ends = []
    for step in (1, 3, scene.steps):
        bars = [item for item in walk(scene.until(step).items) if isinstance(item, Rect) and item.width == 56]
        own, kernel = ([bar for bar in bars if (bar.x < WIDTH / 2) is left] for left in (True, False))
        ends.append(max(bar.y + bar.height for bar in own))
        assert ends[-1] == pytest.approx(max(bar.y + bar.height for bar in kernel), abs=1)
    assert ends[0] < ends[1] < ends[2]


def test_a_message_lies_in_its_buffer_from_the_stage_in_which_it_comes() -> None:
    scene = drawn("conversation", recordings.overtaken())
    first = [item for item in walk(scene.until(1).items) if isinstance(item, Rect)]
    assert Meaning.READY in {item.meaning for item in first}


def test_what_is_bounded_is_dashed_and_says_so() -> None:
    scene = drawn("model", scenes.blocking(accounted=True))
    assert any(line.startswith("≈ ") for line in words(scene))


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_hostile_names_are_cleaned_and_shortened(kind: str) -> None:
    made = {"scaling": recordings.scale, "buffer": scenes.full_pipe}.get(kind, recordings.crowd)
    analysis = recordings.renamed(made(), HOSTILE)
    both = ((HOSTILE, analysis), (HOSTILE[::-1], analysis))
    scene = draw(kind, Request(both if kind == "comparison" else both[:1]))
    assert problems(scene) == []
    told = "".join(group.title + group.evidence for group in groups(scene.items))
    text = "".join(words(scene)) + scene.title + scene.description
    for sign in "\u202e\x1b\x07":
        assert sign not in text
        assert sign not in clean(told)
    assert "\\x1b" in text or "\\u202e" in text


def test_there_is_a_test_for_every_kind() -> None:
    assert {kind for kind, _ in DRAWN.values()} == {kind.name for kind in KINDS}


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_an_empty_recording_is_no_figure(kind: str) -> None:
    with pytest.raises(NothingToDraw) as said:
        draw(kind, Request((("a", scenes.empty()), ("b", scenes.empty()))))
    assert "\n" not in str(said.value)


def test_the_comparison_has_one_scale_a_phase() -> None:
    made = [recordings.MODELS[name]() for name in recordings.FIVE]
    scene = drawn("comparison", *made)
    kernel = [item for item in walk(scene.items) if isinstance(item, Rect) and item.width == 14]
    waits = [item.height for item in kernel if item.meaning is Meaning.EMPTY]
    copies = [item.height for item in kernel if item.meaning is Meaning.COPY]
    ops = [each.operations[typical(each) or 0] for each in made]
    phase1 = [op["ready_ns"] - op["begin_ns"] for op in ops]
    phase2 = [op["end_ns"] - op["copy_ns"] for op in ops]
    assert [height / max(waits) for height in waits] == pytest.approx([ns / max(phase1) for ns in phase1])
    shares = [ns / max(phase2) for ns in phase2]
    assert [height / max(copies) for height in copies] == pytest.approx(shares)
    assert words(scene).count("synchronous") == 4
    assert words(scene).count("asynchronous") == 2  # the model, and what POSIX calls it
    assert scene.title == "Only asynchronous I/O is free while the data are copied"


def test_the_comparison_counts_the_failed_tries() -> None:
    analysis = scenes.nonblocking()
    tries = analysis.operations[typical(analysis) or 0]["tries"]
    scene = draw("comparison", Request((("one", analysis), ("other", scenes.blocking())), "1:1"))
    assert f"{tries} tries" in words(scene)


def test_the_conversation_tells_who_overtook_whom() -> None:
    """Where each is taken when it comes, nobody overtakes."""
    scene = drawn("conversation", scenes.chat())
    assert any("taken in the order of arrival" in line for line in words(scene))
    assert "wakes 4711" in words(scene)
    assert not any(line.startswith("listen") for line in words(scene))  # a client connects, not a listener
    late = drawn("conversation", recordings.overtaken())
    assert any("2 messages overtaken" in line for line in words(late))


def test_the_curves_are_the_medians() -> None:
    scene = drawn("scaling", recordings.scale())
    told = {group.title.partition(":")[0]: group.title for group in groups(scene.items)}
    assert told["poll"] == "poll: 2: 2.0 µs, 64: 64 µs, 1024: 1.0 ms"
    assert told["epoll_wait"] == "epoll_wait: 2: 3.0 µs, 64: 3.0 µs, 1024: 3.0 µs"
    assert told["select"] == "select: 2: 5.0 µs, 64: 70 µs, 512: 520 µs"
    assert "median of 45 calls that did not sleep" in words(scene)
    assert scene.title == "poll takes 340× as long as epoll at 1024"


def test_a_curve_needs_calls_enough_and_sets_that_grow() -> None:
    """Three sizes of one call each, or of nearly one size, say nothing of what a set costs."""
    for sizes, calls in (((2, 64, 1024), 4), ((10, 11, 12), 5)):
        story, time = Story(4711), 100.0
        for size in sizes:
            for _ in range(calls):
                story.call("poll", time, time + size, 2, a=size, c=-1)
                time += 2_000
        with pytest.raises(NothingToDraw):
            drawn("scaling", story.analyse())


def test_the_conversation_is_the_clients_and_not_the_servers_own_questions() -> None:
    """Clients in the same recording receive answers; an answer is no client's message."""
    story = Story(4711).server(3, 8801, 1_000).accept(3, 4, 20_000, 20_012, 53_312)
    story.call("socket", 100, 101, 9, a=2, b=1, tid=4712, tgid=4712)
    story.call("connect", 200, 300, 0, fd=9, blob=inet(8801), tid=4712, tgid=4712)
    for message in range(3):
        time = 30_000.0 + message * 1_000
        story.call("recvfrom", time, time + 300, 64, 280, ready=time + 280, copy=time + 290, fd=4, a=64)
        story.call("recvfrom", time, time + 600, 2, 580, ready=time + 580, copy=time + 590, fd=9, a=64,
                   tid=4712, tgid=4712)  # fmt: skip
    analysis = story.analyse()
    assert Act.RECEIVE_UPSTREAM in analysis.operations["act"]
    shown = words(drawn("conversation", analysis))
    assert shown.count("64 B") == 3
    assert "2 B" not in shown


def test_the_buffer_is_as_full_as_it_was() -> None:
    scene = drawn("buffer", scenes.full_pipe())
    (area,) = (item for item in walk(scene.items) if isinstance(item, Area))
    heights = {round(area.floor - y, 3) for _, y in area.points}
    assert len(heights) == 17  # 0 to 16 pages
    assert sum(item.meaning is Meaning.OTHER for item in walk(scene.items) if isinstance(item, Rect)) == 2
    assert any("1 send slept" in group.title for group in groups(scene.items))


def test_the_histogram_counts_every_sleep() -> None:
    analysis = scenes.chat()
    scene = drawn("latency", analysis)
    slept = int(np.count_nonzero(analysis.events["asleep_ns"] > 0))
    counted = [
        int(group.title.split(": ")[1].split()[0]) for group in groups(scene.items) if " to " in group.title
    ]
    assert sum(counted) == slept == 16


def test_no_failed_try_hides_a_low_bar() -> None:
    """A bar of a few points is what it mostly is; the legend names only what the picture has."""
    scene = drawn("comparison", recordings.short_try(), recordings.late_notice())
    bars = [item for item in walk(scene.items) if isinstance(item, Rect)]
    swatch = [bar for bar in bars if (bar.width, bar.height) == (26, 16)]
    assert Meaning.POLL not in {bar.meaning for bar in bars}
    assert {bar.meaning for bar in swatch} <= {bar.meaning for bar in bars if bar not in swatch}


@pytest.mark.parametrize("name", [name for name in DRAWN if name.startswith("model")])
def test_letters_stand_clear_of_their_arrow(name: str) -> None:
    """An underscore reaches a quarter of the size below the baseline."""
    kind, made = DRAWN[name]
    scene = drawn(kind, *(make() for make in made))
    for group in groups(scene.items):
        lines = [item for item in group.items if isinstance(item, Line) and item.head]
        texts = [item for item in group.items if isinstance(item, Text)]
        if lines and texts:
            level = lines[0].points[1][1]
            assert level - lines[0].weight / 2 - texts[0].y >= 0.25 * BODY


def test_losses_are_said() -> None:
    analysis = replace(scenes.blocking(), lost=23)
    assert any("23 lost: counts are lower bounds" in line for line in words(drawn("model", analysis)))


def test_an_operation_has_one_number_in_all_figures() -> None:
    """The operation that a conversation begins with is the one that the model figure has by that number."""
    analysis = recordings.overtaken()
    taken = np.argsort(analysis.operations["end_ns"], kind="stable").tolist()
    for index in range(len(analysis.operations)):
        at = taken.index(index)
        scene = drawn("conversation", analysis, operation=index + 1)
        assert any(line.startswith(f"messages {at + 1} to ") for line in words(scene))
        model = drawn("model", analysis, operation=index + 1)
        assert any(f"operation {index + 1}: as asked, of {len(taken)}" in line for line in words(model))
    for kind in ("conversation", "model"):
        with pytest.raises(NothingToDraw, match="no operation 99: this recording has 1 to"):
            drawn(kind, analysis, operation=99)


def test_a_level_is_hatched_under_its_line_and_nowhere_else() -> None:
    points = [(0.0, 40.0), (50.0, 40.0), (50.0, 10.0), (80.0, 10.0), (80.0, 40.0), (100.0, 40.0)]
    found = under(Hatch.HORIZONTAL, points, 50.0)
    assert [(x1, x2) for x1, y, x2, _ in found if y > 40] == [(0.0, 100.0)]
    assert {(x1, x2) for x1, y, x2, _ in found if y <= 40} == {(50.0, 80.0)}
    assert [y for _, y, _, _ in found] == sorted(y for _, y, _, _ in found)
    assert len(found) == len(lines(Hatch.HORIZONTAL, 0, 10, 100, 40))
    with pytest.raises(ValueError, match="no area is hatched rising"):
        under(Hatch.RISING, points, 50.0)
