"""The page's tables: what it says without a script, and to who does not see the picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from iotrace import wording
from iotrace.analysis.model import Act, Analysis, Basis, MatrixRow, Phase
from iotrace.escape import clean
from iotrace.numbers import duration, grouped, share, size


def tables(analysis: Analysis) -> str:
    """Return the proof matrix, the calls and the lessons as HTML."""
    return "\n".join(filter(None, (_matrix(analysis), _calls(analysis), _lessons(analysis))))


def text(words: str) -> str:
    """Escape for HTML what may come from the target."""
    return escape(clean(words))


def _matrix(analysis: Analysis) -> str:
    rows = [
        (
            wording.ACTS[row.act],
            wording.MODELS[row.model],
            grouped(row.operations),
            _phase(row.phase1, "the data were there at once"),
            _second(row),
            size(row.bytes) if row.act != Act.ACCEPT else "",
        )
        for row in analysis.matrix
        if row.operations
    ]
    heads = (
        "act",
        "model",
        "operations",
        "phase 1: waiting for data",
        "phase 2: copying to the process",
        "bytes",
    )
    caption = "The proof matrix: where the process was during the two phases. ≈ bounded, ? unseen."
    return _table("The proof", caption, heads, rows, {2, 5})


def _second(row: MatrixRow) -> str:
    return "nothing to copy" if row.act == Act.ACCEPT else _phase(row.phase2, "nothing was copied")


def _phase(phase: Phase, none: str) -> str:
    if phase.basis == Basis.UNSEEN:
        return "? unseen"
    if not phase.total_ns:
        return none
    mark = "≈ " if phase.basis == Basis.BOUNDED else ""
    shares = (
        (f"blocked in {phase.blocked_in}" if phase.blocked_in else "blocked", phase.blocked),
        ("polling", phase.polling),
        ("queued", phase.queued),
        ("free", phase.free),
    )
    parts = [
        f"{name} {share(value)}" for name, value in sorted(shares, key=lambda each: -each[1]) if value > 0
    ]
    return f"{mark}{duration(phase.total_ns)}: {', '.join(parts)}"


def _calls(analysis: Analysis) -> str:
    rows = [
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
    heads = ("call", "count", "errors", "bytes", "total", "asleep", "copying", "p50", "p99", "longest")
    return _table(
        "The calls", "All calls by name, and where their time went.", heads, rows, {1, *range(3, 10)}
    )


def _lessons(analysis: Analysis) -> str:
    rows = [(lesson.name, clean(lesson.evidence)) for lesson in analysis.lessons]
    heads = ("lesson", "evidence")
    return _table("What it shows", "`iotrace explain NAME` tells more.", heads, rows) if rows else ""


def _table(
    title: str, caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()
) -> str:
    right = set(numbers)

    def cell(kind: str, at: int, words: str) -> str:
        scope = ' scope="col"' if kind == "th" else ""
        number = ' class="number"' if at in right else ""
        return f"<{kind}{scope}{number}>{escape(words)}</{kind}>"

    head = "".join(cell("th", at, words) for at, words in enumerate(heads))
    body = "\n".join(
        f"<tr>{''.join(cell('td', at, words) for at, words in enumerate(row))}</tr>" for row in rows
    )
    return (
        f"<section><details open><summary>{title}</summary><table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details></section>"
    )
