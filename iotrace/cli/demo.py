"""List the demos, or run one with its scripted clients under a probe.

iotrace demo                     what there is, in teaching order
iotrace demo NAME                the same as `iotrace run` with that demo's script
iotrace demo --all [-o DIR]      run them all into DIR (iotrace-demos), one line each
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from iotrace.capture.clients import FOLDERS, shipped
from iotrace.cli.ending import FAILED, USAGE, Ending
from iotrace.cli.run import add_options, trace
from iotrace.cli.screen import say, screen
from iotrace.cli.several import run_each
from iotrace.language import _

if TYPE_CHECKING:
    from iotrace.capture.clients import Demo


#: Where --all records unless -o says otherwise.
_FOLDER = "iotrace-demos"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``demo``."""
    parser.add_argument("name", nargs="?", metavar="NAME", help=_("the demo to run"))
    parser.add_argument(
        "--all", action="store_true", help=_("run every demo; -o names the recordings' folder")
    )
    add_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """List or run."""
    from iotrace.capture.clients import ManifestError
    from iotrace.capture.target import script

    try:
        found = shipped()
    except ManifestError as error:
        say(str(error))
        return Ending(FAILED)
    if not found:
        say(_("the demos are missing from {folder}: reinstall iotrace").format(folder=FOLDERS[0]))
        return Ending(FAILED)
    if arguments.all:
        if arguments.name is not None:
            say(_("--all runs every demo: leave the name away"))
            return Ending(USAGE)
        return _run_all(found, arguments)
    if arguments.name is None:
        width = max(map(len, found))
        console = screen(arguments)
        for demo in found.values():
            console.print(f"{demo.name:{width}}  {_(demo.title)}", style="none")
        console.print()
        console.print(_("run one: iotrace demo NAME; all of them: iotrace demo --all"))
        return Ending(0)
    name = Path(arguments.name).stem
    if name not in found:
        close = difflib.get_close_matches(name, found, 1)
        hint = _("did you mean {name}?") if close else _("`iotrace demo` lists them")
        words = _("no demo {name}: {hint}")
        say(words.format(name=repr(arguments.name), hint=hint.format(name=close[0] if close else "")))
        return Ending(USAGE)
    return trace(script(str(found[name].script), ()), arguments)


def _run_all(found: Mapping[str, Demo], arguments: argparse.Namespace) -> Ending:
    """Run every demo, and print a line for each as soon as it has ended."""
    from iotrace.analysis import analyse
    from iotrace.creation import make_folders
    from iotrace.recording.layout import RecordingError
    from iotrace.recording.reading import read
    from iotrace.views.course import demo_line

    folder: Path = arguments.output or Path(_FOLDER)
    try:
        make_folders(folder)
    except OSError as error:
        words = _("{folder} cannot be made: {error}; name another with -o DIR")
        say(words.format(folder=folder, error=error.strerror))
        return Ending(FAILED)
    console, names, failed = screen(arguments), max(map(len, found)), 0
    for ran in run_each(found.values(), folder, arguments):
        problem = ran.problem
        try:
            analysis = None if problem else analyse(read(ran.path))
        except RecordingError as error:
            analysis, problem = None, str(error)
        if analysis is None:
            failed += 1
            say(f"{ran.demo.name}: {problem}")
        else:
            console.print(demo_line(ran.demo.name, _(ran.demo.title), names, analysis, arguments.ascii))
    words = _("the recordings are in {folder}: iotrace report {file}")
    console.print()
    console.print(words.format(folder=folder, file=folder / f"{next(iter(found))}.iotrace"))
    return Ending(FAILED if failed else 0)
