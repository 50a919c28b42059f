"""--lang: every command takes it, before a word is said; without it the locale's language counts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from iotrace.cli import main
from iotrace.cli.parser import COMMANDS
from iotrace.cli.screen import choose_language
from iotrace.language import current
from tests.command import ROOT, environment, iotrace, recorded
from tests.live import require

CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize("command", [entry.name for entry in COMMANDS])
def test_every_command_takes_it(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--lang", "zh", "--help"])
    assert end.value.code == 0
    assert "--lang {en,zh}" in capsys.readouterr().out
    assert current() == "zh"
    with pytest.raises(SystemExit) as end:
        main([command, "--lang", "tlh"])
    assert end.value.code == 2
    assert "--lang: invalid choice: 'tlh'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "locale", "language"),
    [
        ([], "zh_CN.UTF-8", "zh"),
        ([], "de_DE.UTF-8", "en"),
        (["--lang", "en"], "zh_CN.UTF-8", "en"),
        (["--lang=zh"], "C.UTF-8", "zh"),
        (["FILE", "--lang", "zh", "--width", "90"], "C.UTF-8", "zh"),
        (["--lang"], "C.UTF-8", "en"),
        (["--ascii"], "zh_CN.UTF-8", "en"),
        (["--ascii=no", "--lang", "zh"], "C.UTF-8", "en"),
        (["--json"], "zh_CN.UTF-8", "en"),
        (["--json", "--lang", "zh"], "C.UTF-8", "zh"),
    ],
)
def test_which_language(
    monkeypatch: pytest.MonkeyPatch, words: list[str], locale: str, language: str
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    choose_language(words)
    assert current() == language


def test_the_targets_own_words_are_its_own() -> None:
    """What stands after the script is not for us."""
    assert main(["run", "no-such-script.py", "--lang", "zh"]) in (126, 127)
    assert current() == "en"


def test_without_its_catalogues_it_is_english_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("iotrace.language.CATALOGUES", tmp_path)
    assert main(["demo", "--lang", "zh"]) == 0
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "reinstall iotrace" in said.err
    assert "run one: iotrace demo NAME" in said.out


def test_ascii_has_no_letters_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    choose_language(["--lang", "zh", "--ascii"])
    assert capsys.readouterr().err == "iotrace: ASCII has no letters for --lang zh: here it is in English\n"
    choose_language(["--ascii"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "words",
    [
        ["rnu"],
        ["server.py"],
        ["--pin", "run"],
        ["run"],
        ["run", "-m"],
        ["run", "--duration", "-3", "x.py"],
        ["run", "--buffer", "64X", "x.py"],
        ["run", "--buffer", "1", "x.py"],
        ["run", "--fail-on", "luck", "x.py"],
        ["run", "--fail-on", "lesson=luck", "x.py"],
        ["show", "--from", "soon"],
        ["show", "--zoom", "0"],
        ["report", "--width", "7"],
        ["report", "--thread", "x"],
        ["calls", "--call", "recvform"],
        ["attach", "x"],
    ],
)
def test_usage_errors_are_chinese(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert CHINESE.search(last)


@pytest.mark.parametrize(
    "words",
    [
        ["run", "missing.py"],
        ["run", "."],
        ["run", "--", "no-such-program"],
        ["show", "missing.iotrace"],
        ["report", "."],
        ["report", __file__],
        ["report"],
        ["demo", "select_chta"],
        ["demo", "--all", "select_chat"],
        ["explain", "multiplex"],
        ["compare"],
        ["compare", "--models", "one.iotrace"],
        ["figure", "--models", "x"],
        ["export"],
        ["export", "--to", "word"],
        ["attach", "4194303"],
    ],
)
def test_errors_are_one_chinese_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([words[0], "--lang", "zh", *words[1:]]) != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("iotrace: ")
    assert CHINESE.search(line)


def test_help_is_chinese_and_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in (["--help"], *([entry.name, "--help"] for entry in COMMANDS)):
        with pytest.raises(SystemExit):
            main([*words, "--lang", "zh"])
        said = capsys.readouterr().out
        assert CHINESE.search(said)
        lines = said.splitlines()
        options = [line for line in lines if line.startswith(" " * 20) and CHINESE.search(line)]
        assert max(map(cell_len, options), default=0) <= 80


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that was made in Chinese."""
    require("ptrace")
    path = tmp_path_factory.mktemp("chinese")
    script = str(ROOT / "demos/blocking_echo.py")
    done = iotrace(path, "run", "--lang", "zh", "--probe", "ptrace", "-o", "run.iotrace", script)
    assert done.returncode == 0, done.stderr
    assert "结论     接收      阻塞 I/O" in done.stdout
    return path


def test_a_recording_holds_no_translation(folder: Path) -> None:
    events = recorded(folder)
    kept = json.dumps([events.header, *events.notes], ensure_ascii=False)
    assert "clients" in kept
    assert not CHINESE.search(kept)


@pytest.mark.parametrize("command", ["report", "doctor"])
def test_json_is_english_unless_asked_otherwise(folder: Path, command: str) -> None:
    chinese = environment(LC_ALL="zh_CN.UTF-8")
    plain = iotrace(folder, command, "--json", env=chinese)
    english = iotrace(folder, command, "--json", "--lang", "en", env=chinese)
    assert plain.stdout == english.stdout
    assert plain.stdout.isascii()
    asked = json.loads(iotrace(folder, command, "--json", "--lang", "zh").stdout)
    assert CHINESE.search(json.dumps(asked, ensure_ascii=False))
    assert keys(asked) == keys(json.loads(plain.stdout))


#: What is a sentence in JSON; everything else is for programs, and English in every language.
SENTENCES = {"because", "evidence", "order", "finding", "remedy", "missing"}


def keys(value: object, name: str = "") -> object:
    """Return JSON without its sentences and its times."""
    if isinstance(value, dict):
        return {key: keys(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [keys(each, name) for each in value]
    return type(value).__name__ if name in SENTENCES else value


def test_the_locale_is_enough(folder: Path) -> None:
    done = iotrace(folder, "report", env=environment(LC_ALL="", LANG="zh_CN.UTF-8"))
    assert "结论" in done.stdout
    done = iotrace(folder, "report", env=environment(LC_ALL="", LANG="fr_FR.UTF-8"))
    assert "VERDICT" in done.stdout
