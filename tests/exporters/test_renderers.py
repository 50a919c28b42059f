"""An SVG looks the same wherever it is opened: resvg, headless Chromium and LibreOffice, picture by picture.

Each is given the same font, by a fontconfig of its own, so that what differs is how they read the file.
The pictures are compared as what an eye sees from the back row: brightness in squares of 8 points.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from iotrace import fonts
from iotrace.exporters import png, svg
from iotrace.figures import KINDS, Scene
from iotrace.figures.scene import Text, walk
from iotrace.theme import LIGHT, THEMES
from tests.exporters.test_pictures import scene_of

SQUARE = 8  # points
LIMIT_S = 120


def tool(*names: str) -> str:
    """Return the path of a program; skip where it is missing, fail in continuous integration."""
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is None and os.environ.get("IOTRACE_REQUIRE_PROBES") == "1":
        pytest.fail(f"{names[0]} is required here")
    if found is None:
        pytest.skip(f"{names[0]} is not installed")
    return found


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """This environment, in which our font is found, and a home that may be written."""
    home = tmp_path_factory.mktemp("home")
    conf = home / "fonts.conf"
    conf.write_text(
        f"<fontconfig><dir>{Path(fonts.__file__).parent}</dir><dir>/usr/share/fonts</dir>"
        f"<cachedir>{home}/cache</cachedir></fontconfig>"
    )
    return {**os.environ, "HOME": str(home), "FONTCONFIG_FILE": str(conf)}


def squares(picture: Image.Image, scene: Scene) -> NDArray[np.float64]:
    """Return the mean brightness, 0 to 1, of each square."""
    grey = picture.convert("L").resize((int(scene.width), int(scene.height)), Image.Resampling.BOX)
    values = np.asarray(grey, np.float64) / 255
    high, wide = (int(side) // SQUARE for side in (scene.height, scene.width))
    values = values[: high * SQUARE, : wide * SQUARE]
    means: NDArray[np.float64] = values.reshape(high, SQUARE, wide, SQUARE).mean(axis=(1, 3))
    return means


def resvg(scene: Scene) -> Image.Image:
    return Image.open(io.BytesIO(png.export([scene], LIGHT)))


def chromium(scene: Scene, folder: Path, environment: dict[str, str]) -> Image.Image:
    page, shot = folder / "scene.html", folder / "chromium.png"
    page.write_text(f'<!doctype html><body style="margin:0">{svg.document(scene, LIGHT)}')
    subprocess.run(
        [tool("chromium", "chromium-browser", "google-chrome"), "--headless", "--no-sandbox", "--disable-gpu",
         "--hide-scrollbars", "--force-device-scale-factor=2", "--window-size=1280,1000",
         f"--screenshot={shot}", page.as_uri()],
        env=environment, capture_output=True, timeout=LIMIT_S, check=True,
    )  # fmt: skip
    return Image.open(shot).crop((0, 0, 2560, 1440))


def libreoffice(
    scenes: dict[str, Scene], folder: Path, environment: dict[str, str]
) -> dict[str, Image.Image]:
    files = []
    for name, scene in scenes.items():
        files.append(folder / f"{name}.svg")
        files[-1].write_text(svg.document(scene, LIGHT))
    subprocess.run(
        [tool("libreoffice", "soffice"), "--headless", "--convert-to", "png", "--outdir", str(folder),
         *map(str, files)],
        env=environment, capture_output=True, timeout=LIMIT_S, check=True,
    )  # fmt: skip
    return {name: Image.open(folder / f"{name}.png") for name in scenes}


def differing(one: NDArray[np.float64], other: NDArray[np.float64], by: float) -> float:
    """Return the share of the squares with something in them that differ by more than ``by``."""
    drawn = (one < 0.97) | (other < 0.97)
    return float(np.mean(np.abs(one - other)[drawn] > by))


def test_the_comparison_sees_a_missing_text() -> None:
    scene = scene_of("model")
    without = Scene("model", scene.width, scene.height, "", "", tuple(
        item for item in scene.items if not (isinstance(item, Text) and item.size == 28)))  # fmt: skip
    assert differing(squares(resvg(scene), scene), squares(resvg(without), scene), 0.12) > 0.01
    assert differing(squares(resvg(scene), scene), squares(resvg(scene), scene), 0.12) == 0


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_chromium_draws_what_resvg_draws(kind: str, tmp_path: Path, environment: dict[str, str]) -> None:
    scene = scene_of(kind)
    seen = squares(chromium(scene, tmp_path, environment), scene)
    assert differing(squares(resvg(scene), scene), seen, 0.12) < 0.005


@pytest.mark.slow
def test_libreoffice_imports_every_kind(tmp_path: Path, environment: dict[str, str]) -> None:
    scenes = {kind.name: scene_of(kind.name) for kind in KINDS}
    for name, picture in libreoffice(scenes, tmp_path, environment).items():
        scene = scenes[name]
        seen = squares(picture, scene)
        assert differing(squares(resvg(scene), scene), seen, 0.2) < 0.03, name


def test_letters_stay_in_the_room_they_were_given() -> None:
    """In the font that PNG and PDF are drawn with, no text is wider than its scene says."""
    from fontTools.ttLib import TTFont

    for bold, path in ((False, fonts.REGULAR), (True, fonts.BOLD)):
        font = TTFont(path)
        names, advances = font.getBestCmap(), font["hmtx"]
        em = font["head"].unitsPerEm
        for kind in KINDS:
            for item in walk(scene_of(kind.name).items):
                if isinstance(item, Text) and item.bold is bold:
                    wide = sum(advances[names[ord(sign)]][0] for sign in item.words) * item.size / em
                    assert wide <= item.width + 0.01, item.words


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_theme_is_drawn_on_its_paper(theme: object) -> None:
    from iotrace.theme import Theme

    assert isinstance(theme, Theme)
    picture = Image.open(io.BytesIO(png.export([scene_of("model")], theme))).convert("RGB")
    paper = tuple(int(theme.paper[at : at + 2], 16) for at in (1, 3, 5))
    assert picture.getpixel((5, 5)) == paper
