"""PPTX as python-pptx and LibreOffice read it: native shapes, words, tables, notes; all on the slide."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdf
import pytest
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE
from pptx.oxml.ns import qn

from iotrace.analysis import Analysis, analyse
from iotrace.capture.clients import shipped
from iotrace.exporters import PICTURES, export
from iotrace.exporters.contract import CannotExport
from iotrace.exporters.pptx.lesson import code, questions
from iotrace.exporters.pptx.slides import code_rows_of, kept_together
from iotrace.exporters.summaries import matrix_rows
from iotrace.figures import KINDS, Scene, outline
from iotrace.figures.metrics import width
from iotrace.figures.scene import HEIGHTS, WIDTH, Area, Brace, Dot, Line, Rect, Text, walk
from iotrace.recording.reading import read
from iotrace.theme import DARK, LIGHT, Meaning, Theme
from tests.command import iotrace
from tests.exporters.asked import exported
from tests.exporters.test_pictures import scene_of
from tests.exporters.test_renderers import LIMIT_S, differing, environment, resvg, squares, tool
from tests.figures import recordings
from tests.figures.test_scenes import HOSTILE
from tests.live import require
from tests.views import scenes

__all__ = ["environment"]  # a fixture

POINT = 12700
KIND_NAMES = [kind.name for kind in KINDS]


def opened(content: bytes) -> Any:
    return Presentation(io.BytesIO(content))


def drawn(some: list[Scene], theme: Theme = LIGHT) -> Any:
    picture = next(each for each in PICTURES if each.suffix == "pptx")
    (content,) = export(picture, some, theme)
    return opened(content)


def words(slide: Any) -> list[str]:
    return [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame and shape.text_frame.text]


def every(shapes: Any) -> Iterator[Any]:
    """Yield all shapes that are no groups, also those within groups."""
    for shape in shapes:
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            yield from every(shape.shapes)
        else:
            yield shape


def within(presentation: Any) -> bool:
    """Return whether every shape lies on its slide, but for half a line's weight."""
    wide, high, slack = presentation.slide_width, presentation.slide_height, 2 * POINT
    return all(
        shape.left >= -slack
        and shape.top >= -slack
        and shape.left + shape.width <= wide + slack
        and shape.top + shape.height <= high + slack
        for slide in presentation.slides
        for shape in slide.shapes
    )


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_every_item_of_a_figure_is_a_shape_of_its_own(kind: str) -> None:
    scene = scene_of(kind)
    presentation = drawn([scene])
    (slide,) = presentation.slides
    ground, *items = walk(scene.items)
    assert isinstance(ground, Rect)
    assert ground.meaning is Meaning.PAPER
    bounds = sum(isinstance(item, Area) and len(item.points) > 1 for item in items)
    assert len(slide.shapes) == len(items) + bounds
    assert sorted(words(slide)) == sorted(item.words for item in items if isinstance(item, Text))
    assert slide.shapes.title.text_frame.text == scene.title
    kinds = [shape.shape_type for shape in slide.shapes]
    assert MSO_SHAPE_TYPE.PICTURE not in kinds
    straight = sum(isinstance(item, Line) and len(item.points) == 2 for item in items)
    assert kinds.count(MSO_SHAPE_TYPE.LINE) == straight
    braces = [shape for shape in slide.shapes if "Brace" in shape._element.xml.split("prstGeom")[-1][:30]]
    assert len(braces) <= sum(isinstance(item, Brace) for item in items)
    heads = sum(isinstance(item, Line) and item.head for item in items)
    assert sum("a:tailEnd" in shape._element.xml for shape in slide.shapes) == heads
    assert sum(isinstance(item, (Dot, Brace, Rect, Line, Area, Text)) for item in items) == len(items)
    assert "effect" not in slide.shapes._spTree.xml.lower().replace("effectref", "effect")
    assert slide.notes_slide.notes_text_frame.text == scene.description
    assert within(presentation)


