"""Who sent, when it lay ready, who took it: clients, kernel buffers and server as a sequence diagram.

Every row is a moment; time flows down, but the rows are evenly spaced, and the times stand beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from iotrace import wording
from iotrace.analysis.model import Act, Analysis
from iotrace.figures.meanings import basis_words, stroke_of, timed
from iotrace.figures.messages import Message, messages
from iotrace.figures.metrics import fit, width
from iotrace.figures.page import BODY, Page, Request, compose, legible, page
from iotrace.figures.scene import Anchor, Group, Item, Line, Rect, Scene, Stroke, Text
from iotrace.language import _, ngettext
from iotrace.numbers import duration, grouped, size
from iotrace.theme import Meaning

_ROW = 31.0
_CLIENTS, _BUFFERS, _SERVER = 290.0, (410.0, 580.0), 690.0  # where the lines of life are
_BUFFER = 26.0  # the most that a buffer's bar is wide


@dataclass(frozen=True)
class _Row:
    """A moment of a message."""

    at_ns: int
    message: int
    taken: bool


def conversation(request: Request) -> Scene:
    """Draw as many operations as fit, from ``request.operation`` on, or where most messages overtook others.

    Raises :class:`~iotrace.figures.page.NothingToDraw` where nothing was received or accepted.
    """
    analysis = request.analysis
    paper = page(request.aspect)
    found = messages(analysis, most(paper), request.operation)
    drawn = _Drawing(analysis, found.messages, paper)
    late = sum(1 for one, other in pairwise(found.messages) if one.ready_ns > other.ready_ns)
    last = found.first + len(found.messages)
    where = _("messages {first} to {last} of {all}").format(
        first=grouped(found.first + 1), last=grouped(last), all=grouped(found.of)
    )
    order = _("taken in the order of arrival")
    if late:
        order = ngettext("{n} message overtaken", "{n} messages overtaken", late).format(n=grouped(late))
    rows = _("rows are moments, not to scale")
    return compose(
        "conversation", paper, _("Who waits for whom: {program}").format(program=wording.target(analysis)),
        f"{where} · {order} · {rows}", drawn.items(), [analysis],
        "\n".join(map(drawn.told, found.messages)),
    )  # fmt: skip


def most(paper: Page) -> int:
    """Return how many messages a page has room for."""
    return int((paper.bottom - paper.top - 50) // _ROW) // 2


class _Drawing:
    """Lays rows out, with a line of life a buffer."""

    def __init__(self, analysis: Analysis, messages: Sequence[Message], paper: Page) -> None:
        self.analysis = analysis
        self.messages = messages
        self.paper = paper
        rows = [_Row(each.ready_ns, number, False) for number, each in enumerate(messages)]
        rows += [_Row(each.taken_ns, number, True) for number, each in enumerate(messages)]
        self.rows = sorted(rows, key=lambda row: (row.at_ns, row.taken))
        self.top = paper.top + 52
        lives = list(dict.fromkeys(each.life for each in messages))
        pitch = (_BUFFERS[1] - _BUFFERS[0]) / max(1, len(lives))
        self.bar = min(_BUFFER, pitch - 3)
        self.x = {life: _BUFFERS[0] + (number + 0.5) * pitch for number, life in enumerate(lives)}

    def told(self, message: Message) -> str:
        """Say one message in a sentence."""
        name = legible(self._name(message.life))
        lay = duration(message.taken_ns - message.ready_ns)
        ready = duration(message.ready_ns - self.analysis.begin_ns)
        what = _("a connection") if message.act is Act.ACCEPT else size(message.bytes)
        told = _("{name}: {what} ready at {ready}, lay {lay}, taken by {call} of thread {tid}").format(
            name=name, what=what, ready=ready, lay=lay, call=message.call, tid=message.tid
        )
        if message.woken_by:
            told += _("; thread {tid} was woken for it by {by}").format(tid=message.tid, by=message.woken_by)
        return told

    def items(self) -> list[Item]:
        """Return everything between the heading and the small print."""
        height = {}
        for number, row in enumerate(self.rows):
            height[(row.message, row.taken)] = self.top + number * _ROW
        last = self.top + (len(self.rows) - 1) * _ROW + 12
        y = self.paper.top + 18
        found: list[Item] = [
            Text(_CLIENTS, y, _("clients"), 20, anchor=Anchor.MIDDLE, bold=True),
            Text(sum(_BUFFERS) / 2, y, _("kernel buffers"), 20, anchor=Anchor.MIDDLE, bold=True),
            Text(_SERVER, y, _("server"), 20, anchor=Anchor.MIDDLE, bold=True),
            Text(self.paper.right, y, _("lay unread"), BODY, Meaning.MUTED, Anchor.END),
            Line(((_CLIENTS, y + 10), (_CLIENTS, last)), Meaning.MUTED, 1.2),
            Line(((_SERVER, y + 10), (_SERVER, last)), Meaning.MUTED, 1.2),
        ]
        found += [Line(((x, y + 10), (x, last)), Meaning.RULE, 1.2) for x in self.x.values()]
        for number, message in enumerate(self.messages):
            top, bottom = height[(number, False)], height[(number, True)]
            x = self.x[message.life]
            bar = Rect(
                x - self.bar / 2, top, self.bar, bottom - top, Meaning.READY, stroke=stroke_of(message.basis)
            )
            lay = message.taken_ns - message.ready_ns
            told = _("data lie ready {time}").format(time=timed(lay, message.basis))
            basis = basis_words(message.basis)
            begun = replace(bar, height=min(bar.height, _ROW / 2))  # until the whole is drawn over it
            found.append(Group((begun,), told, basis, self._step(number, False)))
            found.append(Group((bar,), told, basis, self._step(number, True)))
        for number, row in enumerate(self.rows):
            found.append(self._row(row, self.top + number * _ROW))
        return found

    def _step(self, message: int, taken: bool) -> int:
        return next(
            number for number, row in enumerate(self.rows, 1) if (row.message, row.taken) == (message, taken)
        )

    def _row(self, row: _Row, y: float) -> Group:
        message = self.messages[row.message]
        x = self.x[message.life]
        at = row.at_ns - self.analysis.begin_ns
        time = Text(self.paper.left + 92, y + 6, _moment(at), BODY, Meaning.MUTED, Anchor.END)
        items: list[Item] = [time]
        accepts = message.act is Act.ACCEPT
        if not row.taken:
            room = _CLIENTS - self.paper.left - 110
            name = legible(self._name(message.life))
            if width(name, BODY) > room:  # its own name says more than its kind
                name = fit(name.partition(" ")[2] or name, room, BODY)
            items.append(Text(_CLIENTS - 10, y + 6, name, BODY, anchor=Anchor.END))
            items.append(Line(((_CLIENTS, y), (x - self.bar / 2, y)), Meaning.READY, 1.8, head=True))
            words = _("connects") if accepts else size(message.bytes)
            if width(words, BODY) + 14 < _BUFFERS[0] - _CLIENTS:
                items.append(Text((_CLIENTS + _BUFFERS[0]) / 2, y - 5, words, BODY, anchor=Anchor.MIDDLE))
            if message.woken_by:
                items.append(
                    Line(((x + self.bar / 2, y), (_SERVER - 2, y)), Meaning.WAKE, 1.6, Stroke.DASHED, True)
                )
                who = fit(_("wakes {tid}").format(tid=message.tid), self.paper.right - _SERVER - 10, BODY)
                items.append(Text(_SERVER + 10, y + 6, who, BODY, Meaning.WAKE))
        else:
            items.append(Line(((x + self.bar / 2, y), (_SERVER - 2, y)), Meaning.COPY, 2.0, head=True))
            lay = timed(message.taken_ns - message.ready_ns, message.basis)
            room = self.paper.right - _SERVER - 14
            value = Text(self.paper.right, y + 6, lay, BODY, Meaning.MUTED, Anchor.END)
            call = fit(message.call, room - value.width - 8, BODY)
            items += [Text(_SERVER + 10, y + 6, call, BODY, bold=False), value]
        return Group(tuple(items), self.told(message), basis_words(message.basis), self._number(row), at)

    def _number(self, row: _Row) -> int:
        return self.rows.index(row) + 1

    def _name(self, life: int) -> str:
        return wording.descriptor(self.analysis.descriptors[life])


def _moment(ns: int) -> str:
    """Write a time since the begin, to a tenth of a millisecond."""
    return f"{ns / 1e6:.1f} ms" if ns < 10**9 else f"{ns / 1e9:.3f} s"
