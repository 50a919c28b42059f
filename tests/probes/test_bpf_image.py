"""Compiled programs kept for the next run: used only where nobody else could have written them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from probes.contract import Command, Options, Probe
from probes.ebpf import image, programs
from tests.live import require

LOAD_MAP = bytes([0x18, 0x11, 0, 0]) + (7).to_bytes(4, "little") + bytes(8)
LOAD_NUMBER = bytes([0x18, 0x01, 0, 0]) + (7).to_bytes(4, "little") + bytes(8)
MOVE = bytes([0xB7, 0x11, 0, 0]) + (7).to_bytes(4, "little")
SHAPE = image.MapShape("events", 27, 0, 0, 4096, 0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "cache"
    monkeypatch.setattr(image, "folder", lambda: place)
    return place


def test_only_references_to_maps_are_linked() -> None:
    code = image.linked(MOVE + LOAD_MAP + LOAD_NUMBER + MOVE, list(range(100, 108)))
    assert code == MOVE + LOAD_MAP[:4] + (107).to_bytes(4, "little") + bytes(8) + LOAD_NUMBER + MOVE


def test_what_is_stored_is_loaded(folder: Path) -> None:
    kept = image.Image((SHAPE,), {"f": MOVE})
    image.store("name", kept)
    assert image.load("name") == kept
    assert (folder / "name.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_nothing_kept_is_nothing(folder: Path) -> None:
    assert image.load("name") is None


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_others_can_write_is_not_trusted(folder: Path, what: str) -> None:
    image.store("name", image.Image((SHAPE,), {"f": MOVE}))
    (folder / "name.json" if what == "file" else folder).chmod(0o777)
    assert image.load("name") is None


def test_a_folder_of_somebody_else_is_said_and_left_alone(folder: Path) -> None:
    kept = image.Image((SHAPE,), {"f": MOVE})
    assert image.distrusted() is None  # there is none yet
    image.store("name", kept)
    assert image.distrusted() is None
    folder.chmod(0o770)
    assert str(image.distrusted()).endswith(
        f"{folder}, which can be written by others; remove it, and iotrace makes it anew"
    )
    image.store("other", kept)
    assert [path.name for path in folder.iterdir()] == ["name.json"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to give a folder away")
def test_a_folder_that_another_user_made_is_not_used(folder: Path) -> None:
    image.store("name", image.Image((SHAPE,), {"f": MOVE}))
    os.chown(folder, 65534, 65534)
    assert "belongs to user 65534" in str(image.distrusted())
    assert image.load("name") is None


def test_a_link_in_place_of_the_folder_is_not_followed(folder: Path) -> None:
    image.store("name", image.Image((SHAPE,), {"f": MOVE}))
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))
    assert "is no folder" in str(image.distrusted())
    assert image.load("name") is None


def test_a_folder_that_is_named_by_half_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/x")
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert image.folder() == Path("/home/x/.cache/iotrace")


def test_links_are_not_followed(folder: Path) -> None:
    image.store("name", image.Image((SHAPE,), {"f": MOVE}))
    (folder / "other.json").symlink_to(folder / "name.json")
    assert image.load("other") is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"maps": [[1]], "programs": {}}', '{"maps": [], "programs": {"f": "x"}}']
)
def test_damage_means_compiling_again(folder: Path, text: str) -> None:
    image.store("name", image.Image((SHAPE,), {"f": MOVE}))
    (folder / "name.json").write_text(text)
    assert image.load("name") is None


def test_a_folder_that_cannot_be_made_costs_only_time(folder: Path) -> None:
    folder.write_text("in the way")
    image.store("name", image.Image((SHAPE,), {"f": MOVE}))
    assert image.load("name") is None


def test_the_name_depends_on_everything() -> None:
    names = {
        image.key(text, flags, version)
        for text in (b"a", b"b")
        for flags in (["-DX"], ["-DX", "-DY"])
        for version in ("1", "2")
    }
    assert len(names) == 8


def rows(probe: type[Probe]) -> int:
    one = probe()
    one.start(Command((sys.executable, "-c", "import os\nos.write(1, b'')"), dict(os.environ)), Options())
    return one.run(lambda batch: None).produced


def test_a_kept_image_records_the_same_and_is_not_compiled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = require("bpf")
    first = rows(probe)
    assert list(folder.glob("*.json"))

    def never(text: bytes, words: list[str]) -> image.Image:
        raise AssertionError("compiled again")

    monkeypatch.setattr(programs, "compiled", never)
    assert rows(probe) == first


def test_an_image_that_the_kernel_refuses_is_made_anew(folder: Path) -> None:
    probe = require("bpf")
    first = rows(probe)
    path = next(folder.glob("*.json"))
    kept = image.load(path.stem)
    assert kept is not None
    broken = {name: bytes(len(code)) for name, code in kept.programs.items()}
    image.store(path.stem, image.Image(kept.maps, broken))
    assert rows(probe) == first
    assert image.load(path.stem) == kept