def test_where_it_lies_and_how_it_looks_is_the_scenes() -> None:
    scene = scene_of("model")
    (slide,) = drawn([scene], DARK).slides
    texts = {shape.text_frame.text: shape for shape in slide.shapes if shape.has_text_frame}
    for item in walk(scene.items):
        if isinstance(item, Text) and item.words.strip():
            (run,) = texts[item.words].text_frame.paragraphs[0].runs
            assert run.font.size.pt == pytest.approx(item.size)
            assert bool(run.font.bold) is item.bold
            colour = DARK[item.inside].ink if item.inside else DARK[item.meaning].word
            assert f"#{run.font.color.rgb}" == colour
    rects = [item for item in walk(scene.items) if isinstance(item, Rect)][1:]
    boxes = [shape for shape in every(slide.shapes) if shape.shape_type == MSO_SHAPE_TYPE.AUTO_SHAPE]
    corners = {(round(shape.left / POINT), round(shape.top / POINT)) for shape in boxes}
    assert {(round(item.x), round(item.y)) for item in rects} <= corners
    assert f"#{slide.background.fill.fore_color.rgb}" == DARK.paper


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_hatch_is_lines_in_a_group_with_its_bar(kind: str) -> None:
    """Programs draw pattern fills as they like or not at all; these lines are those of every other format."""
    scene = scene_of(kind)
    (slide,) = drawn([scene]).slides
    rects = [item for item in walk(scene.items) if isinstance(item, Rect) and not item.plain]
    areas = [item for item in walk(scene.items) if isinstance(item, Area)]
    hatches = [lines for item in rects if (lines := outline.hatch(item, LIGHT))]
    hatches += [lines for item in areas if (lines := outline.hatch_under(item, LIGHT))]
    groups = [shape for shape in slide.shapes if shape.shape_type == MSO_SHAPE_TYPE.GROUP]
    told = sorted(len(list(list(shape.shapes)[1]._element.iter(qn("a:lnTo")))) for shape in groups)
    assert told == sorted(map(len, hatches))
    assert "pattFill" not in slide.shapes._spTree.xml
    numbers = slide.shapes._spTree.xpath("//p:cNvPr/@id")
    assert len(set(numbers)) == len(numbers)


def test_heads_are_seen_from_the_last_row() -> None:
    (slide,) = drawn([scene_of("model")]).slides
    heads = list(slide.shapes._spTree.iter(qn("a:tailEnd")))
    assert heads
    assert {(head.get("w"), head.get("len")) for head in heads} == {("lg", "lg")}


def test_stages_are_slides() -> None:
    scene = scene_of("model")
    stages = [scene.until(step) for step in range(1, scene.steps + 1)]
    presentation = drawn(stages)
    counts = [len(slide.shapes) for slide in presentation.slides]
    assert len(counts) == scene.steps > 3
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
    deck = opened(exported(scenes.chat(), "pptx", figure="model", steps=True))
    assert len(deck.slides) > 3


@pytest.mark.parametrize("aspect", HEIGHTS)
def test_a_deck_has_one_idea_a_slide(aspect: str) -> None:
    analysis = scenes.chat()
    presentation = opened(exported(analysis, "pptx", aspect=aspect))
    assert presentation.slide_width == WIDTH * POINT
    assert presentation.slide_height == HEIGHTS[aspect] * POINT
    titles = [slide.shapes.title.text_frame.text for slide in presentation.slides]
    assert titles[0] == "Where select_chat.py waits"
    assert len(set(titles)) == len(titles)
    assert [title for title in titles if title == "Where the process was: the proof"]
    assert within(presentation)
    for slide in presentation.slides:
        notes = slide.notes_slide.notes_text_frame.text
        assert "eBPF probe" in notes
        assert "0 lost" in notes
        assert "bounded" in notes


