"""Clients, kernel and server: what was sent, who was woken, which call took it, when."""

from __future__ import annotations

from collections.abc import Sequence

from iotrace import wording
from iotrace.analysis.matrix import spoken
from iotrace.analysis.model import Act, Analysis, Basis
from iotrace.exporters.mermaid.sequence import Moment, Participant, diagram
from iotrace.exporters.mermaid.words import text
from iotrace.figures import Scene
from iotrace.figures.conversation import most
from iotrace.figures.meanings import timed
from iotrace.figures.messages import Message, messages
from iotrace.figures.page import page
from iotrace.language import _
from iotrace.numbers import size
from probes.events import Kind

#: The page of the figure whose messages are shown: it has room for eight.
ASPECT = "4:3"

#: More clients, or more threads, than this share a column, and are named beside their arrows.
_COLUMNS = 6


def lines(analysis: Analysis, scene: Scene, operation: int | None) -> Sequence[str]:
    """Return the diagram of the messages that the figure shows."""
    found = messages(analysis, most(page(ASPECT)), operation)
    return _Diagram(analysis, found.messages).lines(scene)


class _Diagram:
    """Collects what happened to some messages."""

    def __init__(self, analysis: Analysis, told: Sequence[Message]) -> None:
        self.analysis = analysis
        self.told = told
        self.lives = list(dict.fromkeys(each.life for each in told))
        waits = [int(analysis.operations["wait"][each.index]) for each in told]
        self.waits = list(dict.fromkeys(wait for wait in waits if wait >= 0))
        tids = [each.tid for each in told] + [int(analysis.events["tid"][row]) for row in self.waits]
        self.tids = list(dict.fromkeys(tids))

    def lines(self, scene: Scene) -> Sequence[str]:
        """Return the whole diagram."""
        columns = [*self._clients(), Participant("K", _("kernel")), *self._threads()]
        moments = [moment for each in self.told for moment in self._of(each)]
        moments += [moment for row in self.waits for moment in self._wait(row)]
        return diagram(self.analysis, scene, columns, moments, self.analysis.begin_ns)

    def _clients(self) -> list[Participant]:
        if len(self.lives) > _COLUMNS:
            return [Participant("C", _("clients"))]
        return [Participant(self._client(life), self._name(life)) for life in self.lives]

    def _threads(self) -> list[Participant]:
        if len(self.tids) > _COLUMNS:
            return [Participant("S", _("server"))]
        return [
            Participant(self._thread(tid), _("server: thread {tid}").format(tid=tid)) for tid in self.tids
        ]

    def _client(self, life: int) -> str:
        return "C" if len(self.lives) > _COLUMNS else f"C{life}"

    def _thread(self, tid: int) -> str:
        return "S" if len(self.tids) > _COLUMNS else f"S{tid}"

    def _name(self, life: int) -> str:
        what = self.analysis.descriptors[life]
        return f"fd {what.fd} {wording.descriptor(what)}"

    def _of(self, message: Message) -> list[Moment]:
        """Return the moments of one message; those of its wait are told once for all that it announced."""
        client, server = self._client(message.life), self._thread(message.tid)
        who = f"{text(self._name(message.life), 30)} · " if client == "C" else ""
        by = _("thread {tid}").format(tid=message.tid) + " · " if server == "S" else ""
        accepts = message.act is Act.ACCEPT
        moved = size(message.bytes)
        sent = _("connects") if accepts else _("{size}: data ready").format(size=moved)
        found = [Moment(message.ready_ns, f"{client}->>K", f"{who}{text(sent)}", message.basis)]
        if message.woken_by:
            wakes = _("wakes thread {tid} (by {waker})").format(tid=message.tid, waker=message.woken_by)
            found.append(Moment(message.ready_ns, f"K-->>{server}", text(wakes), message.basis))
        found += self._called(message, server, f"{by}{who}")
        lay = timed(message.taken_ns - message.ready_ns, message.basis)
        taken = _("{call} returns a connection") if accepts else _("{call} copies {size}")
        words = taken.format(call=message.call, size=moved) + " · " + _("it lay {time}").format(time=lay)
        column = "end_basis" if accepts else "copy_basis"
        basis = Basis(int(self.analysis.operations[column][message.index]))
        found.append(Moment(message.taken_ns, f"K->>{server}", f"{by}{who}{text(words)}", basis))
        return found

    def _called(self, message: Message, server: str, before: str) -> list[Moment]:
        """Return the call that took a message, or the request that the kernel took it for."""
        events, op = self.analysis.events, self.analysis.operations[message.index]
        call = int(op["call"])
        if call < 0:
            return []
        if int(events["kind"][call]) == Kind.RING:
            words, at_ns = _("submits to io_uring"), int(op["begin_ns"])
            return [Moment(at_ns, f"{server}->>K", f"{before}{text(words)}", Basis(int(op["begin_basis"])))]
        words = _("{call} on fd {fd}").format(call=message.call, fd=int(op["fd"]))
        return [Moment(int(events["enter_ns"][call]), f"{server}->>K", f"{before}{text(words)}")]

    def _wait(self, row: int) -> list[Moment]:
        """Return the call and the return of a wait."""
        events = self.analysis.events
        server, name = self._thread(int(events["tid"][row])), spoken(int(events["code"][row]))
        by = _("thread {tid}").format(tid=int(events["tid"][row])) + " · " if server == "S" else ""
        returns = _("{call} returns: readable").format(call=name)
        return [
            Moment(int(events["enter_ns"][row]), f"{server}->>K", f"{by}{text(name)}"),
            Moment(int(events["exit_ns"][row]), f"K-->>{server}", f"{by}{text(returns)}"),
        ]
