"""Every lesson has its story in both languages, and it is set without harm to any line."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len

from iotrace import views
from iotrace.analysis.lessons import LESSONS
from iotrace.language import LANGUAGES
from iotrace.views.breaking import CLOSING
from iotrace.views.explanation import contents, explanation, story
from tests.command import ROOT
from tests.views.goldens import assert_golden

NAMES = [entry.name for entry in LESSONS]


def drawn(name: str, language: str, width: int = 80, ascii: bool = False) -> str:
    file = io.StringIO()
    views.console("never", ascii, width, file).print(explanation(story(name, language)))
    return file.getvalue()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_lesson_has_a_story_and_every_story_a_lesson(language: str) -> None:
    folder = ROOT / "iotrace" / "lessons_text"
    assert {path.name.removesuffix(f".{language}.md") for path in folder.glob(f"*.{language}.md")} == set(
        NAMES
    )
    titles = [story(name, language).title for name in NAMES]
    assert len(set(titles)) == len(titles)
    assert all(len(story(name, language).text) > 250 for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_tell_the_same_story(name: str) -> None:
    """As many sections, items and tables, and the same commands and lessons named."""
    shapes, commands = [], []
    for language in LANGUAGES:
        text = story(name, language).text
        shapes.append([len(re.findall(form, text, re.MULTILINE)) for form in (r"^## ", r"^- ", r"^    \S")])
        commands.append(set(re.findall(r"`iotrace [^`]+`", text)))
    assert shapes[0] == shapes[1]
    assert commands[0] == commands[1]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_story_refers_to_is_there(name: str) -> None:
    demos = {path.stem for path in (ROOT / "demos").glob("*.py")}
    for language in LANGUAGES:
        text = story(name, language).text
        assert set(re.findall(r"iotrace explain ([\w-]+)", text)) <= set(NAMES)
        assert set(re.findall(r"iotrace demo (\w+)", text)) <= demos


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [60, 80, 200])
def test_every_line_fits_and_none_begins_with_a_closing_mark(name: str, width: int) -> None:
    for language in LANGUAGES:
        text = drawn(name, language, width)
        for line in text.split("\n"):
            assert cell_len(line) <= width
            assert line == line.rstrip()
            assert line[:1] not in CLOSING
        told = re.sub(r"[`*#\s-]|•", "", story(name, language).text)
        assert re.sub(r"[\s•*#-]", "", text) == told or width < 80  # a table may be cut
        assert drawn(name, "en", width, ascii=True).isascii()


def test_stories_as_they_look() -> None:
    assert_golden("explain_undrained_edge_en", drawn("undrained-edge", "en"))
    assert_golden("explain_undrained_edge_zh", drawn("undrained-edge", "zh"))


def test_the_list() -> None:
    file = io.StringIO()
    views.console("never", False, 100, file).print(contents([story(name, "en") for name in NAMES]))
    lines = file.getvalue().splitlines()
    assert [line.split()[0] for line in lines[: len(NAMES)]] == NAMES