def test_the_table_is_the_proof_matrix() -> None:
    analysis = scenes.chat()
    presentation = opened(exported(analysis, "pptx"))
    (table,) = (
        shape.table
        for slide in presentation.slides
        if slide.shapes.title.text_frame.text == "Where the process was: the proof"
        for shape in slide.shapes
        if shape.has_table
    )
    cells = [[cell.text_frame.text for cell in row.cells] for row in table.rows]
    assert cells[0][3:] == ["phase 1: waiting for data", "phase 2: copying to the process"]
    assert cells[1:] == [[kept_together(cell) for cell in row[:5]] for row in matrix_rows(analysis)]


def test_what_the_last_row_reads_is_large_enough() -> None:
    """Small print and the column heads of tables apart, words of slides have 18 points or more."""
    for analysis in (scenes.chat(), recordings.crowd(), scenes.empty()):
        for slide in opened(exported(analysis, "pptx")).slides:
            sizes = {
                run.font.size.pt
                for shape in slide.shapes
                if shape.has_text_frame
                for paragraph in shape.text_frame.paragraphs
                for run in paragraph.runs
            }
            assert sizes - {11.0}
            assert min(sizes - {11.0}) >= 18


@pytest.mark.parametrize("made", [recordings.crowd, scenes.empty, scenes.nonblocking, scenes.chat])
def test_nothing_lies_beyond_the_slide(made: Any) -> None:
    assert within(opened(exported(made(), "pptx")))


def test_hostile_names_are_words() -> None:
    name = HOSTILE + "]]>\ud800\x1b[31m_x001B_" + "x" * 10_000
    presentation = opened(exported(recordings.renamed(scenes.chat(), name), "pptx"))
    assert within(presentation)
    text = "".join("".join(words(slide)) for slide in presentation.slides)
    notes = "".join(slide.notes_slide.notes_text_frame.text for slide in presentation.slides)
    for said in (text, notes):
        assert all(sign.isprintable() or sign in "\n\u202f" for sign in said)
    assert "<" in text


def test_a_lesson_is_for_demos() -> None:
    with pytest.raises(CannotExport, match="--lesson is for recordings of demos"):
        exported(scenes.chat(), "pptx", lesson=True)
    with pytest.raises(CannotExport, match="either --lesson or --kind"):
        exported(scenes.chat(), "pptx", lesson=True, figure="model")


#: Rows of code on a wide slide, in 18 points.
ROWS = 19


@pytest.mark.parametrize("demo", shipped().values(), ids=lambda demo: str(demo.name))
def test_the_code_on_slides_is_the_demos(demo: Any) -> None:
    source = demo.script.read_text()
    pages = list(code(source, ROWS))
    lines = [line for page in pages for line in page if line]
    assert lines
    kept = iter(source.splitlines())
    assert all(line in kept for line in lines)  # in their order, none changed
    assert max(sum(len(code_rows_of(line)) for line in page) for page in pages) <= ROWS
    assert all(page[0] for page in pages)
    assert not any(line.startswith(("import ", "from ", "def listen", "if __name__")) for line in lines)


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("ptrace")
    path = tmp_path_factory.mktemp("lesson")
    done = iotrace(path, "demo", "select_chat", "--probe", "ptrace", "-o", "chat.iotrace")
    assert done.returncode == 0, done.stderr
    return path / "chat.iotrace"


def test_the_lesson_of_a_demo_tells_it_all(chat: Path, tmp_path: Path) -> None:
    done = iotrace(tmp_path, "export", str(chat), "--to", "pptx", "--lesson", "-o", "lesson.pptx")
    assert done.returncode == 0, done.stderr
    presentation = Presentation(str(tmp_path / "lesson.pptx"))
    titles = [slide.shapes.title.text_frame.text for slide in presentation.slides]
    demo = shipped()["select_chat"]
    assert titles[0] == demo.title
    assert demo.script.name in titles
    analysis: Analysis = analyse(read(chat))
    asked = dict(questions(analysis))
    assert len(asked) == 4
    assert "In which order are the clients answered, and why?" in asked
    for question, answer in asked.items():
        at = titles.index(question)
        assert question in words(presentation.slides[at - 1])
        assert answer not in words(presentation.slides[at - 1])
        assert answer in words(presentation.slides[at])
    assert asked["Where does the process wait for the data?"].startswith("≈ blocked in select")
    assert "1 2 3 4 5" in asked["In which order are the clients answered, and why?"]
    assert titles[-1] == "See it yourself"
    assert within(presentation)
    for title, slide in zip(titles, presentation.slides, strict=True):
        if title != demo.script.name:
            continue
        frames = [shape.text_frame for shape in slide.shapes if shape.has_text_frame]
        runs = [run for frame in frames for paragraph in frame.paragraphs for run in paragraph.runs]
        sizes = {run.font.size.pt for run in runs if run.font.name == "Courier New"}
        assert sizes == {18}
    assert "`" not in "".join("".join(words(slide)) for slide in presentation.slides)


