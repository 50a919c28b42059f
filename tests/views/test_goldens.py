"""The pictures as a person sees them, without colour at width 80. Review them as you would a slide."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
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
