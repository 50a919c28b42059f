"""A sequence diagram: participants, and moments between them in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from iotrace.analysis.model import Analysis, Basis
from iotrace.exporters.mermaid.words import BREAK, MOST_NAME, colons, text
from iotrace.exporters.provenance import in_words
from iotrace.figures import Scene
from iotrace.language import _

_MARKS = {Basis.MEASURED: "", Basis.BOUNDED: "≈ ", Basis.UNSEEN: "? "}


class Participant(NamedTuple):
    """A column. ``name`` comes as it is."""

    identity: str
    name: str


class Moment(NamedTuple):
    """An arrow or a note (``where``: mermaid's own words), at a time. ``words`` are escaped already."""

    at_ns: int
    where: str
    words: str
    basis: Basis = Basis.MEASURED


def diagram(
    analysis: Analysis,
    scene: Scene,
    participants: Sequence[Participant],
    moments: Sequence[Moment],
    origin_ns: int,
) -> Sequence[str]:
    """Return the lines of a diagram. Moments of one time keep their order; times count from ``origin_ns``."""
    over = f"{participants[0].identity},{participants[-1].identity}"
    times = (
        _("times: ms since its begin") if origin_ns != analysis.begin_ns else _("times: ms since the begin")
    )
    chosen = BREAK.join((text(scene.subtitle, 200), text(times)))
    found = [
        f"title {text(scene.title, 120)}",
        *(f"participant {each.identity} as {text(each.name, MOST_NAME)}" for each in participants),
        f"Note over {over}: {chosen}",
        *(
            f"{each.where}: {_MARKS[each.basis]}{time(each.at_ns - origin_ns)} · {each.words}"
            for each in sorted(moments, key=lambda each: each.at_ns)
        ),
        f"Note over {over}: {BREAK.join(text(line, 240) for line in in_words(analysis))}",
    ]
    return ["sequenceDiagram", *(f"    {colons(line)}" for line in found)]


def time(ns: int) -> str:
    """Write a moment in milliseconds, to the microsecond."""
    return f"{ns / 1e6:.3f}"
