"""Every term of the analysis has words for people."""

from __future__ import annotations

import pytest

from iotrace import wording
from iotrace.analysis import Analysis
from iotrace.analysis.model import Act, Basis, Descriptor, Model, Verdict
from iotrace.timeline import What
from iotrace.views import glyphs
from tests.story import Story


def test_no_term_is_without_words() -> None:
    assert set(wording.ACTS) == set(Act)
    assert set(wording.MODELS) == set(Model)
    assert set(wording.BASES) == set(Basis)
    assert set(glyphs._SIGNS) == set(What)


def test_signs_are_one_cell_and_ascii_is_ascii() -> None:
    for ascii in (False, True):
        pen = glyphs.Pen(ascii)
        for what in What:
            for sign in (pen.glyph(what), pen.glyph(what, True), pen.inside(what)):
                assert len(sign) == 1
                assert sign.isascii() or not ascii


def of(model: Model, multiplexer: str | None = None, trigger: str | None = None, **shares: int) -> str:
    found = Verdict(
        model, multiplexer, trigger, 10, 10, 0, "", {Model[name.upper()]: n for name, n in shares.items()}
    )
    return wording.verdict(found)


def test_verdicts() -> None:
    assert of(Model.MULTIPLEXING, "select", "level") == "I/O multiplexing: select, level-triggered"
    assert (
        of(Model.MULTIPLEXING, "epoll", "edge+oneshot") == "I/O multiplexing: epoll, edge-triggered+oneshot"
    )
    assert of(Model.NONBLOCKING) == "non-blocking I/O: polling"
    assert of(Model.MIXED, blocking=3, multiplexing=7) == "mixed: I/O multiplexing 7, blocking I/O 3"


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["/usr/bin/python3", "-u", "demos/select_chat.py", "8801"], "select_chat.py"),
        (["python3.12", "-m", "http.server"], "-m http.server"),
        (["/usr/sbin/nginx", "-g", "daemon off;"], "nginx"),
        (["python3", "-c", "print(1)"], "python3"),
        ([], "?"),
    ],
)
def test_targets(argv: list[str], name: str) -> None:
    analysis: Analysis = Story().analyse()
    analysis.events.header["argv"] = argv  # type: ignore[index]
    assert wording.target(analysis) == name


@pytest.mark.parametrize(
    ("kind", "full", "short"),
    [
        ("tcp", "127.0.0.1:8801 ← 127.0.0.1:53312", "tcp :53312"),
        ("tcp", "10.0.0.1:80 ← 10.0.0.9:4711", "tcp 10.0.0.9:4711"),
        ("tcp", "→ 127.0.0.1:6379", "tcp → :6379"),
        ("listen", "0.0.0.0:8801", "listen :8801"),
        ("file", "/etc/hosts", "file hosts"),
        ("unix", "/run/queues/seven.sock ← (unnamed peer)", "unix seven.sock"),
        ("unix", "→ /run/queues/seven.sock", "unix → seven.sock"),
        ("pipe", "pipe:[4711]", "pipe:[4711]"),
        ("unknown", "", "unknown"),
    ],
)
def test_descriptors(kind: str, full: str, short: str) -> None:
    assert wording.descriptor(Descriptor(1, 4, kind, full, None, None, None, None)) == short
