"""What a hostile target calls things is shown as words by every view, export and figure: never obeyed.

The names reach iotrace by the kernel, under both probes; new formats, figures and views are in the tuples
that are gone through here.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet
import pypdf
import pytest

from iotrace.cli import main
from iotrace.exporters import PICTURES
from iotrace.exporters.contract import TABLES
from iotrace.exporters.formats import FORMATS
from iotrace.figures import KINDS
from iotrace.recording.reading import read
from probes.events import Kind
from tests.command import COMMAND, LIMIT_S, environment
from tests.live import require
from tests.security import hostile

#: Bytes that no output may have, text or not: sequences that somebody could obey.
FORBIDDEN = (b"\x1b]0;taken", b"\x1b[2J\x1b[31m", "\u202egnp.exe".encode(), b"\xff\xfe\x80\xc3(")

#: What rich itself writes with --color: attributes of characters.
COLOUR = re.compile(r"\x1b\[[\d;]*m")

SCRIPT = "[bold]\x1b[31m<b>.py"
ARGUMENT = "\x1b]0;taken\x07\u202e<script>alert(1)</script>[/red]" + "A" * 10_000


@pytest.fixture(scope="module", params=["bpf", "ptrace"])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of the hostile server, in a folder of a hostile name."""
    require(request.param)
    folder = tmp_path_factory.mktemp("hostile") / "\x1b[1m<i>&\u202e"
    folder.mkdir()
    (folder / SCRIPT).write_text(Path(hostile.__file__).read_text())
    done = subprocess.run(
        [*COMMAND, "run", "--probe", request.param, "-o", "../hostile.iotrace", SCRIPT, ARGUMENT], cwd=folder,
        env=environment(), capture_output=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said, own = done.stdout.decode().split("served\n")[1], done.stderr.decode()
    assert_plain(said)
    assert_plain(own)
    return folder.parent / "hostile.iotrace"


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same server with names that are words: what its outputs are made of, those of the other may be."""
    require("ptrace")
    folder = tmp_path_factory.mktemp("harmless")
    text = Path(hostile.__file__).read_text()
    words = tuple(b"name" + b"n" * (len(attack) - 4) for attack in hostile.ATTACKS)
    begin, end = text.index("ATTACKS = "), text.index("COMM = ")
    (folder / "server.py").write_text(f"{text[:begin]}ATTACKS = {words!r}\n{text[end:]}")
    done = subprocess.run(
        [*COMMAND, "run", "--probe", "ptrace", "-o", "harmless.iotrace", "server.py", "A" * 10_000],
        cwd=folder, env=environment(), capture_output=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "harmless.iotrace"


def assert_plain(text: str) -> None:
    """Assert that nothing in a text is for a terminal, or for a reader from right to left."""
    for line in text.split("\n"):
        assert line.replace("\u202f", "").isprintable(), repr(line)  # it is between our own digits


def test_the_attacks_are_in_the_recording(recording: Path) -> None:
    """Else nothing is tried below."""
    events = read(recording)
    blob = events.blob.tobytes()
    for attack in hostile.ATTACKS:
        assert blob.count(attack) >= 3, attack
    assert hostile.COMM[:10].decode() not in "".join(map(str, events.header["argv"]))
    assert ARGUMENT in events.header["argv"]
    assert events.header["folder"].endswith("\x1b[1m<i>&\u202e")
    assert (events["kind"] == Kind.CALL).sum() > 20 * len(hostile.ATTACKS)


VIEWS = (
    ("show",), ("show", "--width", "60"), ("show", "--fd", "5"), ("report",), ("report", "--blocked"),
    ("report", "--json"), ("calls",), ("calls", "--slower", "1us"),
)  # fmt: skip


@pytest.mark.parametrize("options", [(), ("--ascii",), ("--color", "always")], ids=" ".join)
@pytest.mark.parametrize("view", VIEWS, ids=" ".join)
def test_every_view_shows_words(
    view: tuple[str, ...], options: tuple[str, ...], recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([view[0], str(recording), *view[1:], *options]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    text = COLOUR.sub("", said.out) if "always" in options else said.out
    assert_plain(text)
    if "--ascii" in options:
        assert text.isascii()
    if view == ("calls",):
        assert "[/bold][red]%s{0}${x}" in text  # rich's mark-up is words
        assert r"\x1b]0;taken\x07" in text or r"\33]0;taken\7" in text
    if view == ("report", "--json"):
        json.loads(text)


def test_recordings_side_by_side(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in ((), ("--json",), ("--ascii",)):
        assert main(["compare", str(recording), str(recording), *options]) == 0
        assert_plain(capsys.readouterr().out)


def exported(recording: Path, folder: Path, name: str, *options: str) -> bytes:
    out = folder / "out"
    assert main(["export", str(recording), "--to", name, "-o", str(out), "--force", *options]) == 0
    return out.read_bytes()


def check(data: bytes, harmless: bytes) -> None:
    """Look at an output by what it is; of a format that is not known here only the bytes are looked at."""
    for sequence in FORBIDDEN:
        assert sequence not in data
    if data.startswith(b"<svg"):
        assert elements(data) <= SVG
    elif data.startswith(b"<!DOCTYPE html>"):
        assert Tags(data).counts.keys() <= Tags(harmless).counts.keys()
        assert Tags(data).counts["script"] == Tags(harmless).counts["script"]
        assert_plain(data.decode().replace("\t", ""))
    elif data.startswith(b"PK"):
        check_package(data)
    elif data.startswith(b"%PDF"):
        for word in (b"/JavaScript", b"/JS", b"/Launch", b"/URI", b"/EmbeddedFile", b"/OpenAction"):
            assert data.count(word) == harmless.count(word) or not harmless
        for page in pypdf.PdfReader(io.BytesIO(data)).pages:
            assert_plain(page.extract_text())
    elif data.startswith(b"PAR1"):
        table = pyarrow.parquet.read_table(io.BytesIO(data))
        for column in table.columns:
            words = column.cast(pa.utf8()) if pa.types.is_dictionary(column.type) else column
            if pa.types.is_string(words.type):
                assert all(word is None or word.isprintable() for word in words.to_pylist())
    elif not data.startswith(b"\x89PNG"):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return  # not a text
        assert_plain(text.replace("\r\n", "\n"))


SVG = {
    f"{{http://www.w3.org/2000/svg}}{tag}" for tag in ("svg", "title", "desc", "g", "rect", "path", "text")
}


def elements(data: bytes) -> set[str]:
    """Return the names of a document's elements; no attribute of any is an event's or a link."""
    found = set()
    for each in ElementTree.fromstring(data).iter():
        found.add(each.tag)
        assert not any(name.startswith("on") or "href" in name for name in each.attrib)
    return found


NAMESPACES = ("{http://schemas.openxmlformats.org/", "{http://schemas.microsoft.com/", "{http://purl.org/dc/")


def check_package(data: bytes) -> None:
    """Assert that the XML parts of a package hold its own kinds of elements, and nothing is linked."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        for name in package.namelist():
            if name.endswith((".xml", ".rels")):
                for each in ElementTree.fromstring(package.read(name)).iter():
                    assert each.tag.startswith(NAMESPACES), name
                    assert each.get("TargetMode") != "External", name


class Tags(HTMLParser):
    """How often a page has each element, and each attribute ("tag.attribute")."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts.update([tag, *(f"{tag}.{name}" for name, _ in attrs)])


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: str(format.name))
def test_every_export_has_words(format: object, recording: Path, harmless: Path, tmp_path: Path) -> None:
    (each,) = (one for one in FORMATS if one is format)
    tables = [("--table", table) for table in TABLES] if "table" in each.options else [()]
    for options in tables:
        check(
            exported(recording, tmp_path, each.name, *options),
            exported(harmless, tmp_path, each.name, *options),
        )


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: str(picture.suffix))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_every_figure_has_words(
    kind: object, picture: object, recording: Path, harmless: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (each,) = (one for one in KINDS if one is kind)
    (form,) = (one for one in PICTURES if one is picture)
    drawn = []
    for name, path in (("hostile", recording), ("harmless", harmless)):
        files = [str(path)] * min(2, each.most)
        out = tmp_path / f"{name}.{form.suffix}"
        status = main(["figure", *files, "--kind", each.name, "-o", str(out)])
        said = capsys.readouterr()
        assert_plain(said.out + said.err)
        assert status == 0 or (not out.exists() and said.err.count("\n") == 1)  # nothing of it to draw
        drawn.append(out.read_bytes() if out.exists() else b"")
    check(*drawn)


@pytest.mark.parametrize("command", ["run", "export", "report", "figure", "attach", "explain", "no-such"])
def test_what_a_person_types_comes_back_as_words(command: str, tmp_path: Path) -> None:
    """The words of a command line may have been pasted, or made by a script from a listing."""
    for word in ("\x1b]0;x\x07\u202e", "--\x1b]0;x\x07\u202e", b"\xff\x9b2J"):
        done = subprocess.run(
            [*COMMAND, command, word], cwd=tmp_path, env=environment(), capture_output=True, timeout=LIMIT_S,
            check=False,
        )  # fmt: skip
        assert done.returncode
        assert_plain((done.stdout + done.stderr).decode())


def test_a_recording_of_a_hostile_name(recording: Path, tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2J\u202e<b>.iotrace"
    path.write_bytes(recording.read_bytes())
    for words in (["report"], ["figure", "--kind", "timeline"], ["export", "--to", "csv"], ["show"]):
        done = subprocess.run(
            [sys.executable, "-m", "iotrace", *words, os.fspath(path)], cwd=tmp_path, env=environment(),
            capture_output=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0
        assert_plain((done.stdout + done.stderr).decode())
