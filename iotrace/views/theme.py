"""The theme (:mod:`iotrace.theme`) as a terminal's styles, named by meaning.

Filled segments bring their own background and dark ink, so they read the same on light and dark
terminals; thin ones use the middle of the palette, which stands off both. Words keep the terminal's
own colour, and grey is ``dim`` of it.
"""

from __future__ import annotations

from rich.theme import Theme

from iotrace.theme import HUES, LIGHT, Meaning

_DARK_INK = LIGHT[Meaning.WAIT].ink


def _filled(meaning: Meaning) -> str:
    return f"{LIGHT[meaning].stroke} on {LIGHT[meaning].fill}"


def _ink(meaning: Meaning) -> str:
    return f"bold {LIGHT[meaning].ink} on {LIGHT[meaning].fill}"


def _on(meaning: Meaning) -> str:
    return f"bold #FFFFFF on {HUES[meaning]}"


STYLES = {
    # Lanes: the fill, and the ink of words inside it (".ink").
    "phase.wait": _filled(Meaning.WAIT),
    "phase.wait.ink": _ink(Meaning.WAIT),
    "phase.transfer": _filled(Meaning.TRANSFER),
    "phase.transfer.ink": _ink(Meaning.TRANSFER),
    "phase.other": _filled(Meaning.OTHER),
    "phase.other.ink": _ink(Meaning.OTHER),
    "phase.poll": _filled(Meaning.POLL),
    "phase.poll.ink": _ink(Meaning.POLL),
    "poll.mark": f"bold {HUES[Meaning.POLL]}",
    "phase.wake": _filled(Meaning.WAKE),
    "phase.wake.ink": _ink(Meaning.WAKE),
    "phase.copy": f"bold {HUES[Meaning.COPY]}",
    "phase.copy.bounded": _on(Meaning.COPY),
    "phase.copy.ink": _on(Meaning.COPY),
    "call": HUES[Meaning.CALL],
    "call.ink": f"bold {HUES[Meaning.CALL]}",
    "free": HUES[Meaning.FREE],
    "free.ink": HUES[Meaning.FREE],
    "free.nap": HUES[Meaning.NAP],
    "free.nap.ink": HUES[Meaning.NAP],
    "waiting": HUES[Meaning.EMPTY],
    "waiting.ink": "default",
    "unread": HUES[Meaning.READY],
    "unread.ink": "default",
    "level": HUES[Meaning.READY],
    "level.ink": f"bold {_DARK_INK} on {HUES[Meaning.READY]}",
    "accept": f"bold {HUES[Meaning.COPY]}",
    "idle": "dim",
    "idle.ink": "dim",
    "absent": "none",
    "lost": _on(Meaning.LOST),
    # Words: their hues a little darker or lighter than the palette, to stand off white and black alike.
    "title": "bold",
    "muted": "dim",
    "verdict": "bold",
    "verdict.mark": _on(Meaning.COPY),
    "heading": "bold",
    "number": "none",
    "basis.measured": "none",
    "basis.bounded": "italic",
    "basis.unseen": "dim italic",
    "share.blocked": "bold #B87A00",
    "share.copy": "bold #1F82C0",
    "share.polling": "bold",
    "share.free": f"bold {HUES[Meaning.FREE]}",
    "warning": f"bold {HUES[Meaning.LOST]}",
    "signal": f"bold {HUES[Meaning.WAKE]}",
    "lesson": f"bold {HUES[Meaning.FREE]}",
    "command": "bold",
    "axis": "dim",
}

#: The same signs in a list: in the colour of the fill, but unfilled, so that they do not join the picture.
STYLES |= {
    f"{name}.swatch": style.partition(" on ")[2] or style
    for name, style in STYLES.items()
    if not name.endswith(".ink")
}

#: A rare thing drawn in a cell that another fills: the sign in its own colour, on the other's fill.
_SIGNS = {
    "phase.copy": HUES[Meaning.COPY],
    "accept": HUES[Meaning.COPY],
    "poll.mark": LIGHT[Meaning.POLL].stroke,
}
_FILLS = {
    "phase.wait": LIGHT[Meaning.WAIT].fill,
    "phase.transfer": LIGHT[Meaning.TRANSFER].fill,
    "phase.other": LIGHT[Meaning.OTHER].fill,
    "phase.poll": LIGHT[Meaning.POLL].fill,
    "phase.wake": LIGHT[Meaning.WAKE].fill,
}
STYLES |= {
    f"{sign}@{fill}": f"bold {ink} on {ground}"
    for sign, ink in _SIGNS.items()
    for fill, ground in _FILLS.items()
}

THEME = Theme(STYLES)
