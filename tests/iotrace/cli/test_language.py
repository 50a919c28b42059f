"""--lang: every command takes it, before a word is said; without it the locale's language counts."""

from __future__ import annotations

import pytest

from iotrace.cli import main
from iotrace.cli.parser import COMMANDS
from iotrace.cli.screen import choose_language
from iotrace.language import current


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


def test_ascii_has_no_letters_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    choose_language(["--lang", "zh", "--ascii"])
    assert capsys.readouterr().err == "iotrace: ASCII has no letters for --lang zh: here it is in English\n"
    choose_language(["--ascii"])
    assert capsys.readouterr().err == ""
