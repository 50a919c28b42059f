"""The pictures as a person sees them, without colour at width 80. Review them as you would a slide."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import RenderableType

from iotrace import views
from iotrace.analysis.model import Analysis, Lesson
from iotrace.views.summary import summary
from tests.views import scenes
from tests.views.goldens import assert_golden

COMMANDS = [("iotrace report", "every call"), ("iotrace show", "the timeline")]


def quiet(analysis: Analysis) -> Analysis:
    """Put fixed words where the analysis's own prose stands: its wording has tests of its own."""
    why = "why, in one sentence"
    verdicts = {act: replace(found, because=why) for act, found in analysis.verdicts.items()}
    lesson = Lesson("golden", "what this run teaches, in a sentence long enough to need a second line")
    return replace(analysis, verdicts=verdicts, lessons=[lesson], order="")


def drawn(view: RenderableType, ascii: bool = False, width: int = 80) -> str:
    file = io.StringIO()
    views.console("never", ascii, width, file).print(view)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def lost() -> Analysis:
    analysis = scenes.blocking()
    begin = analysis.begin_ns
    gaps = [(begin + 300_000_000, begin + 420_000_000, 12_345)]
    return replace(analysis, lost=12_345, gaps=gaps)


CASES: dict[str, tuple[Callable[[], Analysis], Callable[[Analysis], RenderableType]]] = {
    "summary_select_chat": (scenes.chat, lambda a: summary(a, commands=COMMANDS)),
    "summary_nonblocking": (scenes.nonblocking, lambda a: summary(a, commands=COMMANDS)),
    "summary_asynchronous": (scenes.asynchronous, lambda a: summary(a, commands=COMMANDS)),
    "summary_blocking_ptrace": (
        lambda: scenes.blocking(accounted=True),
        lambda a: summary(a, commands=COMMANDS),
    ),
    "report_select_chat": (scenes.chat, views.report),
    "show_blocking_zoomed": (scenes.blocking, lambda a: views.show(a, (100_000_000, 300_000_000))),
    "show_blocking_one_wakeup": (scenes.blocking, lambda a: views.show(a, (69_000_000, 69_500_000))),
    "show_full_pipe": (scenes.full_pipe, views.show),
    "show_lost": (lost, views.show),
    "show_one_descriptor": (scenes.chat, lambda a: views.show(a, fd=6)),
}


@pytest.mark.parametrize("name", CASES)
def test_picture(name: str) -> None:
    scene, view = CASES[name]
    assert_golden(name, drawn(view(quiet(scene()))))


def test_picture_in_ascii() -> None:
    text = drawn(summary(quiet(scenes.chat(accounted=True)), commands=COMMANDS), ascii=True)
    assert text.isascii()
    assert_golden("summary_select_chat_ptrace_ascii", text)


def test_a_level_in_ascii() -> None:
    text = drawn(views.show(quiet(scenes.full_pipe())), ascii=True)
    assert text.isascii()
    lane = next(line for line in text.splitlines() if line.startswith("buffer fd 4 -> 3 pipe"))
    assert ".:-=+*#" in "".join(dict.fromkeys(lane.removeprefix("buffer fd 4 -> 3 pipe")))
    assert "most 64 KiB" in lane


@pytest.mark.parametrize("width", range(60, 221, 20))
def test_a_buffer_is_full_under_the_send_that_sleeps(width: int) -> None:
    lines = drawn(views.show(scenes.full_pipe()), width=width).splitlines()
    assert max(map(cell_len, lines)) <= width
    lane = next(line for line in lines if line.startswith("buffer"))
    words = " most 64 KiB "  # written into the full cells where no empty ones have room
    lane = lane.replace(f"{words}█", "█" * (len(words) + 1))
    writer = next(line for line in lines if line.startswith("thread 4711"))
    asleep = [cell for cell, char in enumerate(writer) if char == "▚"]
    assert set(lane[asleep[0] : asleep[-1]]) == {"█"}
    shape = [" ▁▂▃▄▅▆▇█".index(char) for char in lane[22 : asleep[0]]]
    assert shape == sorted(shape)  # it fills until then


def test_no_level_is_drawn_of_another_descriptor_or_time() -> None:
    analysis = scenes.full_pipe()
    for view, has in (
        (views.show(analysis, fd=3), True),
        (views.show(analysis, fd=7), False),
        (views.show(analysis, thread=4711), False),
        (views.show(analysis, (100_000_000, 300_000_000)), True),
        (views.show(analysis, (950_000_000, 990_000_000)), False),
    ):
        text = drawn(view)
        assert ("buffer fd 4" in text) == ("bytes in the buffer" in text) == has


def test_an_empty_recording_is_said_to_be_one() -> None:
    for view in (views.summary, views.report, views.show):
        text = drawn(view(scenes.empty()))
        assert "0 calls" in text
    assert "no receive and no accept was seen" in drawn(views.summary(scenes.empty()))


@pytest.mark.parametrize("name", scenes.SCENES)
def test_a_demo_fits_on_one_screen(name: str) -> None:
    """100 columns by 40 lines, one of them for the shell's prompt."""
    text = drawn(views.summary(scenes.SCENES[name]()), width=100)
    assert len(text.splitlines()) <= 39
