"""A demo whose recording shows no lesson of the list ends on its claim; one that does, on the lesson."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from iotrace.analysis import analyse
from iotrace.views import summary
from tests.story import Story
from tests.views.scenes import blocking

CLAIM = "Nothing [/x] happens, \x1b[31mslowly"


def printed(story: Story) -> str:
    console = Console(width=100, file=io.StringIO(), color_system=None)
    console.print(summary(analyse(story.events(options={"claim": CLAIM}))))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_claim_stands_where_no_lesson_does() -> None:
    text = printed(Story().call("nanosleep", 0, 1_000, asleep=990))
    assert "CLAIM    Nothing [/x] happens, \\x1b[31mslowly" in text


def test_no_claim_without_a_demo() -> None:
    assert blocking().lessons
    story = Story().call("nanosleep", 0, 1_000, asleep=990)
    console = Console(width=100, file=io.StringIO(), color_system=None)
    console.print(summary(analyse(story.events())))
    assert isinstance(console.file, io.StringIO)
    assert "CLAIM" not in console.file.getvalue()


def test_a_lesson_goes_before_the_claim() -> None:
    story = Story().socket(4)
    for i in range(23):
        begin = 2_000 + i * 60_000
        story.call(
            "recvfrom", begin, begin + 50_200, 9, 50_000, 20, begin + 50_001, begin + 50_100, fd=4, a=9
        )
    text = printed(story)
    assert "LESSON" in text
    assert "CLAIM" not in text


def test_a_recording_without_an_end_says_so() -> None:
    """Killed tracers and full disks leave no ending note: "0 events lost" alone would mislead."""
    story = Story().call("nanosleep", 0, 1_000, asleep=990)
    assert "the recording has no end" in " ".join(printed(story).split())
    events = replace(story.events(options={}), notes=({"produced": 1, "lost": 0},))
    console = Console(width=100, file=io.StringIO(), color_system=None)
    console.print(summary(analyse(events)))
    assert isinstance(console.file, io.StringIO)
    assert "no end" not in console.file.getvalue()


def shown(*notes: dict[str, object]) -> str:
    """Return the summary of a recording with these last notes, in one line."""
    events = replace(Story().call("nanosleep", 0, 1_000, asleep=990).events(), notes=notes)
    console = Console(width=100, file=io.StringIO(), color_system=None)
    console.print(summary(analyse(events)))
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_what_the_probe_could_not_follow_is_said() -> None:
    nothing = shown({"produced": 1, "lost": 0, "probe_notes": {}})
    assert "not followed" not in nothing
    assert "passed over" not in nothing
    text = shown({"probe_notes": {"tasks_refused": 17, "passed_over": {"waker": 3, "ready": 4}}})
    assert "17 threads were not followed, there was no room for them" in text
    assert "7 events on this host were passed over by the kernel" in text


@pytest.mark.parametrize("told", [[], {"tasks_refused": "x", "passed_over": [1]}, {"passed_over": {"a": {}}}])
def test_notes_of_other_kinds_say_nothing(told: object) -> None:
    text = shown({"probe_notes": told})
    assert "not followed" not in text
    assert "passed over" not in text
