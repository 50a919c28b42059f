"""What can run here, what cannot, and the command that mends it. Status 0 if a probe can run, else 1."""

from __future__ import annotations

import argparse
import json

from iotrace.cli.ending import Ending
from iotrace.cli.screen import add_screen_options, screen
from iotrace.language import _


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``doctor``."""
    parser.add_argument("--json", action="store_true", help=_("the findings as JSON"))
    add_screen_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """Look, and print the table."""
    from iotrace.cli.checks import CHECKS, Finding, State, probes

    findings = [finding for check in CHECKS for finding in check()]
    runnable = any(finding.state is State.GOOD for finding in probes())
    if arguments.json:
        facts = [
            {"subject": f.subject, "state": f.state.value, "finding": f.words, "remedy": f.remedy}
            for f in findings
        ]
        print(json.dumps({"schema": 1, "can_run": runnable, "findings": facts}, indent=2))
        return Ending(0 if runnable else 1)

    from rich.cells import cell_len, set_cell_size
    from rich.text import Text

    console = screen(arguments)
    styles = {State.GOOD: "green", State.LESS: "yellow", State.BAD: "bold red"}
    width = max(cell_len(finding.heading) for finding in findings)
    states = max(cell_len(_(state.word)) for state in State)

    def line(finding: Finding) -> Text:
        text = Text(set_cell_size(finding.heading, width) + "  ")
        text.append(set_cell_size(_(finding.state.word), states), styles[finding.state])
        text.append(f"  {finding.words}")
        if finding.remedy:
            arrow = "->" if arguments.ascii else "→"
            text.append(f"\n{'':{width + states}}    {arrow} ")
            text.append(finding.remedy, "bold")
        return text

    for finding in findings:
        console.print(line(finding), soft_wrap=True)
    return Ending(0 if runnable else 1)
