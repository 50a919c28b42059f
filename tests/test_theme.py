"""The theme keeps its promises: contrast, and every two meanings told apart by every kind of colour vision.

Colour vision deficiencies are simulated by the matrices of Machado, Oliveira and Fernandes (2009, severity
1.0), applied to linear RGB; distances are Euclidean in OKLab (Ottosson 2020), where 0.02 is just seen.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from iotrace.figures.scene import Text, walk
from iotrace.theme import THEMES, Hatch, Meaning, Theme
from iotrace.views.theme import STYLES
from tests.figures.drawing import drawn
from tests.figures.test_scenes import DRAWN

FILLS = (
    Meaning.WAIT, Meaning.TRANSFER, Meaning.OTHER, Meaning.POLL, Meaning.WAKE, Meaning.CALL, Meaning.COPY,
    Meaning.FREE, Meaning.NAP, Meaning.EMPTY, Meaning.READY, Meaning.IDLE, Meaning.LOST,
)  # fmt: skip

#: What tells the models apart: these must differ by colour alone, in every theme with colours.
MAIN = (Meaning.WAIT, Meaning.WAKE, Meaning.COPY, Meaning.POLL, Meaning.FREE)

VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}

Colour = NDArray[np.float64]


def linear(colour: str) -> Colour:
    """Return (3,) linear RGB of ``#RRGGBB`` (IEC 61966-2-1)."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast ratio."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted((float(linear(one) @ weights), float(linear(other) @ weights)))
    return (high + 0.05) / (low + 0.05)


def oklab(rgb: Colour) -> Colour:
    """Return (3,) OKLab of linear RGB."""
    lms = np.cbrt(
        np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        )
        @ rgb
    )
    lab: Colour = (
        np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        )
        @ lms
    )
    return lab


def distance(one: str, other: str, vision: str) -> float:
    """Return how far two colours are apart for a kind of colour vision."""
    seen = [oklab(np.clip(VISIONS[vision] @ linear(colour), 0, 1)) for colour in (one, other)]
    return float(np.linalg.norm(seen[0] - seen[1]))


@pytest.fixture(params=THEMES, ids=lambda theme: theme.name)
def theme(request: pytest.FixtureRequest) -> Theme:
    found = request.param
    assert isinstance(found, Theme)
    return found


def test_the_measures_are_right() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert oklab(linear("#FFFFFF")) == pytest.approx([1, 0, 0], abs=1e-3)
    assert distance("#FF0000", "#00FF00", "normal") > 0.5
    assert distance("#CC0000", "#6E5F00", "deuteranopia") < 0.12  # red and olive, which they take for one


def test_every_meaning_has_a_look(theme: Theme) -> None:
    assert set(theme.swatches) == set(Meaning)


def test_words_are_legible(theme: Theme) -> None:
    for meaning, swatch in theme.swatches.items():
        assert contrast(swatch.ink, swatch.fill) >= 4.5, meaning
        assert contrast(swatch.word, theme.paper) >= 4.5, meaning
        assert contrast(swatch.word, theme[Meaning.PANEL].fill) >= 4.5, meaning


def test_the_page_writes_in_fills_that_are_legible(theme: Theme) -> None:
    """``style.css`` takes these two for words: on paper, on a panel, and one on the other."""
    for ground in (theme.paper, theme[Meaning.PANEL].fill):
        for words in (Meaning.TEXT, Meaning.MUTED):
            assert contrast(theme[words].fill, ground) >= 4.5, words


@pytest.mark.parametrize("name", DRAWN)
def test_every_text_of_every_figure_is_legible_where_it_stands(theme: Theme, name: str) -> None:
    kind, made = DRAWN[name]
    for item in walk(drawn(kind, *(make() for make in made)).items):
        if isinstance(item, Text):
            colour = theme[item.inside].ink if item.inside else theme[item.meaning].word
            ground = theme[item.inside].fill if item.inside else theme.paper
            assert contrast(colour, ground) >= 4.5, item


@pytest.mark.parametrize("vision", VISIONS)
def test_words_are_legible_to_every_kind_of_colour_vision(theme: Theme, vision: str) -> None:
    """As their brightness is seen: a deficiency must not take the contrast away."""
    for meaning, swatch in theme.swatches.items():
        for words, ground in ((swatch.ink, swatch.fill), (swatch.word, theme.paper)):
            seen = [np.clip(VISIONS[vision] @ linear(colour), 0, 1) for colour in (words, ground)]
            low, high = sorted(float(each @ np.array([0.2126, 0.7152, 0.0722])) for each in seen)
            assert (high + 0.05) / (low + 0.05) >= 4.5, meaning


def test_marks_stand_off_the_paper(theme: Theme) -> None:
    for meaning, swatch in theme.swatches.items():
        assert contrast(swatch.edge, theme.paper) >= 3, meaning


@pytest.mark.parametrize("vision", VISIONS)
def test_every_two_meanings_differ(theme: Theme, vision: str) -> None:
    """By colour, or by hatch where both are hatched; and a hatch against none counts only if it is seen."""
    for one, other in combinations(FILLS, 2):
        a, b = theme[one], theme[other]
        by_colour = distance(a.fill, b.fill, vision) >= 0.08
        by_hatch = a.hatch is not b.hatch and all(
            each.hatch is Hatch.NONE or distance(each.fill, each.stroke, vision) >= 0.08 for each in (a, b)
        )
        assert by_colour or by_hatch, (one, other)


@pytest.mark.parametrize("vision", VISIONS)
def test_the_main_meanings_differ_by_colour_alone(theme: Theme, vision: str) -> None:
    if theme.name == "print":
        pytest.skip("without colours the hatches tell")
    for one, other in combinations(MAIN, 2):
        assert distance(theme[one].fill, theme[other].fill, vision) >= 0.08, (one, other)


def test_print_has_no_colour() -> None:
    theme = next(theme for theme in THEMES if theme.name == "print")
    for meaning, swatch in theme.swatches.items():
        for colour in (swatch.fill, swatch.stroke, swatch.edge, swatch.ink, swatch.word):
            assert colour[1:3] == colour[3:5] == colour[5:7], meaning


def test_the_terminal_has_the_same_fills() -> None:
    light = THEMES[0]
    for style, meaning in (
        ("phase.wait", Meaning.WAIT),
        ("phase.wake", Meaning.WAKE),
        ("phase.poll", Meaning.POLL),
    ):
        assert STYLES[style] == f"{light[meaning].stroke} on {light[meaning].fill}"
