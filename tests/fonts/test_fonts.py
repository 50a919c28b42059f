"""The pictures' fonts: every sign of our texts has a glyph, in both weights, where there is room for it."""

from __future__ import annotations

import io
import unicodedata

import numpy as np
import pypdf
import pypdfium2
import pytest
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image

from iotrace import exporters, fonts
from iotrace.figures import Scene, metrics
from iotrace.figures.page import legible
from iotrace.figures.scene import Text
from iotrace.theme import LIGHT
from tests.fonts.signs import signs_of, texts, used, wanted

CHINESE = (fonts.CHINESE, fonts.CHINESE_BOLD)
WORDS = "阻塞在接收里"


def ink(suffix: str, words: str, bold: bool = False, size: float = 40) -> NDArray[np.bool_]:
    """Return where one line of words, from the middle of a page on, is drawn: a pixel a point."""
    scene = Scene("model", 960, 540, "t", "d", (Text(480, 270, words, size, bold=bold),))
    kind = exporters.picture(suffix)
    assert kind is not None
    (content,) = exporters.export(kind, [scene], LIGHT)
    if suffix == "pdf":
        picture = pypdfium2.PdfDocument(content)[0].render(scale=4).to_pil()
    else:
        picture = Image.open(io.BytesIO(content))
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture.convert("RGBA"))
    grey = paper.convert("L").resize((960, 540), Image.Resampling.BOX)
    found: NDArray[np.bool_] = np.asarray(grey) < 230
    return found


@pytest.mark.parametrize("path", CHINESE, ids=lambda path: path.stem)
def test_every_sign_of_our_texts_has_a_glyph(path: object) -> None:
    assert wanted() - signs_of(fonts.CHINESE) == set(), "run `make fonts`"
    assert signs_of(fonts.CHINESE) == signs_of(fonts.CHINESE_BOLD)
    assert all(metrics.known(sign) for sign in used())


def test_our_texts_are_chinese() -> None:
    """Or the test above could not fail."""
    assert len([sign for sign in used() if unicodedata.name(sign, "").startswith("CJK UNIFIED")]) > 400
    assert {path.suffix for path in texts()} >= {".md", ".po", ".toml"}


def test_the_fonts_are_small_and_have_no_sign_that_nobody_uses() -> None:
    assert sum(path.stat().st_size for path in CHINESE) < 1_000_000
    assert signs_of(fonts.CHINESE) - used() == set(), "run `make fonts`"


@pytest.mark.parametrize("bold", [False, True], ids=["regular", "bold"])
def test_the_table_has_the_fonts_widths(bold: bool) -> None:
    font = TTFont(CHINESE[bold])
    em = font["head"].unitsPerEm
    for point, name in font.getBestCmap().items():
        assert metrics.width(chr(point), 1000, bold) == pytest.approx(font["hmtx"][name][0] * 1000 / em)
    assert metrics.width("数据", 18) == 36


@pytest.mark.parametrize("suffix", ["png", "pdf"])
@pytest.mark.parametrize("bold", [False, True], ids=["regular", "bold"])
def test_a_chinese_label_is_drawn_where_its_room_is(suffix: str, bold: bool) -> None:
    drawn = ink(suffix, WORDS, bold)
    rows, columns = (np.flatnonzero(drawn.any(axis=axis)) for axis in (1, 0))
    assert rows[0] >= 270 - 0.95 * 40
    assert rows[-1] <= 270 + 0.2 * 40
    wide = metrics.width(WORDS, 40, bold)
    assert 478 <= columns[0] <= 486
    assert 480 + wide - 6 <= columns[-1] <= 480 + wide
    each = drawn[:, 480 : 480 + int(wide)].reshape(540, len(WORDS), 40)
    assert (each.sum(axis=(0, 2)) > 100).all()  # no box, no blank


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_bold_chinese_is_bold(suffix: str) -> None:
    assert ink(suffix, WORDS, bold=True).sum() > 1.15 * ink(suffix, WORDS).sum()


def test_different_signs_are_drawn_differently() -> None:
    assert (ink("png", "数据") != ink("png", "阻塞")).any()


def test_a_pdf_has_its_chinese_to_be_copied() -> None:
    scene = Scene("model", 960, 540, "t", "d", (Text(40, 60, "阻塞在 recvfrom 里", bold=True),))
    kind = exporters.picture("pdf")
    assert kind is not None
    (content,) = exporters.export(kind, [scene], LIGHT)
    assert "阻塞在 recvfrom 里" in pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("server \U0001f600", r"server \U0001f600"),
        ("עברית", r"\u05e2\u05d1\u05e8\u05d9\u05ea"),
        ("a\u202eb\x1b[0m", r"a\u202eb\x1b[0m"),
        ("\ud800", r"\ud800"),
        ("1\u202f000 μs → 数据", "1\u202f000 μs → 数据"),
        ("Ελληνικά, Привет, ł", "Ελληνικά, Привет, ł"),
    ],
)
def test_what_no_font_has_is_escaped(words: str, shown: str) -> None:
    assert legible(words) == shown
    assert legible(shown) == shown


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_what_only_this_machine_has_is_drawn_or_escaped(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rare = "龘"
    assert not metrics.known(rare)
    if fonts.machine_has(rare):
        assert legible(rare) == rare
        assert ink(suffix, rare).sum() > 100
    monkeypatch.setattr("iotrace.figures.page.machine_has", lambda sign: False)
    assert legible(rare) == r"\u9f98"


def test_there_is_room_for_what_slide_programs_put_between_scripts() -> None:
    """A quarter em at each change between Chinese and another script, with a blank there or without."""
    for bold in (False, True):
        apart = sum(metrics.width(part, 40, bold) for part in ("在 ", "recvfrom", " 里"))
        assert metrics.width("在 recvfrom 里", 40, bold) == pytest.approx(apart + 2 * 10)
        assert metrics.width("数据，就绪", 40, bold) == 5 * 40
        assert metrics.width("a → b", 40, bold) == pytest.approx(
            sum(metrics.width(sign, 40, bold) for sign in "a → b")
        )
