"""Verdict, proof matrix and calls of a recording; --json for programs."""

from __future__ import annotations

import argparse
import json
import sys

from iotrace.cli.ending import Ending
from iotrace.cli.failing import add_fail_on, judge, stall_ns
from iotrace.cli.file import add_file, analysed
from iotrace.cli.numbers import Also, numbers
from iotrace.cli.screen import add_screen_options, screen
from iotrace.language import _


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``report``."""
    add_file(parser)
    parser.add_argument("--json", action="store_true", help=_("the report as JSON, schema 1"))
    part = parser.add_argument_group(_("where threads slept"))
    part.add_argument("--blocked", action="store_true", help=_("only that: each call on each descriptor"))
    part.add_argument(
        "--thread", type=numbers, action=Also, default=(), metavar="TID[,TID]", help=_("of these threads")
    )
    part.add_argument(
        "--fd", type=numbers, action=Also, default=(), metavar="FD[,FD]", help=_("on these descriptors")
    )
    add_fail_on(parser)
    add_screen_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """Print the report."""
    analysis = analysed(arguments, stall_ns(arguments))
    if arguments.json:
        from iotrace.analysis import report_json

        json.dump(report_json(analysis, arguments.thread, arguments.fd), sys.stdout, indent=2)
        print()
    else:
        from iotrace.views.report import asleep, report

        if arguments.blocked or arguments.thread or arguments.fd:
            view = asleep(analysis, arguments.thread, arguments.fd, ascii=arguments.ascii)
        else:
            view = report(analysis, ascii=arguments.ascii)
        screen(arguments).print(view)
    return judge(analysis, arguments, Ending(0))
