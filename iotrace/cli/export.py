"""Write a recording in another program's format, by the ending of the file.

iotrace export -o chat.html                 the newest recording as one page for a browser
iotrace export FILE -o calls.parquet -o operations.csv --table operations
iotrace export FILE --to jsonl -o - | head  to standard output
iotrace export --list                       the formats
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from iotrace.cli.ending import FAILED, USAGE, Ending
from iotrace.cli.file import add_file
from iotrace.cli.screen import add_screen_options, say, screen
from iotrace.language import _

if TYPE_CHECKING:
    from iotrace.exporters.contract import Format

#: Where each option of :class:`iotrace.exporters.contract.Request` comes from.
_OPTIONS = {
    "table": "--table", "figure": "--kind", "theme": "--theme", "aspect": "--aspect",
    "operation": "--operation", "steps": "--steps", "lesson": "--lesson", "size": "--size",
}  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``export``."""
    from iotrace.exporters.contract import TABLES
    from iotrace.figures import HEIGHTS, KINDS
    from iotrace.theme import THEMES

    add_file(parser)
    parser.add_argument("--list", action="store_true", help=_("say what formats there are"))
    where = parser.add_argument_group(_("where to"))
    where.add_argument(
        "-o", "--output", action="append", default=[], metavar="FILE",
        help=_("the file; its ending names the format; - is standard output; may be given several times"),
    )  # fmt: skip
    where.add_argument(
        "--to", metavar="NAME", help=_("the format (without -o: the recording's name, its ending)")
    )
    where.add_argument("--force", action="store_true", help=_("replace FILE if it exists"))
    what = parser.add_argument_group(_("what of it (`--list` says which format takes which)"))
    what.add_argument(
        "--table", choices=TABLES, help=_("which rows (default: {name})").format(name=TABLES[0])
    )
    what.add_argument(
        "--kind", dest="figure", choices=[kind.name for kind in KINDS if kind.most == 1],
        help=_("which figure (default: timeline; of a deck: all; of a diagram: conversation)"),
    )  # fmt: skip
    what.add_argument("--theme", choices=[theme.name for theme in THEMES])
    what.add_argument("--aspect", choices=list(HEIGHTS))
    what.add_argument(
        "--operation", type=int, metavar="N", help=_("of a figure or a diagram of operations: which")
    )
    what.add_argument(
        "--steps", action="store_true", default=None, help=_("build the figure up: a page or a slide a stage")
    )
    what.add_argument(
        "--lesson", action="store_true", default=None,
        help=_("the whole lesson of a demo's recording: its code, the proof, questions and answers"),
    )  # fmt: skip
    what.add_argument(
        "--size",
        type=_size,
        metavar="COLUMNSxROWS",
        help=_("of a terminal that is played (default: 100x40)"),
    )
    add_screen_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """Write all files that were asked for."""
    if arguments.list:
        return _list(arguments)
    try:
        wanted = _wanted(arguments)
    except _Unclear as unclear:
        say(str(unclear))
        return Ending(USAGE)
    return _export(arguments, wanted)


class _Unclear(Exception):
    """The command line does not say what to do. One line."""


