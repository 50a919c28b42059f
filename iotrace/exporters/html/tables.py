"""The page's tables: what it says without a script, and to who does not see the picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from iotrace.analysis.model import Analysis
from iotrace.escape import clean
from iotrace.exporters.summaries import CALLS, MATRIX, call_rows, matrix_rows
from iotrace.language import N_, _


def tables(analysis: Analysis) -> str:
    """Return the proof matrix, the calls and the lessons as HTML."""
    return "\n".join(filter(None, (_matrix(analysis), _calls(analysis), _lessons(analysis))))


def text(words: str) -> str:
    """Escape for HTML what may come from the target."""
    return escape(clean(words))


def _matrix(analysis: Analysis) -> str:
    caption = _("The proof matrix: where the process was during the two phases. ≈ bounded, ? unseen.")
    return _table(_("The proof"), caption, MATRIX, matrix_rows(analysis), {2, 5})


def _calls(analysis: Analysis) -> str:
    caption = _("All calls by name, and where their time went.")
    return _table(_("The calls"), caption, CALLS, call_rows(analysis), {1, *range(3, 10)})


def _lessons(analysis: Analysis) -> str:
    rows = [(lesson.name, clean(lesson.evidence)) for lesson in analysis.lessons]
    heads = (N_("lesson"), N_("evidence"))
    more = _("`iotrace explain NAME` tells more.")
    return _table(_("What it shows"), more, heads, rows) if rows else ""


def _table(
    title: str, caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()
) -> str:
    right = set(numbers)

    def cell(kind: str, at: int, words: str) -> str:
        scope = ' scope="col"' if kind == "th" else ""
        number = ' class="number"' if at in right else ""
        return f"<{kind}{scope}{number}>{escape(words)}</{kind}>"

    head = "".join(cell("th", at, _(words)) for at, words in enumerate(heads))
    body = "\n".join(
        f"<tr>{''.join(cell('td', at, words) for at, words in enumerate(row))}</tr>" for row in rows
    )
    return (
        f"<section><details open><summary>{escape(title)}</summary><table>"
        f"<caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details></section>"
    )
