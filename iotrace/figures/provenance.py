"""Where a figure comes from, in small print: program, probe, kernel, date, losses, and the bases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from iotrace import __version__, wording
from iotrace.analysis.model import Analysis
from iotrace.escape import clean
from iotrace.language import N_, _
from iotrace.numbers import counted, grouped

BASIS = N_("solid: measured; dashed and ≈: bounded; dotted and ?: unseen")


def small_print(analyses: Sequence[Analysis]) -> tuple[str, str]:
    """Return two lines about the recordings that a figure shows: their facts, and how to read its numbers."""
    probes = _distinct(_probe(_fact(each, "probe")) for each in analyses)
    kernels = _distinct(f"Linux {_fact(each, 'kernel') or '?'}" for each in analyses)
    dates = _distinct(filter(None, map(_date, analyses)))
    lost = sum(each.lost for each in analyses)
    rows = sum(len(each.events) for each in analyses)
    facts = [
        ", ".join(probes),
        ", ".join(kernels),
        *dates[:1],
        counted(rows, "{n} event", "{n} events"),
        _("{n} lost: counts are lower bounds").format(n=grouped(lost)) if lost else _("0 lost"),
        clean(wording.target(analyses[0]))
        if len(analyses) == 1
        else counted(len(analyses), "{n} recording", "{n} recordings"),
    ]
    return " · ".join(facts), f"{_(BASIS)} · iotrace {__version__}"


def _probe(name: str) -> str:
    return _(wording.PROBES[name]) if name in wording.PROBES else _("unknown probe")


def _fact(analysis: Analysis, name: str) -> str:
    return clean(str(analysis.events.header.get(name) or ""))


def _date(analysis: Analysis) -> str:
    begun = analysis.events.header.get("started_wall_ns")
    if not isinstance(begun, int) or begun <= 0:
        return ""
    return datetime.fromtimestamp(begun / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _distinct(words: object) -> list[str]:
    from collections.abc import Iterable

    assert isinstance(words, Iterable)
    return list(dict.fromkeys(map(str, words)))
