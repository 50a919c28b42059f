"""Draw a figure of a recording, for a slide or a page.

iotrace figure                              the median operation, as Stevens draws its model
iotrace figure FILE --kind timeline -o x.png
iotrace figure A B C --kind comparison      several recordings side by side; --models records them first
iotrace figure --list                       the kinds
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from iotrace.cli.ending import FAILED, USAGE, Ending
from iotrace.cli.screen import add_screen_options, say, screen
from iotrace.language import _, ngettext


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``figure``."""
    from iotrace.exporters import PICTURES
    from iotrace.figures import HEIGHTS, KINDS
    from iotrace.theme import THEMES

    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help=_("a recording (default: the newest in this folder)"),
    )
    what = parser.add_argument_group(_("what to draw"))
    what.add_argument("--kind", choices=[kind.name for kind in KINDS], default="model")
    what.add_argument("--list", action="store_true", help=_("say what kinds there are"))
    what.add_argument(
        "--operation", type=int, metavar="N", help=_("model, conversation: which one (model: the median)")
    )
    what.add_argument(
        "--models", action="store_true", help=_("comparison: record the five models' demos first")
    )
    what.add_argument("--probe", choices=["auto", "bpf", "ptrace"], default="auto", help=_("for --models"))
    what.add_argument(
        "--pin", action="store_true", help=_("for --models by ptrace: tracer and target on one CPU")
    )
    look = parser.add_argument_group(_("how"))
    look.add_argument("--theme", choices=[theme.name for theme in THEMES], default="light")
    look.add_argument("--aspect", choices=list(HEIGHTS), default="16:9")
    look.add_argument("--steps", action="store_true", help=_("build the figure up: a file or a page a stage"))
    formats = ", ".join(f".{each.suffix}" for each in PICTURES)
    look.add_argument(
        "-o", "--output", type=Path, metavar="FILE",
        help=_("where to ({formats}; default: the recording's name, the kind, .svg)").format(formats=formats),
    )  # fmt: skip
    look.add_argument("--force", action="store_true", help=_("replace FILE if it exists"))
    add_screen_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """Draw."""
    from iotrace.exporters import PICTURES, picture
    from iotrace.figures import KINDS

    if arguments.list:
        wide = max(len(kind.name) for kind in KINDS)
        console = screen(arguments)
        for kind in KINDS:
            console.print(f"{kind.name:{wide}}  {_(kind.line)}", style="none")
        return Ending(0)
    kind = next(kind for kind in KINDS if kind.name == arguments.kind)
    if arguments.models and (kind.name != "comparison" or arguments.files):
        say(_("--models is for --kind comparison, and makes its own recordings: give no FILE"))
        return Ending(USAGE)
    if len(arguments.files) > kind.most:
        words = ngettext(
            "a figure of kind {kind} shows {n} recording at most",
            "a figure of kind {kind} shows {n} recordings at most",
            kind.most,
        )
        say(words.format(kind=kind.name, n=kind.most))
        return Ending(USAGE)
    suffix = arguments.output.suffix.removeprefix(".") if arguments.output else PICTURES[0].suffix
    if picture(suffix) is None:
        known = ", ".join(f".{each.suffix}" for each in PICTURES)
        words = _("{path} names no format: end it with one of {endings}")
        say(words.format(path=arguments.output, endings=known))
        return Ending(USAGE)
    with ExitStack() as stack:
        try:
            recordings = _recordings(arguments, stack)
        except _Refused as refused:
            say(str(refused))
            return Ending(FAILED)
        return _draw(arguments, recordings)


class _Refused(Exception):
    """The recordings cannot be had. One line."""


def _recordings(arguments: argparse.Namespace, stack: ExitStack) -> list[tuple[str, Path]]:
    """Return what to draw, with what to call each."""
    from iotrace.cli.compare import names, recorded_models
    from iotrace.recording.layout import latest

    if arguments.models:
        from tempfile import TemporaryDirectory

        folder = Path(stack.enter_context(TemporaryDirectory(prefix="iotrace-")))
        found = recorded_models(folder, arguments)
        if len(found) < 2:
            raise _Refused(
                _("fewer than two of the models' demos could be recorded: `iotrace doctor` says why")
            )
        return found
    files = arguments.files or [latest()]
    if arguments.kind == "comparison" and len(files) < 2:
        raise _Refused(_("what is to be compared? two recordings or more, or --models"))
    return list(zip(names(files), files, strict=True))


def _draw(arguments: argparse.Namespace, recordings: list[tuple[str, Path]]) -> Ending:
    from iotrace.analysis import analyse
    from iotrace.cli.output import OutputError, write_files
    from iotrace.exporters import export, picture
    from iotrace.figures import NothingToDraw, Request, draw
    from iotrace.recording.reading import read
    from iotrace.theme import THEMES

    analysed = tuple((label, analyse(read(path))) for label, path in recordings)
    request = Request(analysed, arguments.aspect, arguments.operation)
    try:
        scene = draw(arguments.kind, request)
    except NothingToDraw as nothing:
        say(str(nothing))
        return Ending(FAILED)
    output = arguments.output or _default(arguments, recordings)
    chosen = picture(output.suffix.removeprefix("."))
    assert chosen is not None
    theme = next(theme for theme in THEMES if theme.name == arguments.theme)
    stages = [scene.until(step) for step in range(1, scene.steps + 1)] if arguments.steps else []
    files = export(chosen, stages or [scene], theme)
    paths = [output]
    if stages and not chosen.several:
        paths = [output.with_stem(f"{output.stem}-{number}") for number in range(1, len(files) + 1)]
    try:
        write_files(list(zip(paths, files, strict=True)), arguments.force)
    except OutputError as error:
        say(str(error))
        return Ending(FAILED)
    return Ending(0)


def _default(arguments: argparse.Namespace, recordings: list[tuple[str, Path]]) -> Path:
    stem = "iotrace-models" if arguments.models else recordings[0][1].name.removesuffix(".iotrace")
    return Path(f"{stem}-{arguments.kind}.svg")
