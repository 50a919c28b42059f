"""One operation: its calls and returns, and each piece between them with its length and evidence."""

from __future__ import annotations

from collections.abc import Sequence

from iotrace import wording
from iotrace.analysis.model import Act, Analysis, Basis
from iotrace.exporters.mermaid.sequence import Moment, Participant, diagram
from iotrace.exporters.mermaid.words import BREAK, text
from iotrace.figures import Scene
from iotrace.figures.crossings import Arrow, Scale, arrows
from iotrace.figures.meanings import timed
from iotrace.language import _
from iotrace.numbers import size
from iotrace.timeline import Magnified, Step, What, magnify, typical

#: Room for as many failed tries as the figure shows at most.
_ROOM = 1000.0


def lines(analysis: Analysis, scene: Scene, operation: int | None) -> Sequence[str]:
    """Return the diagram of the operation that the figure shows."""
    index = typical(analysis) if operation is None else operation - 1
    assert index is not None  # the figure was drawn
    whole = magnify(analysis, index, operation is None)
    begin, ready = whole.steps[0].begin_ns, int(analysis.operations["ready_ns"][index])
    crossing = arrows(analysis, whole, Scale(begin, whole.fine_ns, whole.end_ns, 0.0, _ROOM, 2 * _ROOM))
    last = crossing[-1] if crossing and crossing[-1].at_ns == whole.end_ns else None
    moments = [_ready(analysis, whole, ready), *(_arrow(each) for each in crossing if each is not last)]
    moments += [_piece(each) for each in whole.steps]  # after the call or return that they begin with
    moments += [_arrow(last)] if last else []
    columns = [
        Participant("P", _peer(analysis, whole)),
        Participant("K", _("kernel")),
        Participant("A", _("application")),
    ]
    return diagram(analysis, scene, columns, moments, begin)


def _peer(analysis: Analysis, whole: Magnified) -> str:
    if not 0 <= whole.life < len(analysis.descriptors):
        return _("the other side")
    return f"fd {whole.fd} {wording.descriptor(analysis.descriptors[whole.life])}"


def _ready(analysis: Analysis, whole: Magnified, at_ns: int) -> Moment:
    basis = Basis(int(analysis.operations["ready_basis"][whole.index]))
    if whole.act is Act.SEND:
        return Moment(at_ns, "P->>K", text(_("room in the buffer")), basis)
    sent = (
        _("connects") if whole.act is Act.ACCEPT else _("{size}: data ready").format(size=size(whole.bytes))
    )
    return Moment(at_ns, "P->>K", text(sent), basis)


def _arrow(arrow: Arrow) -> Moment:
    where = "A->>K" if arrow.to_kernel else "K-->>A"
    return Moment(arrow.at_ns, where, text(arrow.words))


def _piece(step: Step) -> Moment:
    """Return what lasted, over whom it concerns."""
    copied = step.what is What.COPY
    where = "Note over K,A" if copied else "Note over K" if step.what is What.UNREAD else "Note over A"
    length = timed(step.end_ns - step.begin_ns, step.length_basis)
    words = BREAK.join((text(step.text), text(length), text(f"{step.evidence} · {step.basis.label}")))
    return Moment(step.begin_ns, where, words, step.basis)
