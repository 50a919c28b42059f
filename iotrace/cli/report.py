"""Verdict, proof matrix and calls of a recording; --json for programs."""

from __future__ import annotations

import argparse
import json
import sys

from iotrace.cli.ending import Ending
from iotrace.cli.file import add_file, analysed
from iotrace.cli.screen import add_screen_options, screen


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``report``."""
    add_file(parser)
    parser.add_argument("--json", action="store_true", help="the report as JSON, schema 1")
    add_screen_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """Print the report."""
    from iotrace.analysis import report_json

    analysis = analysed(arguments)
    if arguments.json:
        json.dump(report_json(analysis), sys.stdout, indent=2)
        print()
        return Ending(0)

    from iotrace.views import report

    screen(arguments).print(report(analysis, ascii=arguments.ascii))
    return Ending(0)
