"""The proof matrix and the calls as rows of words, for every format that has tables to read."""

from __future__ import annotations

from collections.abc import Sequence

from iotrace import wording
from iotrace.analysis.matrix import said
from iotrace.analysis.model import Act, Analysis, Basis, MatrixRow, Phase
from iotrace.language import N_, _
from iotrace.numbers import duration, grouped, share, size

#: Heads of columns: messages.
MATRIX = (
    N_("act"),
    N_("model"),
    N_("operations"),
    N_("phase 1: waiting for data"),
    N_("phase 2: copying to the process"),
    N_("bytes"),
)
CALLS = (
    N_("call"),
    N_("count"),
    N_("errors"),
    N_("bytes"),
    N_("total"),
    N_("asleep"),
    N_("copying"),
    N_("p50"),
    N_("p99"),
    N_("longest"),
)


def matrix_rows(analysis: Analysis) -> list[tuple[str, ...]]:
    """Return a row under :data:`MATRIX` for each act and model that the recording has."""
    return [
        (
            _(wording.ACTS[row.act]),
            _(wording.MODELS[row.model]),
            grouped(row.operations),
            phase(row.phase1, _("the data were there at once")),
            second(row),
            size(row.bytes) if row.act != Act.ACCEPT else "",
        )
        for row in analysis.matrix
        if row.operations
    ]


def call_rows(analysis: Analysis) -> list[tuple[str, ...]]:
    """Return a row under :data:`CALLS` for each kind of call, the one with the most time first."""
    return [
        (
            call.name,
            grouped(call.count),
            ", ".join(f"{name} {grouped(count)}" for name, count in call.errors.items()),
            size(call.bytes) if call.bytes else "",
            duration(call.total_ns),
            *(duration(ns) if ns else "" for ns in (call.wait_ns, call.copy_ns)),
            *(duration(ns) for ns in (call.p50_ns, call.p99_ns, call.max_ns)),
        )
        for call in analysis.calls
    ]


def second(row: MatrixRow) -> str:
    """Say where the process was in phase 2."""
    return _("nothing to copy") if row.act == Act.ACCEPT else phase(row.phase2, _("nothing was copied"))


def phase(found: Phase, none: str) -> str:
    """Say where the process was in a phase; ``none`` where it had no length."""
    if found.basis == Basis.UNSEEN:
        return "? " + _("unseen")
    if not found.total_ns:
        return none
    mark = "≈ " if found.basis == Basis.BOUNDED else ""
    return f"{mark}{duration(found.total_ns)}: {listed(shares(found))}"


def listed(words: Sequence[str]) -> str:
    """Write words in a row."""
    return _(", ").join(words)


def shares(found: Phase) -> list[str]:
    """Name what the process did in a phase, with its share, the largest first."""
    parts = (
        (
            _("blocked in {call}").format(call=said(found.blocked_in)) if found.blocked_in else _("blocked"),
            found.blocked,
        ),
        (_("polling"), found.polling),
        (_("queued"), found.queued),
        (_("free"), found.free),
    )
    return [f"{name} {share(value)}" for name, value in sorted(parts, key=lambda each: -each[1]) if value > 0]
