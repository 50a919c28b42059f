"""Run several demos, one after the other, each in a process of its own, and quietly."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from iotrace.capture.clients import Demo
from iotrace.language import _, current


class Ran(NamedTuple):
    """A demo that was run: ``problem`` is one line about what failed, empty where nothing did."""

    demo: Demo
    path: Path
    problem: str


def run_each(chosen: Iterable[Demo], folder: Path, arguments: argparse.Namespace) -> Iterator[Ran]:
    """Run each demo into ``folder/NAME.iotrace`` with the probe that was asked for.

    A process each: a probe wants the main thread to itself, and what a server prints is not ours to show.
    """
    for demo in chosen:
        path = folder / f"{demo.name}.iotrace"
        words = [sys.executable, "-m", "iotrace", "run", "--probe", arguments.probe, "-o", str(path)]
        words += ["--lang", current()]
        words += [option for option, on in (("--pin", arguments.pin), ("--force", arguments.force)) if on]
        done = subprocess.run(
            [*words, str(demo.script)],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
        )
        said = [line.removeprefix("iotrace: ") for line in done.stderr.splitlines() if line.strip()]
        ended = _("it ended with {status}").format(status=done.returncode)
        problem = "" if not done.returncode else said[-1] if said else ended
        yield Ran(demo, path, problem)


def _environment() -> dict[str, str]:
    """Return this environment, in which the same iotrace is found from any folder."""
    path, root = os.environ.get("PYTHONPATH"), Path(__file__).parents[2]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(root), *([path] if path else [])]),
    }
