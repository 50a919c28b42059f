"""The whole story of a lesson, in English or Chinese.

iotrace explain          the lessons there are
iotrace explain NAME     what the recording showed, why it is so, and what to do
"""

from __future__ import annotations

import argparse
import difflib

from iotrace.cli.ending import USAGE, Ending
from iotrace.cli.screen import add_screen_options, say, screen
from iotrace.language import _, current


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``explain``."""
    parser.add_argument("name", nargs="?", metavar="NAME", help=_("a lesson, as `iotrace report` names it"))
    add_screen_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """List or explain."""
    from iotrace.analysis.lessons import LESSONS
    from iotrace.views import explanation

    console, language = screen(arguments), current()
    names = [entry.name for entry in LESSONS]
    if arguments.name is None:
        stories = [explanation.story(name, language) for name in names]
        console.print(explanation.contents(stories, arguments.ascii))
        return Ending(0)
    if arguments.name not in names:
        close = difflib.get_close_matches(arguments.name, names, 1, 0.5)
        hint = _("did you mean {name}?") if close else _("`iotrace explain` lists them")
        words = _("no lesson {name}: {hint}")
        say(words.format(name=repr(arguments.name), hint=hint.format(name=close[0] if close else "")))
        return Ending(USAGE)
    console.print(explanation.explanation(explanation.story(arguments.name, language), arguments.ascii))
    return Ending(0)
