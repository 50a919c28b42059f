"""The words around one operation's figure: what it is called, which one it is, and all of it as text."""

from __future__ import annotations

from iotrace import wording
from iotrace.analysis.model import Analysis, Model
from iotrace.figures.crossings import Scale
from iotrace.figures.meanings import timed
from iotrace.language import N_, _
from iotrace.numbers import factor, grouped, size
from iotrace.timeline import Magnified

_TITLES = {
    Model.BLOCKING: N_("Blocking I/O"),
    Model.NONBLOCKING: N_("Non-blocking I/O"),
    Model.MULTIPLEXING: N_("I/O multiplexing"),
    Model.SIGNAL_DRIVEN: N_("Signal-driven I/O"),
    Model.ASYNCHRONOUS: N_("Asynchronous I/O"),
    Model.MIXED: N_("I/O of several models"),
    Model.UNKNOWN: N_("I/O of an unknown model"),
}


def title(analysis: Analysis, whole: Magnified) -> str:
    """Say which model, and which program followed it."""
    program = wording.target(analysis)
    return _("{model}, as {program} did it").format(model=_(_TITLES[whole.model]), program=program)


def subtitle(whole: Magnified, count: int) -> str:
    """Say which of ``count`` operations is drawn, and why that one."""
    if not whole.typical:
        why = _("as asked, of {all}").format(all=grouped(count))
    elif whole.waited:
        why = _("the median of {n} that had to wait").format(n=grouped(whole.of))
    else:
        why = _("the median of {n} that found their data there").format(n=grouped(whole.of))
    moved = f" · {size(whole.bytes)}" if whole.bytes > 0 else ""
    name = _("{act} on fd {fd}").format(act=_(wording.ACTS[whole.act]), fd=whole.fd)
    chosen = _("operation {n}: {why}").format(n=grouped(whole.index + 1), why=why)
    return f"{name}{moved} · {chosen}"


def described(whole: Magnified, scale: Scale) -> str:
    """Tell the operation piece by piece, each with its evidence: for who cannot see the picture."""
    lines = [
        f"{timed(step.end_ns - step.begin_ns, step.length_basis)}: {step.text} ({step.evidence})"
        for step in whole.steps
    ]
    lines.append(_("Then the data are in the process ({evidence}).").format(evidence=whole.end))
    if scale.magnified > 1:
        lines.append(
            _("What follows “data ready” is magnified {factor}.").format(factor=factor(scale.magnified))
        )
    return "\n".join(lines)