def _wanted(arguments: argparse.Namespace) -> list[tuple[Path | None, Format]]:
    """Return where to write which format; None is standard output, an empty path one yet to be named."""
    from iotrace.exporters.formats import named, of_path

    asked = named(arguments.to) if arguments.to is not None else None
    if arguments.to is not None and asked is None:
        words = _("no format {name}: there are {names}")
        raise _Unclear(words.format(name=repr(arguments.to), names=_names()))
    wanted: list[tuple[Path | None, Format]] = []
    for name in arguments.output:
        found = asked or of_path(Path(name))
        if name == "-":
            if asked is None:
                words = _("which format to standard output? add --to with one of {names}")
                raise _Unclear(words.format(names=_names()))
            if sys.stdout.isatty() and not asked.text:
                words = _("{name} is not for a terminal: give -o FILE, or redirect standard output")
                raise _Unclear(words.format(name=asked.name))
        elif found is None:
            words = _("{path} names no format: end it with one of {endings}, or add --to")
            raise _Unclear(words.format(path=name, endings=_endings()))
        assert found is not None
        wanted.append((None if name == "-" else Path(name), found))
    if not wanted and asked is None:
        words = _("what is to be written? -o FILE with one of {endings}, or --to NAME")
        raise _Unclear(words.format(endings=_endings()))
    wanted = wanted or [(Path(), asked)]  # type: ignore[list-item]
    if len(wanted) != len({path for path, _ in wanted}):
        raise _Unclear(_("two outputs have one name: give each its own"))
    for field, option in _OPTIONS.items():
        if getattr(arguments, field) is not None and not any(field in each.options for _, each in wanted):
            takers = ", ".join(each.name for each in _formats() if field in each.options)
            words = _("{option} is not for {format}: it is for {takers}")
            raise _Unclear(words.format(option=option, format=wanted[0][1].name, takers=takers))
    return wanted


def _export(arguments: argparse.Namespace, wanted: list[tuple[Path | None, Format]]) -> Ending:
    from iotrace.cli.output import OutputError, check, new_file
    from iotrace.exporters.contract import CannotExport, Request
    from iotrace.exporters.formats import exporter
    from iotrace.recording.layout import latest

    recording = arguments.file or latest()
    given = {field: getattr(arguments, field) for field in _OPTIONS}
    request = Request(recording, **{field: value for field, value in given.items() if value is not None})
    try:
        files = [(_named(path, recording, format), format) for path, format in wanted]
        for path, _format in files:
            if path is not None:
                check(path, arguments.force)
        for path, format in files:
            module = exporter(format)
            place = _standard_output() if path is None else new_file(path, arguments.force)
            with place as out:
                module.write(request, format, out)
                out.flush()
                written = os.fstat(out.fileno()).st_size
            if path is not None:
                say(_("wrote {path} ({n} bytes)").format(path=path, n=f"{written:,}"))
    except BrokenPipeError:
        raise
    except (CannotExport, OutputError) as error:
        say(str(error))
        return Ending(FAILED)
    except OSError as error:
        say(_("standard output cannot be written: {error}").format(error=error.strerror))
        return Ending(FAILED)
    return Ending(0)


def _standard_output() -> nullcontext[BinaryIO]:
    sys.stdout.flush()
    return nullcontext(sys.stdout.buffer)


def _named(path: Path | None, recording: Path, format: Format) -> Path | None:
    if path != Path():
        return path
    return Path(f"{recording.name.removesuffix('.iotrace')}.{format.suffixes[0]}")


def _list(arguments: argparse.Namespace) -> Ending:
    formats = _formats()
    wide = max(len(each.name) for each in formats)
    endings = max(len(_dotted(each)) for each in formats)
    console = screen(arguments)
    for each in formats:
        options = " ".join(option for field, option in _OPTIONS.items() if field in each.options)
        line = f"{each.name:{wide}}  {_dotted(each):{endings}}  {_(each.line)}"
        console.print(line, style="none", soft_wrap=True)
        if options:
            console.print(f"{'':{wide}}  {'':{endings}}  {options}", style="dim", soft_wrap=True)
    return Ending(0)


def _formats() -> tuple[Format, ...]:
    from iotrace.exporters.formats import FORMATS

    return FORMATS


def _dotted(format: Format) -> str:
    return " ".join(f".{suffix}" for suffix in format.suffixes)


def _names() -> str:
    return ", ".join(each.name for each in _formats())


def _endings() -> str:
    return ", ".join(f".{each.suffixes[0]}" for each in _formats())


def _size(text: str) -> tuple[int, int]:
    columns, rows = text.lower().partition("x")[::2]
    if not (
        columns.isdecimal() and rows.isdecimal() and 60 <= int(columns) <= 400 and 20 <= int(rows) <= 200
    ):
        words = _("{word} is no size of a terminal: give COLUMNSxROWS, 60x20 to 400x200")
        raise argparse.ArgumentTypeError(words.format(word=repr(text)))
    return int(columns), int(rows)
