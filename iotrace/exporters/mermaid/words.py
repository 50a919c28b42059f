"""Words inside a mermaid diagram, and its small print.

mermaid takes ``;`` for the end of a line, ``%%{`` for a directive wherever it stands, ``\\n`` for a line
break, ``$$`` for a formula, ``#`` for the begin of an entity, and what looks like a tag for one. So every
sign outside a few that mean nothing to it is written as an entity of its number (mermaid's documentation,
"Entity codes to escape characters"); ``#`` and ``;`` then stand for nothing else.
"""

from __future__ import annotations

import json

from iotrace.analysis.model import Analysis
from iotrace.exporters.provenance import provenance
from iotrace.figures.page import legible

#: Words are cut after so many signs, comments after so many, and names of columns, which make a diagram wide.
_MOST, _MOST_COMMENT, MOST_NAME = 60, 300, 32

#: What stands in a diagram as it is, besides letters and digits.
_PLAIN = frozenset(" .,()+-=_·…×≈?←→µ/\u202f")

#: What the comments leave out: it has no bound.
_LONG = ("argv", "gaps", "missing")

BREAK = "<br/>"


def text(words: str, most: int = _MOST) -> str:
    """Return words as they may stand in a diagram, at most ``most`` signs of them."""
    shown = legible(words)
    shown = shown if len(shown) <= most else shown[: most - 1] + "…"
    # ASCII letters and digits mean themselves; any sign beyond ASCII that is printable does too.
    return "".join(
        sign if sign in _PLAIN or sign.isalnum() or not sign.isascii() else f"#{ord(sign)};" for sign in shown
    )


def comments(analysis: Analysis) -> list[str]:
    """Return where the diagram comes from, one fact a line, for who reads its text."""
    facts = {key: value for key, value in provenance(analysis).items() if key not in _LONG}
    return [
        colons(f"%% {key}: {text(value if isinstance(value, str) else json.dumps(value), _MOST_COMMENT)}")
        for key, value in facts.items()
    ]


def colons(line: str) -> str:
    """Return a line with its colons as they are, which a person reads better.

    Not where mermaid would take what follows "style" or "classDef" and a colon for CSS, entities and all.
    """
    return line if "style" in line or "classDef" in line else line.replace("#58;", ":")
