"""One operation as Stevens draws the models (UNP vol. 1, figures 6.1 to 6.5), from measured times.

Time flows down. Left the application, right the kernel; arrows are calls and returns. What comes after the
data are ready is a thousand times shorter than the wait, so it has a scale of its own, and the factor is
printed; both scales are linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from iotrace.analysis.matrix import spoken
from iotrace.analysis.model import Act, Analysis, Basis, Model
from iotrace.figures.crossings import BETWEEN, CALLED, COPY, END, READY, Scale, arrows
from iotrace.figures.meanings import OF_WHAT, WORDS, basis_words, stroke_of, timed
from iotrace.figures.metrics import fit, width
from iotrace.figures.model_words import described, subtitle, title
from iotrace.figures.page import BODY, LINE, NothingToDraw, Page, Request, compose, legend, legible, page
from iotrace.figures.placing import spread
from iotrace.figures.scene import Anchor, Brace, Group, Item, Line, Rect, Scene, Shape, Stroke, Text, walk
from iotrace.language import _, ngettext
from iotrace.numbers import factor, grouped
from iotrace.theme import Meaning
from iotrace.timeline import Course, Magnified, Spell, Step, What, course, magnify, rasterise, typical

#: The bars' width, and where the application's and the kernel's begin.
_BAR, _APPLICATION, _KERNEL = 56.0, 340.0, 632.0

#: What the second line of a try that returns at once takes below its first.
_BACK = 8.0

#: What pieces of an operation can be filled with and words beside the bar need not say.
_UNNAMED = (Meaning.POLL, Meaning.NAP, Meaning.OTHER, Meaning.LOST)

#: Below this factor one scale serves all.
_ONE_SCALE = 8.0


def model(request: Request) -> Scene:
    """Draw operation number ``request.operation`` (from 1, by its begin), or the median one.

    Raises :class:`NothingToDraw` where there is no operation, or not that one.
    """
    analysis, operation = request.analysis, request.operation
    chosen = typical(analysis) if operation is None else operation - 1
    count = len(analysis.operations)
    if chosen is None:
        raise NothingToDraw(
            _("no receive and no accept was seen in this recording: there is nothing to draw")
        )
    if not 0 <= chosen < count:
        raise NothingToDraw(
            _("there is no operation {n}: this recording has 1 to {all}").format(n=operation, all=count)
        )
    whole = magnify(analysis, chosen, operation is None)
    drawn = _Drawing(analysis, whole, course(analysis, chosen), page(request.aspect))
    return compose(
        "model", drawn.paper, title(analysis, whole), subtitle(whole, count), drawn.items(),
        [analysis], described(whole, drawn.scale),
    )  # fmt: skip


class _Drawing:
    """Lays one operation out: bars, braces and leaders, arrows."""

    def __init__(self, analysis: Analysis, whole: Magnified, spells: Course, paper: Page) -> None:
        self.analysis = analysis
        self.whole = whole
        self.spells = spells
        self.paper = paper
        self.op = analysis.operations[whole.index]
        self.ring = whole.model is Model.ASYNCHRONOUS
        self.scale = self._scale(0)
        self.unnamed = self._unnamed()
        if self.unnamed:
            self.scale = self._scale(LINE + 6)

    def _scale(self, legend: float) -> Scale:
        first, _unread, third = self.spells.spells
        begin, ready, end = first.begin_ns, first.end_ns, max(third.end_ns, first.begin_ns + 1)
        top, bottom = self.paper.top + 44, self.paper.bottom - 14 - legend
        if ready <= begin:
            return Scale(begin, begin, end, top, top, bottom)
        share = (ready - begin) / (end - begin)
        if share < 1 - 1 / _ONE_SCALE and share > 0.3:
            return Scale(begin, ready, end, top, top + share * (bottom - top), bottom)
        return Scale(begin, ready, end, top, top + (0.42 if share > 0.5 else 0.3) * (bottom - top), bottom)

    def items(self) -> list[Item]:
        """Return everything between the heading and the small print."""
        found: list[Item] = [*self._heads()]
        found += self._bars()
        found += self._ready_line()
        found += self._left()
        found += self._right()
        found += self._crossings()
        return found + legend(self.unnamed, self.paper.left, self.paper.bottom - 4, self.paper.width)

    def _unnamed(self) -> list[tuple[Meaning | Shape, str]]:
        """Return the fills of the application's bar that no words beside it name."""
        bars = walk(self._own_bars())
        seen = {bar.meaning for bar in bars if isinstance(bar, Rect) and (bar.plain or bar.height >= 4)}
        if int(self.op["tries"]):
            seen -= {Meaning.POLL}  # their arrows have words
        return [(meaning, _(WORDS[meaning])) for meaning in _UNNAMED if meaning in seen]

    def _heads(self) -> list[Item]:
        y = self.paper.top + 28
        return [  # the room between is the first arrow's
            Text(_APPLICATION + _BAR, y, _("application"), 20, anchor=Anchor.END, bold=True),
            Text(_KERNEL, y, _("kernel"), 20, bold=True),
        ]

    def _bars(self) -> list[Item]:
        found: list[Item] = []
        for number, spell in enumerate(self.spells.spells):
            step = (CALLED, BETWEEN, COPY)[number]
            top, bottom = self.scale(spell.begin_ns), self.scale(spell.end_ns)
            if bottom - top < 0.5:
                continue
            kernel = OF_WHAT[(What.WAITING, What.UNREAD, What.COPY)[number]]
            title = (_("waiting for data"), _("data ready, unread"), _("copying to the process"))[number]
            edge = stroke_of(spell.length_basis)
            bar = Rect(_KERNEL, top, _BAR, bottom - top, kernel, stroke=edge)
            length = timed(spell.length_ns, spell.length_basis)
            at = spell.begin_ns - self.analysis.begin_ns
            found.append(Group((bar,), _kernel(title, length), self._evidence(spell.begin_ns), step, at))
        found += self._own_bars()
        return found

    def _own_bars(self) -> list[Item]:
        """Return the threads' own lanes, cell by cell of a point.

        A bar that goes on in the next stage is drawn anew there, over its own begin: no edge divides it.
        """
        found: list[Item] = []
        bar: Rect | None = None
        for number, spell in enumerate(self.spells.spells):
            step = (CALLED, BETWEEN, COPY)[number]
            at = spell.begin_ns - self.analysis.begin_ns
            told = _application(timed(spell.length_ns, spell.length_basis))
            bars = self._application(spell)
            if bar and bars and isinstance(bars[0], Rect) and _alike(bar, bars[0]) and len(bars) == 1:
                bars = [replace(bar, height=bar.height + bars[0].height)]
            if bars:
                found.append(Group(tuple(bars), told, self._evidence(spell.begin_ns), step, at))
            bar = bars[0] if len(bars) == 1 and isinstance(bars[0], Rect) else None
        return found

    def _application(self, spell: Spell) -> list[Item]:
        """Return the lane of the thread at work in a spell as bars."""
        top, bottom = self.scale(spell.begin_ns), self.scale(spell.end_ns)
        if bottom - top < 0.5:
            return []
        cells = max(1, round(bottom - top))
        high = (bottom - top) / cells
        raster = rasterise(spell.process, spell.begin_ns, spell.end_ns, cells, tuple(self.analysis.gaps))
        found: list[Item] = []
        for run in raster.runs:
            if run.what is What.ABSENT:
                continue
            y, height = top + run.first * high, (run.last - run.first + 1) * high
            edge = Stroke.DASHED if run.bounded else Stroke.SOLID
            found.append(Rect(_APPLICATION, y, _BAR, height, OF_WHAT[run.what], height >= 3, stroke=edge))
        for mark in raster.marks:
            if mark.what is What.POLLING and raster.what[mark.cell] != What.POLLING:
                y = min(top + mark.cell * high, bottom - 2)
                found.append(Rect(_APPLICATION, y, _BAR, 2, Meaning.POLL, plain=True, weight=0.5))
        return found

    def _evidence(self, at_ns: int) -> str:
        step = next((step for step in reversed(self.whole.steps) if step.begin_ns <= at_ns), None)
        return f"{step.evidence}, {basis_words(step.basis)}" if step else ""

    def _ready_line(self) -> list[Item]:
        if not self._waited:
            return []
        y = self.scale.middle
        guide = Line(((_APPLICATION - 6, y), (_KERNEL + _BAR + 6, y)), Meaning.MUTED, 1.2, Stroke.DASHED)
        return [Group((guide,), _("data ready"), self._evidence(self.spells.spells[0].end_ns), READY)]

    @property
    def _waited(self) -> bool:
        return self.scale.middle > self.scale.top

    def _left(self) -> list[Item]:
        """Return what the application does: a brace for the wait, a leader for each piece after it."""
        x = _APPLICATION - 34
        room = x - self.paper.left
        found: list[Item] = []
        steps = list(self.whole.steps)
        if self._waited:
            first = steps.pop(0)
            title = self._short(first)
            length = timed(first.end_ns - first.begin_ns, first.length_basis)
            middle = (self.scale.top + self.scale.middle) / 2
            found.append(
                Group(
                    (
                        Brace(_APPLICATION - 8, self.scale.top, self.scale.middle - 1, right=False),
                        *_pair(x + 4, middle, title, length, room, Anchor.END),
                    ),
                    _application(first.text, length),
                    f"{first.evidence}, {basis_words(first.basis)}",
                    CALLED,
                )
            )
        if self.ring and not int(self.op["blocked2_ns"]):
            steps = [self._still_free(steps)] if steps else []
        most = int((self.scale.bottom - self.scale.middle + 8) // LINE)
        kept = _longest(steps, most)
        wanted = [(self.scale(step.begin_ns) + self.scale(step.end_ns)) / 2 for step in kept]
        low = self.scale.middle + (12 if self._waited else -4)
        placed = spread(wanted, [LINE] * len(kept), low, self.scale.bottom + 14)
        for step, true, y in zip(kept, wanted, placed, strict=True):
            length = timed(step.end_ns - step.begin_ns, step.length_basis)
            words = fit(self._short(step), room - width(length, BODY, True) - 10, BODY)
            value = Text(x, y + 6, length, BODY, anchor=Anchor.END, bold=True)
            text = Text(x - value.width - 8, y + 6, words, BODY, anchor=Anchor.END)
            leader = Line(
                ((x + 4, y), (x + 14, y), (_APPLICATION - 8, true), (_APPLICATION - 2, true)),
                Meaning.MUTED, 1.0,
            )  # fmt: skip
            number = COPY if step.what is What.COPY else BETWEEN
            found.append(
                Group(
                    (leader, value, text),
                    _application(step.text, length),
                    f"{step.evidence}, {basis_words(step.basis)}",
                    number,
                )
            )
        return found

    def _still_free(self, steps: Sequence[Step]) -> Step:
        """Return one piece for what an asynchronous operation's process does after the data are ready."""
        basis = min(step.length_basis for step in steps)
        words = _("free all the time")
        return Step(What.OWN, steps[0].begin_ns, steps[-1].end_ns, words, self.whole.end, basis, basis)

    def _right(self) -> list[Item]:
        """Return what the kernel does: braces for the phases, and the moments between them."""
        x = _KERNEL + _BAR + 8
        room = self.paper.right - x - 20
        first, second, third = self.spells.spells
        entries: list[tuple[float, float, str, str, float, float, int]] = []  # middle, room, words, ...
        scale = self.scale
        if self._waited:
            length = timed(first.length_ns, first.length_basis)
            entries.append(((scale.top + scale.middle) / 2, 2 * LINE, _("waiting for data"), length,
                            scale.top, scale.middle - 2, CALLED))  # fmt: skip
            ready = _("data ready")
            times = (
                _("from here {factor}").format(factor=factor(scale.magnified))
                if scale.magnified > 1.5
                else ""
            )
            entries.append((scale.middle, 2 * LINE if times else LINE, ready, times, 0, 0, READY))
        y = scale(second.begin_ns), scale(second.end_ns)
        if y[1] - y[0] >= 2 * LINE:
            length = timed(second.length_ns, second.length_basis)
            entries.append(((y[0] + y[1]) / 2 + 8, 2 * LINE, _("they lie unread"), length,
                            y[0] + 2, y[1] - 2, BETWEEN))  # fmt: skip
        if self.whole.act not in (Act.ACCEPT, Act.SEND):
            y = scale(third.begin_ns), scale(third.end_ns)
            who = _("a kernel thread copies") if self.spells.by_worker else _("copy to the process")
            entries.append(((y[0] + y[1]) / 2, 2 * LINE, who, timed(third.length_ns, third.length_basis),
                            y[0], y[1], COPY))  # fmt: skip
            entries.append((scale.bottom, LINE, _("copy complete"), "", 0, 0, END))
        else:
            entries.append((scale.bottom, LINE, _("handed over"), "", 0, 0, END))
        placed = spread(
            [entry[0] for entry in entries],
            [entry[1] for entry in entries],
            scale.top - 10,
            scale.bottom + 14,
        )
        found: list[Item] = []
        for (true, _room, words, more, top, bottom, step), y0 in zip(entries, placed, strict=True):
            items: list[Item] = []
            if bottom - top >= 20 and abs(true - y0) < 3:
                items.append(Brace(x, top, bottom))
            else:
                # Around the braces, whose points end at x + 12.
                way = (x - 4, true), (x + 13, true), (x + 16, y0), (x + 18, y0)
                items.append(Line(way, Meaning.MUTED, 1.0))
            moment = step == READY
            items += (
                _pair(x + 20, y0, words, more, room, Anchor.START, moment)
                if more
                else [Text(x + 20, y0 + 6, fit(words, room, BODY, True), BODY, bold=True)]
            )
            found.append(Group(tuple(items), _kernel(words, more), self._basis(step), step))
        return found

    def _short(self, step: Step) -> str:
        """Return a piece's words without what the picture itself says."""
        if step is self.whole.steps[0] and self._waited:
            tries = int(self.op["tries"])
            if step.what is What.OWN:
                return _free(tries) if tries else _("free for other work")
            return legible(step.text)
        if self.ring and step.what is What.COPY and not self.spells.by_worker:
            return _("its thread copies")
        if self.ring:
            return _("still free") if step.what is What.UNREAD else legible(step.text)
        if step.what is What.WAKING:
            return _("waking up")
        if step.what is What.UNREAD and step.evidence != "signal_generate":
            return _("not noticed yet")
        if step.what is What.OWN and step.evidence != "signal_deliver":
            return _("own code")
        if step.what is What.CALL:
            slept = step.evidence != "sys_enter" and int(self.op["wait"]) >= 0
            row = int(self.op["wait" if slept else "call"])
            code = int(self.analysis.events["code"][row]) if row >= 0 else -1
            return _("in {call}").format(call=spoken(code)) if code >= 0 else legible(step.text)
        return legible(step.text)

    def _basis(self, step: int) -> str:
        name = {READY: "ready_basis", COPY: "copy_basis", END: "end_basis"}.get(step, "begin_basis")
        return basis_words(Basis(int(self.op[name])))

    def _crossings(self) -> list[Item]:
        crossing = arrows(self.analysis, self.whole, self.scale)
        left, right = _APPLICATION + _BAR + 2, _KERNEL - 2
        wanted = [self.scale(arrow.at_ns) for arrow in crossing]
        backs = [_BACK if arrow.returns else 0.0 for arrow in crossing]
        placed = self._slots(
            [y - 8 + back / 2 for y, back in zip(wanted, backs, strict=True)], [LINE + back for back in backs]
        )
        found: list[Item] = []
        for arrow, true, middle, below in zip(crossing, wanted, placed, backs, strict=True):
            y = middle + 8 - below / 2
            way = [(left, true), (left + 22, y), (right - 22, y), (right, true)]
            if not arrow.to_kernel:
                way.reverse()
            words = fit(arrow.words, right - left - 50, BODY)
            text = Text((left + right) / 2, y - 7, words, BODY, arrow.meaning, Anchor.MIDDLE)
            lines = [Line(tuple(way), arrow.meaning, 1.6, head=True)]
            if arrow.returns:
                back = [(px, py + 6) for px, py in reversed(way)]
                lines.append(Line(tuple(back), arrow.meaning, 1.6, head=True))
            found.append(Group((*lines, text), arrow.words, arrow.evidence, arrow.step,
                               arrow.at_ns - self.analysis.begin_ns))  # fmt: skip
        return found

    def _slots(self, wanted: list[float], sizes: list[float]) -> list[float]:
        """Return the middles of the arrows with their texts: those of the wait above “data ready”."""
        scale = self.scale
        above = sum(1 for y in wanted if y + 8 <= scale.middle) if self._waited else 0
        first = spread(wanted[:above], sizes[:above], scale.top - 22, scale.middle - 2)
        low = scale.middle + 4 if self._waited else scale.top - 22
        return first + spread(wanted[above:], sizes[above:], low, scale.bottom + 14)


def _alike(one: Rect, other: Rect) -> bool:
    return one.meaning is other.meaning and one.stroke is other.stroke


def _free(tries: int) -> str:
    failed = ngettext("{n} failed try", "{n} failed tries", tries).format(n=grouped(tries))
    return _("free; {tries}").format(tries=failed)


def _application(*words: str) -> str:
    return _("application: {words}").format(words=_listed(words))


def _kernel(*words: str) -> str:
    return _("kernel: {words}").format(words=_listed(words))


def _listed(words: Sequence[str]) -> str:
    return _(", ").join(filter(None, words))


def _longest(steps: Sequence[Step], most: int) -> list[Step]:
    if len(steps) <= most:
        return list(steps)
    kept = sorted(range(len(steps)), key=lambda at: steps[at].begin_ns - steps[at].end_ns)[:most]
    return [steps[at] for at in sorted(kept)]


def _pair(
    x: float, middle: float, words: str, more: str, room: float, anchor: Anchor, bold_first: bool = False
) -> list[Item]:
    """Return two lines around a height: words, and a number or a remark under them."""
    return [
        Text(x, middle - 5, fit(words, room, BODY, bold_first), BODY, anchor=anchor, bold=bold_first),
        Text(x, middle + 17, fit(more, room, BODY, not bold_first), BODY,
             Meaning.MUTED if bold_first else Meaning.TEXT, anchor, not bold_first),
    ]  # fmt: skip
