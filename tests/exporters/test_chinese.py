"""Every format in Chinese, as others read it: its words are Chinese, and they are drawn where they belong."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pypdf
import pytest
from pptx import Presentation

from iotrace import language
from iotrace.exporters import export, picture
from iotrace.exporters.formats import FORMATS
from iotrace.figures import KINDS, Request, Scene, draw
from iotrace.figures.scene import Text, walk
from iotrace.theme import DARK, LIGHT
from tests.exporters.asked import exported
from tests.exporters.browser import Browser
from tests.exporters.test_renderers import chromium, differing, environment, resvg, squares
from tests.figures.test_chinese import EVENTS, english
from tests.figures.test_scenes import DRAWN
from tests.views import scenes

__all__ = ["environment"]  # a fixture

KIND_NAMES = [kind.name for kind in KINDS]

#: What a search is written in, names of keys and of lessons, and what a command is called.
ASKED = set("recv thread asleep Enter Shift Ctrl n N explain NAME".split())


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    language.use("zh")
    yield
    language.use("en")


def scene_of(kind: str) -> Scene:
    made = next(made for each, made in DRAWN.values() if each == kind)
    return draw(kind, Request(tuple((f"r{n}", make()) for n, make in enumerate(made))))


def file_of(suffix: str, scene: Scene) -> bytes:
    kind = picture(suffix)
    assert kind is not None
    (content,) = export(kind, [scene], LIGHT)
    return content


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_chromium_draws_what_resvg_draws(kind: str, tmp_path: Path, environment: dict[str, str]) -> None:
    scene = scene_of(kind)
    seen = squares(chromium(scene, tmp_path, environment), scene)
    assert differing(squares(resvg(scene), scene), seen, 0.12) < 0.01


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_every_chinese_label_leaves_ink_in_its_room(kind: str) -> None:
    """resvg draws nothing, and says nothing, where it finds no font: each label is looked for."""
    scene = scene_of(kind)
    whole = squares(resvg(scene), scene)
    for item in walk(scene.items):
        if isinstance(item, Text) and any("\u4e00" <= sign <= "\u9fff" for sign in item.words):
            top, bottom = int((item.y - 0.7 * item.size) // 8), int(item.y // 8)
            left, right = int(item.left // 8) + 1, int((item.left + item.width) // 8)
            inside = whole[top : bottom + 1, left:right]
            assert inside.max() - inside.min() > 0.1, item.words


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_the_words_of_a_pdf_can_be_copied(kind: str) -> None:
    scene = scene_of(kind)
    read = re.sub(r"\s", "", pypdf.PdfReader(io.BytesIO(file_of("pdf", scene))).pages[0].extract_text())
    for item in walk(scene.items):
        if isinstance(item, Text):
            assert re.sub(r"\s", "", item.words) in read


def test_a_deck_and_its_notes_are_chinese() -> None:
    deck = Presentation(io.BytesIO(exported(scenes.chat(), "pptx")))
    assert len(deck.slides) > 5
    for slide in deck.slides:
        told = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
        tables = [shape.table for shape in slide.shapes if shape.has_table]
        told += [cell.text_frame.text for table in tables for row in table.rows for cell in row.cells]
        assert {line: found for line in told if (found := english(line, ASKED | LESSONS))} == {}
        notes = slide.notes_slide.notes_text_frame.text
        assert any("\u4e00" <= sign <= "\u9fff" for sign in notes)
        assert re.search(r"\b(the|and|is|of)\b", notes) is None


#: A lesson is asked for by its name, and a deck names the command.
LESSONS = {
    part for path in Path(language.__file__).parent.glob("lessons_text/*.zh.md")
    for part in re.split(r"\W", path.name)
}  # fmt: skip


def test_the_page_speaks_chinese(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(exported(scenes.chat(), "html"))
    also = ASKED | LESSONS | EVENTS
    with Browser(tmp_path, 1280, 1000) as browser:
        for chosen in ("", "operation=3", "call=7&find=recv", "find=recv&theme=dark"):
            browser.open(page, chosen)
            told = str(browser.value("document.body.innerText")).splitlines()
            assert {line: found for line in told if (found := english(line, also))} == {}
            said = str(browser.value("document.getElementById('said').textContent"))
            assert english(said, also) == []
        assert browser.value("document.documentElement.lang") == "zh-Hans"
        names = {
            name for role, name in browser.accessible() if role in ("button", "Canvas", "region", "combobox")
        }
        assert {name: found for name in names if (found := english(name, also))} == {}
        assert browser.text("h1").endswith("的时间花在哪里")
        assert browser.errors == []


def test_dark_has_the_same_words() -> None:
    kind = picture("svg")
    assert kind is not None
    light, dark = (export(kind, [scene_of("model")], theme)[0].decode() for theme in (LIGHT, DARK))
    assert re.findall(r">([^<]+)</text>", light) == re.findall(r">([^<]+)</text>", dark)
    assert "阻塞" in light


def test_the_list_of_formats_is_chinese() -> None:
    assert [each.name for each in FORMATS if not re.search("[\u4e00-\u9fff]", language._(each.line))] == []
