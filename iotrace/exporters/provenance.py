"""Where an export comes from: what every format says of probe, kernel, date, losses and bases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from iotrace import __version__, wording
from iotrace.analysis import Analysis
from iotrace.analysis.unseen import tasks_refused
from iotrace.escape import clean
from iotrace.figures.provenance import small_print
from iotrace.language import _

BASIS = "measured: an event happened then; bounded: the number is its best bound; unseen: no number"
CLOCK = "nanoseconds on CLOCK_MONOTONIC"

#: So many gaps are listed at most; ``gaps_total`` counts them all.
MOST_GAPS = 1000


def provenance(analysis: Analysis) -> dict[str, Any]:
    """Return the facts of a recording, JSON-able, in the order in which they are shown. Strings are clean.

    ``gaps``: [first_ns, last_ns, events lost] each. ``missing``: what the probe could not see, and why.
    """
    header = analysis.events.header
    wall, begun = header.get("started_wall_ns"), header.get("started_ns")
    missing = header.get("missing")
    return {
        "iotrace": __version__,
        "target": clean(wording.target(analysis)),
        "argv": [clean(str(word)) for word in header.get("argv") or ()],
        "probe": _text(header.get("probe")),
        "kernel": _text(header.get("kernel")),
        "machine": _text(header.get("machine")),
        "date": _date(wall),
        "started_wall_ns": wall if isinstance(wall, int) else None,
        "started_ns": begun if isinstance(begun, int) else None,
        "begin_ns": analysis.begin_ns,
        "duration_ns": analysis.end_ns - analysis.begin_ns,
        "events": len(analysis.events),
        "lost": analysis.lost,
        "gaps": [list(gap) for gap in analysis.gaps[:MOST_GAPS]],
        "gaps_total": len(analysis.gaps),
        "tasks_refused": tasks_refused(analysis.events),
        "missing": {clean(str(key)): clean(str(value)) for key, value in dict(missing or {}).items()},
        "stop_cost_ns": header.get("stop_cost_ns"),
        "clock": CLOCK,
        "basis": BASIS,
    }


def in_words(analysis: Analysis) -> tuple[str, str]:
    """Return two lines for where ≈ and ? mark the numbers: the figures' facts, and how to read the marks."""
    key = _("unmarked: measured; ≈: bounded; ?: unseen")
    return small_print([analysis])[0], f"{key} · iotrace {__version__}"


def _text(value: object) -> str:
    return "" if value is None else clean(str(value))


def _date(wall_ns: object) -> str:
    if not isinstance(wall_ns, int) or wall_ns <= 0:
        return ""
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
