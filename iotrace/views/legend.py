"""What the signs of a picture mean: those that occur in it, no others."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from iotrace.analysis.matrix import spoken
from iotrace.language import N_, _
from iotrace.timeline import BLOCKED, What
from iotrace.views.glyphs import Pen, style_of, words_of
from iotrace.views.layout import clip

_SILENT = (What.ABSENT,)


class Seen:
    """Collects the signs that a picture used."""

    def __init__(self) -> None:
        self._kinds: set[tuple[What, bool]] = set()
        self._inside: set[What] = set()
        self._calls: dict[What, set[str]] = {}
        self._level = False

    def add(self, what: What, bounded: bool, code: int) -> None:
        """Note that a kind fills some cells, in the call ``code`` (-1: several or none)."""
        self._kinds.add((what, bounded))
        if code >= 0:
            self._calls.setdefault(what, set()).add(spoken(code))

    def add_inside(self, what: What) -> None:
        """Note that a rare kind stands in a cell of another."""
        self._inside.add(what)

    def add_level(self) -> None:
        """Note that the fill of a buffer is drawn."""
        self._level = True

    def draw(self, width: int, pen: Pen, tail: str = "") -> Iterable[Text]:
        """Yield the legend, entries separated by blanks, ``tail`` at its end."""
        entries = [
            Text.assemble(
                (pen.glyph(what, bounded), self._style(what, bounded)),
                (pen(f" {self._words(what, bounded)}"), "muted"),
            )
            for what, bounded in sorted(self._kinds)
            if what not in _SILENT
        ]
        for what in sorted(self._inside):
            if (what, False) not in self._kinds or pen.inside(what) != pen.glyph(what):
                words = pen(f" {_(_WITHIN[what]) if what in _WITHIN else words_of(what)}")
                entries.append(Text.assemble((pen.inside(what), _mark(what)), (words, "muted")))
        if self._level:
            words = pen(" " + _("≈ bytes in the buffer, by calls that returned"))
            entries.append(Text.assemble((pen.blocks[2::3], "level"), (words, "muted")))
        if tail:
            entries.append(Text(pen(tail), "muted"))
        line = Text()
        for entry in entries:
            if line.cell_len and line.cell_len + 3 + entry.cell_len > width:
                yield clip(line, width, pen)
                line = Text()
            line.append("   " if line.cell_len else "").append_text(entry)
        if line.cell_len:
            yield clip(line, width, pen)

    def _words(self, what: What, bounded: bool) -> str:
        calls = self._calls.get(what, set())
        words = words_of(what)
        if what in BLOCKED and 1 <= len(calls) <= 2:
            words = _("blocked in {call}").format(call=_(" and ").join(sorted(calls)))
        return _("{what}, bounded").format(what=words) if bounded else words

    @staticmethod
    def _style(what: What, bounded: bool) -> str:
        return "phase.copy.bounded" if what == What.COPY and bounded else style_of(what)


_WITHIN = {What.COPY: N_("a copy within the cell"), What.POLLING: N_("a failed try within the cell")}


def _mark(what: What) -> str:
    return "poll.mark" if what == What.POLLING else style_of(what)
