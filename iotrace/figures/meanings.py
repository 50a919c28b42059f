"""What a moment on a lane means to the theme, and what it is called in a figure."""

from __future__ import annotations

from iotrace.analysis.model import Basis
from iotrace.figures.scene import Stroke
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

WORDS: dict[Meaning, str] = {
    Meaning.WAIT: "blocked in a wait",
    Meaning.TRANSFER: "blocked in the transfer",
    Meaning.OTHER: "blocked in another call",
    Meaning.POLL: "a failing try",
    Meaning.WAKE: "waking up",
    Meaning.CALL: "on a CPU, in a call",
    Meaning.COPY: "copying",
    Meaning.FREE: "free: own code",
    Meaning.NAP: "asleep for its own reason",
    Meaning.EMPTY: "waiting for data",
    Meaning.READY: "data ready, unread",
    Meaning.IDLE: "open, nobody waits",
    Meaning.LOST: "events lost",
}


def stroke_of(basis: Basis) -> Stroke:
    """Return the outline of what is known so well."""
    return {Basis.MEASURED: Stroke.SOLID, Basis.BOUNDED: Stroke.DASHED, Basis.UNSEEN: Stroke.DOTTED}[basis]


def timed(ns: int, basis: Basis) -> str:
    """Write a duration with the mark of its basis."""
    return {Basis.MEASURED: "", Basis.BOUNDED: "≈ ", Basis.UNSEEN: "? "}[basis] + duration(ns)
