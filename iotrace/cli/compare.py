"""Lay recordings side by side on one axis: who is blocked where, for how long, and at what price.

iotrace compare FILE FILE...     any recordings: of several servers, or of one before and after a change
iotrace compare --models         run the demo of each of the five I/O models with the same clients first
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from iotrace.cli.ending import FAILED, USAGE, Ending
from iotrace.cli.screen import add_screen_options, say, screen
from iotrace.language import N_, _

#: The demos that differ in their model only: the same clients, the same messages.
MODELS = {
    "blocking_echo": N_("blocking"),
    "nonblocking_echo": N_("non-blocking"),
    "epoll_echo": N_("multiplexing"),
    "signal_driven_echo": N_("signal-driven"),
    "io_uring_echo": N_("asynchronous"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``compare``."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=_("two recordings or more"))
    parser.add_argument("--json", action="store_true", help=_("the measures as JSON, schema 1"))
    models = parser.add_argument_group(_("the five models"))
    models.add_argument("--models", action="store_true", help=_("run their demos, then compare them"))
    models.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help=_("keep their recordings in DIR (default: do not)")
    )
    models.add_argument("--force", action="store_true", help=_("replace recordings of DIR"))
    models.add_argument("--probe", choices=["auto", "bpf", "ptrace"], default="auto")
    models.add_argument("--pin", action="store_true", help=_("ptrace: tracer and target on one CPU"))
    add_screen_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """Compare."""
    if arguments.models and arguments.files:
        say(_("--models makes its own recordings: give either files or --models"))
        return Ending(USAGE)
    if not arguments.models:
        if len(arguments.files) < 2:
            say(_("what is to be compared? two recordings or more, or --models"))
            return Ending(USAGE)
        return _compare(arguments.files, names(arguments.files), arguments)
    with ExitStack() as stack:
        return _models(stack, arguments)


def _models(stack: ExitStack, arguments: argparse.Namespace) -> Ending:
    from tempfile import TemporaryDirectory

    folder = arguments.output or Path(stack.enter_context(TemporaryDirectory(prefix="iotrace-")))
    recorded = recorded_models(folder, arguments)
    files, labels = [path for _, path in recorded], [label for label, _ in recorded]
    if len(files) < 2:
        say(_("fewer than two of the models' demos could be recorded: `iotrace doctor` says why"))
        return Ending(FAILED)
    ending = _compare(files, labels, arguments)
    return ending if len(files) == len(MODELS) else Ending(FAILED)


def recorded_models(folder: Path, arguments: argparse.Namespace) -> list[tuple[str, Path]]:
    """Run the models' demos into a folder; return (model, recording) of those that ran, and say what did not.

    ``arguments`` has ``probe``, ``pin`` and ``force``.
    """
    from iotrace.capture.clients import ManifestError, shipped
    from iotrace.cli.several import run_each
    from iotrace.creation import make_folders

    try:
        make_folders(folder)
        known = shipped()
    except ManifestError as error:
        say(str(error))
        return []
    except OSError as error:
        words = _("{folder} cannot be used: {error}")
        say(words.format(folder=folder, error=error.strerror))
        return []
    found = []
    for ran in run_each([known[name] for name in MODELS if name in known], folder, arguments):
        if ran.problem:
            say(f"{ran.demo.name}: {ran.problem}")
        else:
            found.append((_(MODELS[ran.demo.name]), ran.path))
    return found


def _compare(files: Sequence[Path], labels: Sequence[str], arguments: argparse.Namespace) -> Ending:
    from iotrace.analysis import analyse
    from iotrace.analysis.comparison import compare, compare_json
    from iotrace.recording.reading import read

    analyses = [analyse(read(file)) for file in files]
    sides = compare(list(zip(labels, analyses, strict=True)))
    if arguments.json:
        json.dump(compare_json(sides, [str(file) for file in files]), sys.stdout, indent=2)
        print()
        return Ending(0)

    from iotrace.views import comparison

    screen(arguments).print(comparison(sides, analyses, ascii=arguments.ascii))
    return Ending(0)


def names(files: Sequence[Path]) -> list[str]:
    """Return what to call each file: its name without what all recordings' names have, or its whole path."""
    short = [file.stem.removeprefix("iotrace-") for file in files]
    plain = [name.rpartition(".")[0] if name.rpartition(".")[2].isdigit() else name for name in short]
    for candidate in (plain, short):
        if len(set(candidate)) == len(files):
            return [name or str(file) for name, file in zip(candidate, files, strict=True)]
    return [f"{number}: {name}" for number, name in enumerate(short, 1)]
