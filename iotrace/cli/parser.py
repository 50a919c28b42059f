"""From the words of the command line to a command and its options."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple, NoReturn

from iotrace import __version__
from iotrace.cli.ending import USAGE
from iotrace.cli.screen import choose_language
from iotrace.escape import clean
from iotrace.language import N_, _


class Entry(NamedTuple):
    """A command's name, its module, and its line in the help: so that the help imports none of them.

    The line is English.
    """

    name: str
    module: str
    line: str


COMMANDS: tuple[Entry, ...] = (
    Entry("run", "iotrace.cli.run", N_("run a server under a probe, record it, and say where it blocks")),
    Entry("attach", "iotrace.cli.attach", N_("record a server that runs already, and leave it as it was")),
    Entry("demo", "iotrace.cli.demo", N_("list the demos, or run one with its scripted clients")),
    Entry("show", "iotrace.cli.show", N_("the timeline of a recording")),
    Entry("report", "iotrace.cli.report", N_("verdict, proof matrix and calls of a recording")),
    Entry(
        "calls",
        "iotrace.cli.calls",
        N_("the calls one by one, as strace shows them, and where their time went"),
    ),
    Entry(
        "compare", "iotrace.cli.compare", N_("recordings side by side: who is blocked where, at what price")
    ),
    Entry("figure", "iotrace.cli.figure", N_("a picture worth a slide: SVG, PNG or PDF")),
    Entry(
        "export",
        "iotrace.cli.export",
        N_("the recording as a page to zoom and search, as Parquet, CSV, JSON Lines"),
    ),
    Entry("explain", "iotrace.cli.explain", N_("the whole story of a lesson, in English or Chinese")),
    Entry("doctor", "iotrace.cli.doctor", N_("what can run here, what cannot, and what mends it")),
)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """argparse's own, but it breaks Chinese where Chinese breaks, and counts its cells."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        if text.isascii():
            return super()._split_lines(text, width)
        from rich.text import Text

        from iotrace.views.glyphs import Pen
        from iotrace.views.layout import wrap

        return [line.plain for line in wrap(" ".join(text.split()), width, Pen(), first=Text())]


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the options of one command, with its function as ``run``. Usage errors end the process (2)."""
    entry = next((entry for entry in COMMANDS if argv and entry.name == argv[0]), None)
    if entry is None:
        choose_language(argv)
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_help(), file=sys.stdout if argv else sys.stderr)
        sys.exit(0 if argv else USAGE)
    if argv[0] in ("-V", "--version"):
        print(f"iotrace {__version__}")
        sys.exit(0)
    if entry is None:
        _unknown(argv[0])
    module = import_module(entry.module)
    split = getattr(module, "split", None)
    words, target = split(argv[1:]) if split else (argv[1:], ())
    choose_language(words)
    parser = _Parser(
        f"iotrace {entry.name}",
        description=_(str(module.__doc__)),
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    module.configure(parser)
    arguments = parser.parse_args(words)
    arguments.target = target
    arguments.run = module.run
    arguments.parser = parser
    return arguments


class _Parser(argparse.ArgumentParser):
    """One whose complaints are for a terminal, whatever was typed."""

    def error(self, message: str) -> NoReturn:
        super().error(clean(message))


def _help() -> str:
    width = max(len(entry.name) for entry in COMMANDS)
    lines = "\n".join(f"  {entry.name:{width}}  {_(entry.line)}" for entry in COMMANDS)
    what = _(
        "iotrace proves where a server blocks: it runs it under a probe, records every I/O call, and shows\n"
        "which of Stevens' five I/O models it follows."
    )
    usage = "  iotrace run [options] SCRIPT.py [args...] | -m MODULE [args...] | -- PROGRAM [args...]"
    more = _(
        "`iotrace COMMAND --help` tells more; `iotrace --version` the version. A FILE that is not given is\n"
        "the newest recording in this folder."
    )
    return "\n\n".join((what, usage, lines, more))


def _unknown(word: str) -> NoReturn:
    close = difflib.get_close_matches(word, [entry.name for entry in COMMANDS], 1)
    if word.startswith("-"):
        hint = _("options come after the command: `iotrace --help` lists the commands")
    elif close:
        hint = _("did you mean `{words}`?").format(words=f"iotrace {close[0]}")
    elif word.endswith(".py"):
        hint = _("did you mean `{words}`?").format(words=f"iotrace run {word}")
    else:
        hint = _("`iotrace --help` lists the commands")
    words = _("no command {word}: {hint}").format(word=repr(word), hint=hint)
    print(f"iotrace: {words}", file=sys.stderr)
    sys.exit(USAGE)
