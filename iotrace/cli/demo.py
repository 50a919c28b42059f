"""List the demos, or run one with its scripted clients under a probe.

iotrace demo            what there is
iotrace demo NAME       the same as `iotrace run` with that demo's script
"""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

from iotrace.cli.ending import FAILED, USAGE, Ending
from iotrace.cli.run import add_options, trace
from iotrace.cli.screen import say, screen

_PACKAGE = Path(__file__).parents[1]

#: Where demos are: in an installed package, or beside it in a checkout.
FOLDERS = (_PACKAGE / "shipped_demos", _PACKAGE.parent / "demos")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``demo``."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="the demo to run")
    add_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """List or run."""
    from iotrace.capture.clients import ManifestError, demos
    from iotrace.capture.target import script

    try:
        found = {demo.name: demo for folder in FOLDERS for demo in demos(folder)}
    except ManifestError as error:
        say(str(error))
        return Ending(FAILED)
    if not found:
        say(f"the demos are missing from {FOLDERS[0]}: reinstall iotrace")
        return Ending(FAILED)
    if arguments.name is None:
        width = max(map(len, found))
        console = screen(arguments)
        for demo in found.values():
            console.print(f"{demo.name:{width}}  {demo.title}", style="none")
        console.print("\nrun one: iotrace demo NAME")
        return Ending(0)
    name = Path(arguments.name).stem
    if name not in found:
        close = difflib.get_close_matches(name, found, 1)
        say(
            f"no demo {arguments.name!r}: "
            + (f"did you mean {close[0]}?" if close else "`iotrace demo` lists them")
        )
        return Ending(USAGE)
    return trace(script(str(found[name].script), ()), arguments)
