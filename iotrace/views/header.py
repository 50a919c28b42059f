"""The first lines of every view: what ran, how it was watched, and what could not be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.text import Text

from iotrace import refusals, wording
from iotrace.analysis.model import Analysis
from iotrace.analysis.unseen import passed_over, tasks_refused
from iotrace.language import N_, _
from iotrace.numbers import brief, counted, duration, grouped
from iotrace.timeline import alive_until
from iotrace.views.glyphs import Pen
from iotrace.views.layout import facts, wrap
from probes.contract import EVIDENCE

#: What is unseen without a kind of evidence; the others only refine these.
_WITHOUT = {
    "sleep": N_("sleeps"),
    "ready": N_("arrivals of data"),
    "copy": N_("copies"),
    "signal": N_("signals"),
    "ring": N_("io_uring's requests"),
}


def draw(analysis: Analysis, width: int, pen: Pen, tight: bool = False) -> Iterable[Text]:
    """Yield the header: one line of facts, then one for each thing that limits them.

    ``tight``: these in fewer words.
    """
    header = analysis.events.header
    processes = len({tgid for tgid, _, _ in analysis.threads})
    tasks = counted(len(analysis.threads), "{n} thread", "{n} threads")
    probe = str(header.get("probe", N_("unknown probe")))
    gone = Text(pen(_("{n} events lost").format(n=grouped(analysis.lost))))
    gone.stylize("warning" if analysis.lost else "none")
    several = counted(processes, "{n} process, {threads}", "{n} processes, {threads}", threads=tasks)
    parts = [
        Text(pen(wording.target(analysis)), "title"),
        Text(pen(_(wording.PROBES.get(probe, probe)))),
        Text(pen(brief(alive_until(analysis) - analysis.begin_ns))),
        Text(pen(several)),
        Text(pen(counted(sum(call.count for call in analysis.calls), "{n} call", "{n} calls"))),
        gone,
    ]
    if len(facts(parts, width, pen)) > 1 and processes == 1:
        parts[3] = Text(pen(tasks))
    yield from facts(parts, width, pen)
    yield from lost(analysis, width, pen)
    for note in _notes(analysis, tight):
        yield from wrap(note, width, pen, "muted")


def lost(analysis: Analysis, width: int, pen: Pen) -> Iterable[Text]:
    """Yield one line about lost events and when they were lost; nothing where none were."""
    if not analysis.lost and not analysis.gaps:
        return
    times = [
        _("{begin} and {end}").format(
            begin=duration(max(0, first - analysis.begin_ns)), end=duration(max(0, last - analysis.begin_ns))
        )
        for first, last, rows in analysis.gaps
    ]
    when = _(", ").join(times[:3])
    if len(times) > 3:
        when = _("{times} and {n} more gaps").format(times=when, n=len(times) - 3)
    words = (
        _("{n} events were lost between {times}: counts and shares are lower bounds")
        if times
        else _("{n} events were lost: counts and shares are lower bounds")
    )
    yield from wrap(words.format(n=grouped(analysis.lost), times=when), width, pen, "warning")


def _notes(analysis: Analysis, tight: bool) -> Iterable[str]:
    header = analysis.events.header
    missing = dict(header.get("missing") or {})
    cost = int(header.get("stop_cost_ns") or 0)
    evidence = header.get("evidence")
    if evidence:
        missing |= {name: "" for name in EVIDENCE if name not in evidence and name not in missing}
    lacking = {name: str(reason) for name, reason in missing.items() if name in _WITHOUT}
    if len(lacking) > 2 or (lacking and not all(lacking.values())):
        what = _(", ").join(_(_WITHOUT[name]) for name in _WITHOUT if name in lacking)
        if tight and cost:
            words = _("unseen by this probe: {what}; {time} a stop")
            yield words.format(what=what, time=duration(cost))
            cost = 0
        else:
            words = _("this probe does not see {what}: what follows from them is bounded (≈) or unseen (?)")
            yield words.format(what=what)
    else:
        for name, reason in lacking.items():
            words = _("{what} unseen, {reason}: what follows from it is bounded (≈)")
            yield words.format(what=_(_WITHOUT[name]), reason=refusals.said(reason))
    if cost:
        words = _("each traced call takes {time} longer for being stopped; the times shown contain it")
        yield words.format(time=duration(cost))
    if refused := tasks_refused(analysis.events):
        yield counted(
            refused,
            "{n} thread was not followed, there was no room for it: what it did is not recorded",
            "{n} threads were not followed, there was no room for them: what they did is not recorded",
        )
    if unseen := sum(passed_over(analysis.events).values()):
        yield counted(
            unseen,
            "{n} event on this host was passed over by the kernel: what hangs on it is bounded or unseen",
            "{n} events on this host were passed over by the kernel: what hangs on them is bounded or unseen",
        )
    if analysis.foreign:
        yield counted(
            analysis.foreign,
            "{n} call of another architecture (32-bit) counted, not decoded",
            "{n} calls of another architecture (32-bit) counted, not decoded",
        )
    if left_out := sum(note.get("left_out_rows", 0) for note in analysis.events.notes):
        words = _("the first {n} of {all} rows, as memory allows: `iotrace report` reads them all")
        read = len(analysis.events)
        yield words.format(n=grouped(read), all=grouped(read + left_out))
    if "options" in header and not any("produced" in note for note in analysis.events.notes):
        yield _("the recording has no end, it was cut off or goes on: what came later is not in it")
    if header.get("attached"):
        yield _("attached while it ran: a call that was under way then is not recorded")
    if helpers := _set_user_id(analysis):
        words = _("{programs}: set-user-ID had no effect, this probe without root sets no_new_privs")
        yield words.format(programs=", ".join(helpers))
    options = header.get("options")
    if isinstance(options, Mapping) and options.get("pin"):
        yield _("tracer and target shared one CPU (--pin)")


def _set_user_id(analysis: Analysis) -> list[str]:
    """Return the programs of :mod:`iotrace.capture.set_user_id`, as the recording names them."""
    told = [note.get("set_user_id") for note in analysis.events.notes]
    return [str(path) for paths in told if isinstance(paths, list) for path in paths]
