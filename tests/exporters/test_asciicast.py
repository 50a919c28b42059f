"""Asciicasts, played by asciinema into a terminal (pyte), and by its player in a real browser."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyte
import pytest

from iotrace import wording
from iotrace.analysis import Analysis
from iotrace.escape import clean
from iotrace.exporters.contract import CannotExport
from iotrace.views import console, show
from tests.exporters.asked import exported
from tests.exporters.browser import Browser
from tests.exporters.readers import reader
from tests.exporters.test_tables import lossy
from tests.figures import recordings
from tests.views import scenes

SIZES = ((100, 40), (80, 24), (60, 20), (200, 60))

#: All that a screen is told besides its text: colours, clear, home.
ALLOWED = re.compile(r"\x1b\[[0-9;]*m|\x1b\[2J|\x1b\[H|\r\n")

HOSTILE = (
    "\x1b]0;gone\x07\x1b[2J\x1b[31m",
    "\x9b31m\x9d0;gone\x9c\x84",
    "\u202egnp.exe\u2066",
    "a\r\nforged \x08\x0b\x00",
    '[red] [bold] "quoted" \\u001b[31m',
    "套接字" * 40,
    "x" * 10_000,
)


def cast(analysis: Analysis, size: tuple[int, int] = (100, 40)) -> tuple[dict[str, Any], list[Any]]:
    """Return the header and the events of a cast."""
    header, *events = exported(analysis, "asciicast", size=size).decode().splitlines()
    return json.loads(header), [json.loads(event) for event in events]


def terminal(size: tuple[int, int]) -> tuple[pyte.HistoryScreen, pyte.Stream]:
    screen = pyte.HistoryScreen(*size, history=1000)
    return screen, pyte.Stream(screen)


def played(analysis: Analysis, folder: Path, size: tuple[int, int]) -> pyte.HistoryScreen:
    """Let asciinema write all of a cast to a terminal of its size."""
    (folder / "x.cast").write_bytes(exported(analysis, "asciicast", size=size))
    done = subprocess.run(
        [sys.executable, "-m", "asciinema", "cat", "x.cast"], cwd=folder, capture_output=True, timeout=60,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, stdin=subprocess.DEVNULL,
        start_new_session=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    screen, stream = terminal(size)
    stream.feed(done.stdout.decode())
    return screen


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("name", ["chat", "chat_ptrace", "blocking", "asynchronous"])
def test_the_last_screen_shows_the_verdict_at_its_size(
    name: str, size: tuple[int, int], tmp_path: Path
) -> None:
    analysis = recordings.MODELS[name]()
    lines = [line for line in played(analysis, tmp_path, size).display if line.strip()]
    (verdict,) = (line for line in lines if line.startswith("VERDICT"))
    (receives,) = (found for act, found in analysis.verdicts.items() if act.label == "receive")
    assert wording.verdict(receives)[:20] in verdict
    assert "probe · Linux" in lines[-2]
    assert lines[-1].startswith("unmarked: measured; ≈: bounded; ?: unseen")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("name", [*recordings.MODELS, "crowd", "full_pipe", "lossy"])
def test_nothing_scrolls_and_nothing_is_wider(name: str, size: tuple[int, int]) -> None:
    made = {**recordings.MODELS, "crowd": recordings.crowd, "full_pipe": scenes.full_pipe, "lossy": lossy}
    header, events = cast(made[name](), size)
    assert (header["version"], header["width"], header["height"]) == (2, *size)
    screen, stream = terminal(size)
    screen.reset_mode(pyte.modes.DECAWM)  # what is too wide is lost at the edge, and missed below
    wrapping, wraps = terminal(size)
    for _time, kind, text in events:
        if kind == "o":
            stream.feed(text)
            wraps.feed(text)
        assert screen.display == wrapping.display
        assert not screen.history.top
    times = [time for time, _, _ in events]
    assert times == sorted(times)
    assert 5 < times[-1] < 120
    assert len(json.dumps(events)) < 500_000


def test_a_screen_is_what_the_command_prints() -> None:
    analysis = scenes.chat()
    _, events = cast(analysis)
    at = next(
        number for number, event in enumerate(events) if event[1:] == ["m", "iotrace show story.iotrace"]
    )
    until = next(number for number, event in enumerate(events) if number > at and event[1] == "m")
    screen, stream = terminal((100, 40))
    for event in events[at:until]:
        stream.feed(event[2] if event[1] == "o" else "")
    out = io.StringIO()
    console("never", width=100, file=out).print(show(analysis))
    said = ["$ iotrace show story.iotrace", *out.getvalue().rstrip().splitlines()]
    assert [line.rstrip() for line in screen.display[: len(said)]] == [line.rstrip() for line in said]
    assert not "".join(screen.display[len(said) :]).strip()


def test_a_terminal_of_fewer_colours_gets_its_own_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """rich keeps a style's escape sequences, for one depth of colour, as long as the process lives."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLORTERM", raising=False)
    assert "48;2;" in "".join(text for _, _, text in cast(scenes.chat())[1])
    out = io.StringIO()
    console("always", width=100, file=out).print(show(scenes.chat()))
    assert "48;5;" in out.getvalue()
    assert "48;2;" not in out.getvalue()


