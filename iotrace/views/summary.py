"""What ``iotrace run`` prints at the end: verdict, proof, picture, lesson, and what to type next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rich.console import RenderableType
from rich.text import Text

from iotrace.analysis.model import Act, Analysis, Model
from iotrace.language import _
from iotrace.timeline import build, magnify, typical
from iotrace.views import header, lessons, matrix, verdict
from iotrace.views.glyphs import Pen
from iotrace.views.layout import Column, Lines, grid
from iotrace.views.report import spaced
from iotrace.views.show import picture

#: The lines of a terminal.
_ROWS = 40


class _Take(NamedTuple):
    """How much of each part is shown.

    ``tight``: limits in few words, one command, right under the lesson. ``reasons``: of the verdicts.
    """

    threads: int = 4
    descriptors: int = 6
    lessons: int = 2
    tight: bool = False
    magnified: bool = True
    reasons: bool = True


_FEWER = ((4, 5), (4, 4), (3, 4), (2, 3), (2, 2), (1, 1))

#: What is left out, one after the other, until all fits the terminal.
_TAKES = (
    _Take(),
    _Take(lessons=1),
    _Take(lessons=1, tight=True),
    _Take(lessons=1, tight=True, reasons=False),
    *(_Take(threads, descriptors, 1, True, reasons=False) for threads, descriptors in _FEWER),
    _Take(1, 1, 1, True, False, False),
)

#: (what to type, what it shows)
Commands = Sequence[tuple[str, str]]


def summary(
    analysis: Analysis,
    file: str | None = None,
    commands: Commands | None = None,
    ascii: bool = False,
    rows: int = _ROWS,
) -> RenderableType:
    """Return the end of a run. ``file`` names the recording in ``commands``, whose default fits any run.

    It is drawn for a terminal of ``rows`` lines, one of which is the shell's.
    """
    offered = commands if commands is not None else more(analysis, file)
    room = rows - 1 - _said(analysis, rows)

    def draw(width: int, pen: Pen) -> Iterable[Text]:
        ordered = [] if _mixed(analysis) else list(lessons.order(analysis, width, pen))
        proof = list(matrix.draw(analysis, width, pen))

        def whole(take: _Take) -> list[Text]:
            timeline = build(analysis, most_threads=take.threads, most_descriptors=take.descriptors)
            lanes, magnified = map(list, picture(analysis, timeline, None, width, pen))
            taught = list(lessons.draw(analysis, width, pen, most=take.lessons, more=not take.tight))
            below = list(_commands(offered, width, pen))
            shown = magnified if take.magnified else []
            last = [[*taught, *below[:1]]] if take.tight else [taught, below]
            head = list(header.draw(analysis, width, pen, take.tight))
            judged = [*verdict.draw(analysis, width, pen, brief=True, reasons=take.reasons), *ordered]
            return list(spaced((head, judged, proof, lanes, shown, *last)))

        takes: tuple[_Take, ...] = _TAKES
        if _mixed(analysis):  # the typical operation of several models is typical of none
            takes = (*takes[:3], *(take._replace(magnified=False) for take in takes[2:]))
        lines: list[Text] = []
        for take in takes:
            lines = whole(take)
            if len(lines) <= room:
                break
        yield from lines

    return Lines(draw, ascii)


def _said(analysis: Analysis, rows: int) -> int:
    """Return how many lines the program printed itself, as a demo's manifest says."""
    options = analysis.events.header.get("options")
    said = options.get("says") if isinstance(options, Mapping) else None
    return said if isinstance(said, int) and 0 <= said < rows else 1


def more(analysis: Analysis, file: str | None) -> Commands:
    """Return the commands that show more of this recording."""
    name = f" {file}" if file else ""
    closer = _around(analysis)
    return [
        (f"iotrace report{name}", _("every call with percentiles, descriptors, lessons")),
        (
            f"iotrace show{name}{closer}",
            _("the end of that wait on an axis of its own") if closer else _("the timeline"),
        ),
    ]


def _mixed(analysis: Analysis) -> bool:
    receives = analysis.verdicts.get(Act.RECEIVE)
    return receives is not None and receives.model is Model.MIXED


def _around(analysis: Analysis) -> str:
    """Return the options that show the short pieces of the typical operation, in round milliseconds."""
    index = typical(analysis)
    if index is None:
        return ""
    found = magnify(analysis, index)
    span = max(1_000, found.end_ns - found.fine_ns)
    step = 10 ** (len(str(span)) - 2)
    first = max(0, (found.fine_ns - analysis.begin_ns - span // 4) // step * step)
    last = -((analysis.begin_ns - found.end_ns - span // 4) // step * step)
    return f" --from {first / 1e6:.10g}ms --to {last / 1e6:.10g}ms"


def _commands(offered: Commands, width: int, pen: Pen) -> list[Text]:
    rows = [[Text(pen(command), "command"), Text(pen(words), "muted")] for command, words in offered]
    return grid((Column(), Column(drop=1, shrink=20, gap=3)), rows, width, pen)