@pytest.mark.slow
def test_libreoffice_draws_what_the_scene_says(tmp_path: Path, environment: dict[str, str]) -> None:
    """A page a slide, with its words; and every kind looks as its PNG does."""
    from PIL import Image

    all_kinds = [scene_of(name) for name in KIND_NAMES]
    pptx = next(each for each in PICTURES if each.suffix == "pptx")
    alone = [tmp_path / f"{name}.pptx" for name in KIND_NAMES]
    for path, scene in zip(alone, all_kinds, strict=True):
        path.write_bytes(export(pptx, [scene], LIGHT)[0])
    (tmp_path / "figures.pptx").write_bytes(export(pptx, all_kinds, LIGHT)[0])
    (tmp_path / "deck.pptx").write_bytes(exported(scenes.chat(), "pptx", theme="dark"))
    for kind, paths in (("pdf", [tmp_path / "figures.pptx", tmp_path / "deck.pptx"]), ("png", alone)):
        subprocess.run(
            [tool("libreoffice", "soffice"), "--headless", "--convert-to", kind, "--outdir", str(tmp_path),
             *map(str, paths)],
            env=environment, capture_output=True, timeout=LIMIT_S, check=True,
        )  # fmt: skip
    pages = pypdf.PdfReader(tmp_path / "figures.pdf").pages
    assert len(pages) == len(all_kinds)
    for page, scene in zip(pages, all_kinds, strict=True):
        found = "".join(page.extract_text().split())
        assert "".join(scene.title.split()) in found
    deck = pypdf.PdfReader(tmp_path / "deck.pdf").pages
    assert len(deck) == len(Presentation(str(tmp_path / "deck.pptx")).slides)
    for path, scene in zip(alone, all_kinds, strict=True):
        seen = squares(Image.open(path.with_suffix(".png")), scene)
        assert differing(squares(resvg(scene), scene), seen, 0.25) < 0.06, scene.kind


def test_no_row_of_code_ends_on_the_sign_of_its_remark() -> None:
    line = "    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 10)  # inherited by children"
    rows = code_rows_of(line)
    assert len(rows) == 2
    assert rows[1].split()[0] == "#"
    assert " ".join("".join(f"{row} " for row in rows).split()) == " ".join(line.split())


def test_no_word_of_a_table_is_divided_and_its_heads_are_large_enough() -> None:
    """A column has room for its longest word, with the margins of its cells."""
    presentation = opened(exported(scenes.asynchronous(), "pptx"))
    tables = [shape.table for slide in presentation.slides for shape in slide.shapes if shape.has_table]
    assert tables
    for table in tables:
        for at, column in enumerate(table.columns):
            for number, row in enumerate(table.rows):
                paragraph = row.cells[at].text_frame.paragraphs[0]
                assert all(run.font.size.pt >= 18 for run in paragraph.runs)
                for word in row.cells[at].text_frame.text.split(" "):
                    assert width(word, 18, not number) + 12 <= column.width / POINT + 0.1, word


def test_losses_are_on_the_first_slide() -> None:
    lossy = replace(scenes.chat(), lost=23)
    first = opened(exported(lossy, "pptx")).slides[0]
    assert any("23 events were lost" in said for said in words(first))
