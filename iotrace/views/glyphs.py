"""The signs of the pictures, in Unicode and in ASCII, and the pen that writes words in either.

A glyph repeats what a colour says, so that a picture without colours means the same. Measured things are
solid or stippled; bounded ones are hatched.
"""

from __future__ import annotations

from dataclasses import dataclass

from iotrace.escape import clean
from iotrace.language import N_, _
from iotrace.timeline import What

#: kind: (style, Unicode, ASCII, Unicode bounded, ASCII bounded, words)
_SIGNS: dict[What, tuple[str, str, str, str, str, str]] = {
    What.ABSENT: ("absent", " ", " ", " ", " ", ""),
    What.OWN: ("free", "─", "-", "─", "-", N_("own code")),
    What.NAP: ("free.nap", "╌", "~", "╌", "~", N_("asleep for its own reason")),
    What.BLOCKED_WAIT: ("phase.wait", "▒", "=", "╱", "/", N_("blocked in a wait")),
    What.BLOCKED_TRANSFER: ("phase.transfer", "▓", "%", "╲", "\\", N_("blocked in the transfer")),
    What.BLOCKED_OTHER: ("phase.other", "▚", "&", "╱", "/", N_("blocked in another call")),
    What.POLLING: ("phase.poll", "┊", ":", "┊", ":", N_("polling")),
    What.WAKING: ("phase.wake", "»", ">", "›", "}", N_("waking up")),
    What.CALL: ("call", "═", "+", "═", "+", N_("on a CPU, in a call")),
    What.COPY: ("phase.copy", "█", "#", "╳", "x", N_("copying")),
    What.OPEN: ("idle", "·", ".", "·", ".", N_("open")),
    What.WAITING: ("waiting", "░", "_", "╱", "/", N_("waiting for data")),
    What.UNREAD: ("unread", "▄", "u", "╲", "\\", N_("data ready, unread")),
    What.ACCEPTED: ("accept", "▼", "v", "▼", "v", N_("accept")),
    What.ROOM: ("phase.other", "▚", "&", "╱", "/", N_("a send waits for room")),
    What.LOST: ("lost", "?", "?", "?", "?", N_("events lost")),
}

_NARROW = "\u202f"  # the blank within numbers; harmless, though str.isprintable refuses it

#: Words of ours that ASCII lacks, with what stands for them. Widths differ: translate before laying out.
_ASCII = str.maketrans(
    {
        "·": "|", "×": "x", "µ": "u", "…": "...", "←": "<-", "→": "->", "≈": "~", "≤": "<=", "≥": ">=",
        "\u202f": " ", "–": "-", "—": "--", "’": "'", "“": '"', "”": '"', "╷": "|", "╎": "|", "✗": "!",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Pen:
    """Writes words and glyphs for one kind of terminal."""

    ascii: bool = False

    def __call__(self, text: str) -> str:
        """Return words for the terminal: signs translated, and whatever could harm it escaped."""
        if self.ascii:
            return clean(text.translate(_ASCII), ascii_only=True)
        return _NARROW.join(clean(part) for part in text.split(_NARROW))

    def glyph(self, what: What, bounded: bool = False) -> str:
        """Return the one-cell sign of a kind."""
        return _SIGNS[what][(2 if self.ascii else 1) + (2 if bounded else 0)]

    def inside(self, what: What) -> str:
        """Return the sign of a rare thing in a cell that something else fills."""
        if what == What.COPY:
            return "|" if self.ascii else "▌"
        return self.glyph(what)

    @property
    def blocks(self) -> str:
        """Return the signs of a level, from empty to full."""
        return " .:-=+*#" if self.ascii else " ▁▂▃▄▅▆▇█"

    @property
    def dot(self) -> str:
        """Return what stands between the facts of one line."""
        return " | " if self.ascii else " · "

    @property
    def ellipsis(self) -> str:
        """Return the mark of text that was cut."""
        return "..." if self.ascii else "…"


def style_of(what: What) -> str:
    """Return the name of the style of a kind."""
    return _SIGNS[what][0]


def words_of(what: What) -> str:
    """Return what a kind is called in a legend."""
    return _(_SIGNS[what][5])
