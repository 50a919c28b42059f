"""What a moment on a lane means to the theme, and what it is called in a figure."""

from __future__ import annotations

from iotrace.analysis.model import Basis
from iotrace.figures.scene import Stroke
from iotrace.language import N_, _
from iotrace.numbers import duration
from iotrace.theme import Meaning
from iotrace.timeline import What

OF_WHAT: dict[What, Meaning] = {
    What.OWN: Meaning.FREE,
    What.NAP: Meaning.NAP,
    What.BLOCKED_WAIT: Meaning.WAIT,
    What.BLOCKED_TRANSFER: Meaning.TRANSFER,
    What.BLOCKED_OTHER: Meaning.OTHER,
    What.POLLING: Meaning.POLL,
    What.WAKING: Meaning.WAKE,
    What.CALL: Meaning.CALL,
    What.COPY: Meaning.COPY,
    What.OPEN: Meaning.IDLE,
    What.WAITING: Meaning.EMPTY,
    What.UNREAD: Meaning.READY,
    What.ACCEPTED: Meaning.COPY,
    What.ROOM: Meaning.OTHER,
    What.LOST: Meaning.LOST,
}

#: Messages: what reads them translates them.
WORDS: dict[Meaning, str] = {
    Meaning.WAIT: N_("blocked in a wait"),
    Meaning.TRANSFER: N_("blocked in the transfer"),
    Meaning.OTHER: N_("blocked in another call"),
    Meaning.POLL: N_("a failing try"),
    Meaning.WAKE: N_("waking up"),
    Meaning.CALL: N_("on a CPU, in a call"),
    Meaning.COPY: N_("copying"),
    Meaning.FREE: N_("free: own code"),
    Meaning.NAP: N_("asleep for its own reason"),
    Meaning.EMPTY: N_("waiting for data"),
    Meaning.READY: N_("data ready, unread"),
    Meaning.IDLE: N_("open, nobody waits"),
    Meaning.LOST: N_("events lost"),
}


_BASES = {
    Basis.MEASURED: N_("measured"),
    Basis.BOUNDED: N_("bounded"),
    Basis.UNSEEN: N_("unseen"),
}


def basis_words(basis: Basis) -> str:
    """Say how well something is known."""
    return _(_BASES[basis])


def stroke_of(basis: Basis) -> Stroke:
    """Return the outline of what is known so well."""
    return {Basis.MEASURED: Stroke.SOLID, Basis.BOUNDED: Stroke.DASHED, Basis.UNSEEN: Stroke.DOTTED}[basis]


def timed(ns: int, basis: Basis) -> str:
    """Write a duration with the mark of its basis."""
    return {Basis.MEASURED: "", Basis.BOUNDED: "≈ ", Basis.UNSEEN: "? "}[basis] + duration(ns)
