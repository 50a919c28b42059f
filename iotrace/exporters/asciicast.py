"""The views of the terminal as an asciicast, version 2: asciinema plays it, and its player in web pages.

Each view is a screen of its own, which grows section by section, with time to read each. Nothing scrolls and
nothing is wider than the screen. A screen begins with a marker, by which players jump.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import BinaryIO, NamedTuple

from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from iotrace import wording
from iotrace.analysis.model import Analysis
from iotrace.escape import clean
from iotrace.exporters.contract import CannotExport, Format, Request
from iotrace.exporters.provenance import in_words, provenance
from iotrace.figures.page import legible
from iotrace.language import _
from iotrace.views import report, show, summary
from iotrace.views.layout import Lines
from iotrace.views.theme import THEME

#: How long a section stands before the next comes: so long for each of its lines, within bounds.
_A_LINE_S, _LEAST_S, _MOST_S = 0.25, 0.8, 4.0
#: What a whole screen gets besides, and the last one.
_A_SCREEN_S, _LAST_S = 1.5, 4.0
#: A view is cut after so many screens; their headings say how many there would be.
_MOST_PAGES = 5

_CLEAR = "\x1b[0m\x1b[2J\x1b[H"


class Screen(NamedTuple):
    """What is written above a view, for a marker too, and the lines of both, in their own colours."""

    name: str
    heading: str
    lines: Sequence[str]


def write(request: Request, format: Format, out: BinaryIO) -> None:
    """Write the views one after the other; the last is the end of the run again, with the small print."""
    analysis = request.analysis
    if not analysis.threads:
        raise CannotExport(_("this recording has no call in it: there is nothing to show"))
    columns, rows = request.size
    screens = _screens(analysis, clean(shlex.quote(request.path.name)), columns, rows)
    header = {
        "version": 2,
        "width": columns,
        "height": rows,
        **_dated(analysis),
        "title": legible(f"iotrace: {wording.target(analysis)}")[:200],
        "env": {"TERM": "xterm-256color"},
        "iotrace": {key: value for key, value in provenance(analysis).items() if key != "argv"},
    }
    for line in (header, *_events(screens)):
        out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def _dated(analysis: Analysis) -> dict[str, int]:
    wall_ns = analysis.events.header.get("started_wall_ns")
    return {"timestamp": wall_ns // 10**9} if isinstance(wall_ns, int) and wall_ns > 0 else {}


def _screens(analysis: Analysis, file: str, columns: int, rows: int) -> Sequence[Screen]:
    """Return the screens: each has its heading, at most ``rows`` - 2 lines, and room for the cursor."""
    small = _plain(in_words(analysis), "muted", columns)
    room = rows - 2
    found = [_end(analysis, file, columns, room, [])]
    for command, view in (("show", show(analysis)), ("report", report(analysis))):
        pages = _pages(_lines(view, columns), room)
        for number, page in enumerate(pages[:_MOST_PAGES], 1):
            of = f"   # {number}/{len(pages)}" if len(pages) > 1 else ""
            found.append(_screen(f"$ iotrace {command} {file}{of}", page, columns))
    return [*found, _end(analysis, file, columns, room, ["", *small])]


def _end(analysis: Analysis, file: str, columns: int, room: int, below: Sequence[str]) -> Screen:
    """Return the end of the run with some lines below it; where it has no room it is cut, and says so."""
    room -= len(below)
    lines = _lines(summary(analysis, file, rows=room + 2), columns)
    if len(lines) > room:
        cut = _("… and {n} more lines: iotrace report").format(n=len(lines) - room + 1)
        lines = [*lines[: room - 1], *_plain([cut], "muted", columns)]
    return _screen("# " + _("the end of the run"), [*lines, *below], columns)


def _screen(heading: str, lines: Sequence[str], columns: int) -> Screen:
    (written,) = _plain([heading], "bold", columns)
    return Screen(heading.lstrip("#$ "), written, lines)


def _plain(words: Sequence[str], style: str, columns: int) -> list[str]:
    """Return lines of words as a terminal gets them, cut to its width."""
    return _lines(Lines(lambda width, pen: [Text(pen(line), style) for line in words]), columns)


def _lines(view: RenderableType, columns: int) -> list[str]:
    """Return the lines that a terminal gets of a view."""
    console = Console(
        file=StringIO(), width=columns, theme=THEME, color_system="truecolor", force_jupyter=False,
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    return ["".join(map(_painted, line)) for line in console.render_lines(view, pad=False)]


def _painted(segment: Segment) -> str:
    """Return a piece with its escape sequences.

    A style of rich keeps the first that it makes, for whatever terminal comes after: this one is new.
    """
    known = segment.style or Style.null()
    style = Style(
        color=known.color, bgcolor=known.bgcolor, bold=known.bold, dim=known.dim, italic=known.italic
    )  # fmt: skip
    return style.render(segment.text, color_system=ColorSystem.TRUECOLOR)


def _sections(lines: Sequence[str]) -> list[list[str]]:
    """Return the parts that empty lines separate, without these."""
    found: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [section for section in found if section]


def _pages(lines: Sequence[str], room: int) -> list[list[str]]:
    """Break a view into screens, between sections where these fit."""
    pages: list[list[str]] = []
    for section in _sections(lines):
        if pages and len(pages[-1]) + 1 + len(section) <= room:
            pages[-1] += ["", *section]
            continue
        pages += [section[at : at + room] for at in range(0, len(section), room)]
    return pages


def _events(screens: Sequence[Screen]) -> Iterator[tuple[float, str, str]]:
    """Yield (time in seconds, "o" output or "m" marker, text). The last screen, seen before, comes whole."""
    time = 0.0
    for screen in screens[:-1]:
        yield round(time, 3), "m", screen.name
        yield round(time, 3), "o", f"{_CLEAR}{screen.heading}\r\n"
        time += _LEAST_S
        for number, section in enumerate(_sections(screen.lines)):
            yield round(time, 3), "o", ("\r\n\r\n" if number else "") + "\r\n".join(section)
            time += min(max(_A_LINE_S * len(section), _LEAST_S), _MOST_S)
        time += _A_SCREEN_S
    last = screens[-1]
    yield round(time, 3), "m", last.name
    yield round(time, 3), "o", "\r\n".join((f"{_CLEAR}{last.heading}", *last.lines))
    yield round(time + _LAST_S, 3), "o", ""
