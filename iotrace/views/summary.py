"""What ``iotrace run`` prints at the end: verdict, proof, picture, lesson, and what to type next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.text import Text

from iotrace.analysis.model import Act, Analysis, Model
from iotrace.timeline import build, magnify, typical
from iotrace.views import header, lessons, matrix, verdict
from iotrace.views.glyphs import Pen
from iotrace.views.layout import Column, Lines, grid
from iotrace.views.report import spaced
from iotrace.views.show import picture

#: A second lesson is told only if all fits so many lines: a terminal of 40, with what the server said itself.
_SCREEN = 38

#: (what to type, what it shows)
Commands = Sequence[tuple[str, str]]


def summary(
    analysis: Analysis, file: str | None = None, commands: Commands | None = None, ascii: bool = False
) -> RenderableType:
    """Return the end of a run. ``file`` names the recording in ``commands``, whose default fits any run."""
    timeline = build(analysis, most_threads=4, most_descriptors=6)
    offered = commands if commands is not None else more(analysis, file)

    def draw(width: int, pen: Pen) -> Iterable[Text]:
        lanes, magnified = map(list, picture(analysis, timeline, None, width, pen))
        above = [
            list(part)
            for part in (
                header.draw(analysis, width, pen),
                (
                    *verdict.draw(analysis, width, pen, brief=True),
                    *(() if _mixed(analysis) else lessons.order(analysis, width, pen)),
                ),
                matrix.draw(analysis, width, pen),
                lanes,
            )
        ]
        taught = list(lessons.draw(analysis, width, pen, most=2))
        below = list(_commands(offered, width, pen))

        def whole() -> list[Text]:
            return list(spaced((*above, magnified, taught, below)))

        if len(whole()) > _SCREEN:
            taught = list(lessons.draw(analysis, width, pen, most=1))
        if len(whole()) > _SCREEN:  # the first command tells of the others
            taught, below = list(lessons.draw(analysis, width, pen, most=1, more=False)), below[:1]
        if len(whole()) > _SCREEN and _mixed(analysis):
            magnified = []  # the typical operation of several models is typical of none
        yield from whole()

    return Lines(draw, ascii)


def more(analysis: Analysis, file: str | None) -> Commands:
    """Return the commands that show more of this recording."""
    name = f" {file}" if file else ""
    closer = _around(analysis)
    return [
        (f"iotrace report{name}", "every call with percentiles, descriptors, lessons"),
        (
            f"iotrace show{name}{closer}",
            "the end of that wait on an axis of its own" if closer else "the timeline",
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