def test_players_can_jump_to_each_view() -> None:
    _, events = cast(scenes.chat())
    names = [text for _, kind, text in events if kind == "m"]
    assert names[0] == names[-1] == "the end of the run"
    assert names[1] == "iotrace show story.iotrace"
    assert any(name.startswith("iotrace report story.iotrace") for name in names)


def test_the_header_says_where_it_comes_from() -> None:
    header, _ = cast(lossy())
    assert header["timestamp"] == 1_700_000_000
    assert header["title"].startswith("iotrace: ")
    said = header["iotrace"]
    assert (said["probe"], said["kernel"], said["lost"]) == ("bpf", "6.18.0", 23)
    assert "bounded" in said["basis"]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_the_target_cannot_reach_the_terminal(name: str, tmp_path: Path) -> None:
    analysis = recordings.renamed(scenes.chat(), name)
    header, events = cast(analysis)
    text = "".join(text for _, kind, text in events if kind == "o")
    rest = ALLOWED.sub("", text).replace("\u202f", " ")
    assert rest.isprintable()
    assert all(value.replace("\u202f", " ").isprintable() for _, kind, value in events if kind == "m")
    assert header["title"].isprintable()
    screen = played(analysis, tmp_path, (100, 40))
    assert screen.title == ""
    assert not screen.history.top
    shown = "".join(screen.display[1:3]).replace(" ", "")
    assert clean(name)[:20].replace(" ", "") in shown


def test_a_recording_without_a_call_is_none() -> None:
    with pytest.raises(CannotExport, match="no call"):
        cast(scenes.empty())


def test_the_player_shows_it(tmp_path: Path) -> None:
    script = reader("asciinema-player-3.17.0", "dist/bundle/asciinema-player.min.js")
    style = script.with_name("asciinema-player.css")
    recording = exported(scenes.chat(), "asciicast").decode()
    _, events = cast(scenes.chat())
    page = tmp_path / "page.html"
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="{style.as_uri()}">'
        f'<body><main></main><script src="{script.as_uri()}"></script><script>'
        f"window.player = AsciinemaPlayer.create({{data: {json.dumps(recording)}}},"
        "document.querySelector('main'), {preload: true, poster: 'npt:2:00'});"
        "document.documentElement.dataset.ready = 'yes'</script>"
    )
    with Browser(tmp_path, 1200, 900) as browser:
        browser.open(page)
        browser.wait("player.getDuration() > 0")
        assert browser.value("player.getDuration()") == pytest.approx(events[-1][0])
        browser.value(f"player.seek({events[-1][0] - 0.1}).then(() => 1)")
        browser.wait(
            "document.querySelector('main').innerText.replace(/\\s+/g, ' ').includes('unmarked: measured')"
        )
        words = " ".join(browser.text("main").split())
        assert "I/O multiplexing: select, level-triggered 10 of 10" in words
        assert browser.errors == []
