"""Options about how output may look and in which language it speaks, and lines for the user."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from iotrace.escape import clean
from iotrace.language import LANGUAGES, _, of_locale, use, writes_unicode
from iotrace.refusals import said

if TYPE_CHECKING:
    from rich.console import Console


_BLANK = "\u202f"  # between the digits of our own numbers


def add_screen_options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Add --lang, --color, --ascii and --width."""
    group = parser.add_argument_group(_("output"))
    return [
        group.add_argument("--lang", choices=LANGUAGES, help=_("the language (default: the locale's)")),
        group.add_argument(
            "--color",
            choices=["auto", "always", "never"],
            default="auto",
            help=_("colour (auto: on a terminal, unless NO_COLOR is set)"),
        ),
        group.add_argument("--ascii", action="store_true", help=_("use ASCII characters only")),
        group.add_argument("--width", type=_width, metavar="N", help=_("columns (default: the terminal's)")),
    ]


def screen(arguments: argparse.Namespace) -> Console:
    """Return a console on standard output as the options say."""
    from iotrace.views import console

    return console(arguments.color, arguments.ascii, arguments.width)


def choose_language(words: Sequence[str]) -> None:
    """Speak as the words of a command line ask for, from now on: ``--lang``, else the locale's language.

    It is called before the options are made, for their help speaks too. ASCII speaks English: it has no
    letters for another. So does --json, unless --lang is given: programs read it.
    """
    asked = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    asked.add_argument("--lang", nargs="?")
    asked.add_argument("--ascii", action="store_true")
    asked.add_argument("--json", action="store_true")
    try:
        found = asked.parse_known_args(words)[0]
    except argparse.ArgumentError:  # the command's own parser will say it
        found = asked.parse_args([])
    given = found.lang if found.lang in LANGUAGES else None
    language = given or (LANGUAGES[0] if found.json else of_locale(os.environ))
    if language != LANGUAGES[0] and (found.ascii or not writes_unicode(sys.stdout)):
        if given:
            say(f"ASCII has no letters for --lang {given}: here it is in English")
        language = LANGUAGES[0]
    try:
        use(language)
    except OSError as error:
        say(f"no catalogue for {language} ({error.strerror}): reinstall iotrace; here it is in English")
        use(LANGUAGES[0])


def say(line: str) -> None:
    """Write one line about the run to standard error; a terminal that is gone is no reason to fail.

    What a probe said, in English, is told again in the language that is spoken. A name in it that somebody
    else has given to a file is words.
    """
    words = _BLANK.join(map(clean, said(line).split(_BLANK)))
    with suppress(OSError, ValueError):
        print(f"iotrace: {words}", file=sys.stderr, flush=True)


def _width(text: str) -> int:
    try:
        width = int(text)
    except ValueError:
        width = 0
    if not 40 <= width <= 1000:
        words = _("{word} is no width: give a number of columns, 40 to 1000")
        raise argparse.ArgumentTypeError(words.format(word=repr(text)))
    return width
