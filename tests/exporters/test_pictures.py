"""SVG, PNG and PDF of every kind: what is in the scene is in the file, as others read it."""

from __future__ import annotations

import io
import re
import struct
from functools import cache
from xml.etree import ElementTree

import pypdf
import pytest

from iotrace import exporters
from iotrace.exporters import PICTURES
from iotrace.figures import KINDS, Request, Scene, draw
from iotrace.figures.scene import Group, Rect, Text, walk
from iotrace.theme import LIGHT, THEMES, Meaning, Theme
from tests.figures.test_scenes import DRAWN, HOSTILE
from tests.views import scenes

SVG = "{http://www.w3.org/2000/svg}"
ATTRIBUTES = set(
    "xmlns viewBox width height role font-family stroke-linecap stroke-linejoin x y rx fill stroke "
    "stroke-width stroke-dasharray d font-size font-weight text-anchor".split()
)


@cache
def scene_of(kind: str) -> Scene:
    made = next(made for each, made in DRAWN.values() if each == kind)
    return draw(kind, Request(tuple((f"r{n}", make()) for n, make in enumerate(made))))


def export(suffix: str, scenes_: list[Scene], theme: Theme = LIGHT) -> list[bytes]:
    found = exporters.picture(suffix)
    assert found is not None
    return exporters.export(found, scenes_, theme)


def svg(scene: Scene, theme: Theme = LIGHT) -> ElementTree.Element:
    (content,) = export("svg", [scene], theme)
    return ElementTree.fromstring(content)


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_svg_has_all_words_and_only_presentation_attributes(kind: str) -> None:
    scene = scene_of(kind)
    root = svg(scene)
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts == [item.words for item in walk(scene.items) if isinstance(item, Text)]
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "desc", "g", "rect", "path", "text",
    }  # fmt: skip
    assert {name for element in root.iter() for name in element.attrib} <= ATTRIBUTES
    assert root.find(f"{SVG}title") is not None
    assert "probe" in (root.findtext(f"{SVG}desc") or "")


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_colour_of_the_svg_is_the_themes(theme: Theme) -> None:
    (content,) = export("svg", [scene_of("model")], theme)
    known = {
        colour
        for swatch in theme.swatches.values()
        for colour in (swatch.fill, swatch.stroke, swatch.edge, swatch.ink, swatch.word)
    }
    assert set(re.findall(r"#[0-9A-Fa-f]{6}\b", content.decode())) <= known


def test_hostile_words_are_quoted() -> None:
    name = HOSTILE + "]]>\ud800"
    group = Group((Text(10, 50, "a & b < c > \u202e\x1b" + "\ud800"),), name, "<&>")
    root = svg(Scene("model", 960, 540, name, name, (group,)))
    assert root.findtext(f".//{SVG}text") == "a & b < c > \\u202e\\x1b\\ud800"
    assert (root.findtext(f"{SVG}title") or "").startswith("<script>")


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_png_is_twice_the_size(kind: str) -> None:
    (content,) = export("png", [scene_of(kind)])
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == (2560, 1440)


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_pdf_has_a_page_a_stage_and_text_that_can_be_copied(kind: str) -> None:
    scene = scene_of(kind)
    stages = [scene.until(step) for step in range(1, scene.steps + 1)]
    (content,) = export("pdf", stages)
    reader = pypdf.PdfReader(io.BytesIO(content))
    assert len(reader.pages) == len(stages)
    assert [float(side) for side in reader.pages[0].mediabox[2:]] == [960, 540]
    read = re.sub(r"\s", "", reader.pages[-1].extract_text())
    for item in walk(scene.items):
        if isinstance(item, Text):
            assert re.sub(r"\s", "", item.words) in read
    assert reader.metadata is not None
    assert reader.metadata.title == scene.title


def test_the_formats_draw_a_scene_alike_in_number() -> None:
    """A rectangle is a fill, its hatch and its outline in each."""
    scene = Scene("model", 960, 540, "t", "d", (Rect(10, 10, 50, 50, Meaning.WAIT),))
    root = svg(scene)
    assert len(list(root.iter(f"{SVG}rect"))) == 2
    assert len(list(root.iter(f"{SVG}path"))) == 1


def test_every_format_has_its_module() -> None:
    assert [each.suffix for each in PICTURES][:3] == ["svg", "png", "pdf"]
    for each in PICTURES:
        assert export(each.suffix, [draw("model", Request((("a", scenes.blocking()),)))])
