"""``iotrace calls``: one line a call, as strace writes it, and after it how its time was spent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.choosing import MAKES, Choice
from iotrace.analysis.model import Basis
from iotrace.analysis.open_files import OpenFiles, changing
from iotrace.analysis.rows import Row, rows_of
from iotrace.analysis.spent import Activity, spent
from iotrace.analysis.statistics import error_name
from iotrace.columns import Events
from iotrace.language import N_, _
from iotrace.numbers import duration, size
from iotrace.views.arguments import Scribe
from iotrace.views.flags import named, signal_name
from probes.events import Flag, Kind
from probes.table import CALLS, Decode

_NAMES = [call.name for call in CALLS]
_ACTIVITIES = {
    Activity.WAIT: (N_("wait "), "share.blocked"),
    Activity.WAKE: (N_("wake "), "muted"),
    Activity.COPY: (N_("copy "), "share.copy"),
}
_SIGNS = {Basis.MEASURED: "", Basis.BOUNDED: "≤ "}
_FIRST, _NEXT = (": ", "muted"), (" | ", "muted")
_RESTARTS = range(-516, -511)
_MESSAGES = frozenset(call.code for call in CALLS if call.decode == Decode.MMSG)
_SETS = {call.code: call.decode for call in CALLS if call.decode in (Decode.SELECT, Decode.POLL)}
_FCNTL = next(call.code for call in CALLS if call.name == "fcntl")
_SIGNAL_WAITS = frozenset(call.code for call in CALLS if call.name == "rt_sigtimedwait")
_F_DUPFD, _F_DUPFD_CLOEXEC, _F_GETFL = 0, 1030, 3
_EPOLL = frozenset(call.code for call in CALLS if call.decode == Decode.EPOLL)


@lru_cache(maxsize=65536)
def _span(ns: int) -> str:
    """Write a duration without the blanks that grep would not find."""
    return duration(ns).replace("\u202f", "")


#: Words with the name of their style.
Words = tuple[str, str]
Line = list[Words]


class Pending(NamedTuple):
    """A call in flight: its line so far."""

    row: Row
    line: Line


class Calls:
    """Turns batches of rows into lines. Give it all batches in their order, then :meth:`unfinished`."""

    def __init__(self, begin_ns: int, evidence: Collection[str], machine: str, choice: Choice) -> None:
        self._begin_ns = begin_ns
        self._evidence = frozenset(evidence)
        self._choice = choice
        self._files = OpenFiles()
        self._scribe = Scribe(self._files, machine)
        self._pending: dict[tuple[int, int], Pending] = {}
        self._end_ns = begin_ns
        self._activities = {each: (_(words), style) for each, (words, style) in _ACTIVITIES.items()}
        self._unseen = _("unseen")

    def lines(self, events: Events) -> Iterator[Line]:
        """Yield the lines of the rows that fit, in the order of the rows: as calls returned."""
        if not len(events):
            return
        self._end_ns = max(self._end_ns, int(events["enter_ns"].max()), int(events["exit_ns"].max()))
        chosen = self._choice.rows(events)
        visited = chosen | changing(events)
        if self._pending or np.any(events["kind"] == Kind.PENDING):
            visited |= (events["kind"] == Kind.TASK_EXIT) | self._ended(events)
        at = np.flatnonzero(visited)
        for row, wanted in zip(rows_of(events, at), chosen[at].tolist(), strict=True):
            if wanted and row.kind == Kind.CALL and row.code >= len(_NAMES):
                yield self._foreign(row)
            elif wanted and row.kind == Kind.CALL:
                arguments = self._scribe.arguments(row)
                self._files.apply(row)
                if not self._choice.fds or self._names(row):
                    yield self._call(row, arguments)
            elif row.kind == Kind.PENDING:
                if wanted:
                    self._pending[row.tid, row.enter_ns] = Pending(row, self._begun(row))
            else:
                if row.kind == Kind.TASK_EXIT:
                    yield from self._cut_off(row)
                self._files.apply(row)
                if wanted:
                    yield self._fact(row)
            if self._pending and row.kind == Kind.CALL:
                self._pending.pop((row.tid, row.enter_ns), None)

    def unfinished(self) -> Iterator[Line]:
        """Yield the calls that were in flight when the recording ended."""
        for pending in self._pending.values():
            yield from self._unfinished(pending, self._end_ns)
        self._pending.clear()

    def _ended(self, events: Events) -> NDArray[np.bool_]:
        """Return (n,) bool: the calls that may be those in flight."""
        begun = [enter for _, enter in self._pending]
        begun += events["enter_ns"][events["kind"] == Kind.PENDING].tolist()
        ended: NDArray[np.bool_] = (events["kind"] == Kind.CALL) & np.isin(events["enter_ns"], begun)
        return ended

    def _cut_off(self, row: Row) -> Iterator[Line]:
        for key in [key for key in self._pending if key[0] == row.tid]:
            yield from self._unfinished(self._pending.pop(key), row.enter_ns)

    def _names(self, row: Row) -> bool:
        """Return whether a wait's answer names a descriptor that was asked for; true of other calls."""
        fds = self._choice.fds
        if row.code not in _EPOLL or row.fd in fds:
            return True
        epoll = self._files.get(row.tgid, row.fd)
        return epoll is not None and any(epoll.members.get(data) in fds for data in row.watch[::2])

    def _head(self, row: Row, at_ns: int) -> Words:
        return (f"{(at_ns - self._begin_ns) / 1e9:12.6f} {row.tid:>7}  ", "muted")

    def _begun(self, row: Row) -> Line:
        name = _NAMES[row.code] if row.code < len(_NAMES) else "?"
        arguments = self._scribe.arguments(row) if row.code < len(_NAMES) else "…"
        return [self._head(row, row.enter_ns), (name, "call"), (f"({arguments}", "none")]

    def _call(self, row: Row, arguments: str) -> Line:
        line = [
            self._head(row, row.enter_ns),
            (_NAMES[row.code], "call"),
            (f"({arguments})", "none"),
            self._result(row),
            (f"  {_span(row.exit_ns - row.enter_ns)}", "muted"),
        ]
        return line + self._spent(row)

    def _spent(self, row: Row) -> Line:
        line: Line = []
        for activity, ns, basis in spent(row, self._evidence):
            before, style = self._activities[activity]
            line.append(_FIRST if not line else _NEXT)
            line.append(
                (before + (self._unseen if basis is Basis.UNSEEN else _SIGNS[basis] + _span(ns)), style)
            )
        return line

    def _result(self, row: Row) -> Words:
        ret = row.ret
        if ret < 0:
            if ret in _RESTARTS:
                return (f" = ? {error_name(ret)}", "muted")
            if ret > -4096:
                return (f" = -1 {error_name(ret)}", "muted" if ret == -11 else "warning")
        if MAKES[row.code] or (row.code == _FCNTL and row.a in (_F_DUPFD, _F_DUPFD_CLOEXEC)):
            return (f" = {self._scribe.descriptor(row.tgid, ret)}", "none")
        if row.code in _SETS and ret > 0:
            return (f" = {ret}{self._returned(row)}", "none")
        if row.code in _MESSAGES and ret > 0:
            return (f" = {ret} ({size(row.c)})", "none")
        if row.code == _FCNTL and row.a == _F_GETFL:
            return (f" = {ret:#x} ({named(self._scribe.open_flags, ret)})", "none")
        if row.code in _SIGNAL_WAITS:
            return (f" = {ret} ({signal_name(ret)})", "none")
        return (f" = {ret}", "none")

    def _returned(self, row: Row) -> str:
        """Say what a select or poll found ready."""
        ready = [value for value in row.watch if value >> 48]
        if not ready:
            return " (…)"
        if _SETS[row.code] == Decode.POLL:
            found = (f"{value & 0xFFFFFFFF} {named('poll', value >> 48)}" for value in ready)
            return f" ({', '.join(found)})"
        words = []
        for name, bit in (("in", 1), ("out", 4), ("except", 2)):
            fds = sorted(value & 0xFFFFFFFF for value in ready if value >> 48 & bit)
            if fds:
                words.append(f"{name} [{' '.join(map(str, fds))}]")
        return f" ({', '.join(words)})"

    def _unfinished(self, pending: Pending, end_ns: int) -> Iterator[Line]:
        row = pending.row
        if self._choice.fits(row.enter_ns, end_ns):
            so_far = _("{time} so far").format(time=_span(max(0, end_ns - row.enter_ns)))
            yield [*pending.line, (" <unfinished …>", "warning"), (f"  {so_far}", "muted")]

    def _fact(self, row: Row) -> Line:
        return _FACTS[row.kind](self, row)

    def _signal(self, row: Row) -> Line:
        name = signal_name(row.a)
        codes = name if name in ("SIGIO", "SIGCHLD") and row.b > 0 and row.b != 0x80 else "si_code"
        facts = [f"si_code={named(codes, row.b)}"]
        if row.waker:
            facts.append(_("sent by {pid}").format(pid=row.waker))
        line = [
            self._head(row, row.exit_ns or row.enter_ns),
            (f"--- {name} {{{', '.join(facts)}}} ---", "signal"),
        ]
        if row.enter_ns and row.exit_ns:
            words = _("{time}: until delivered").format(time=_span(max(0, row.exit_ns - row.enter_ns)))
            line.append((f"  {words}", "muted"))
        return line

    def _exit(self, row: Row) -> Line:
        words = "exited"
        if row.ret >= 0 and row.ret & 0x7F:
            words = f"killed by {signal_name(row.ret & 0x7F)}{' (core dumped)' if row.ret & 0x80 else ''}"
        elif row.ret >= 0:
            words = f"exited with {row.ret >> 8 & 0xFF}"
        return [self._head(row, row.enter_ns), (f"+++ {words} +++", "signal")]

    def _request(self, row: Row) -> Line:
        what = f"({self._scribe.descriptor(row.tgid, row.fd)})" if row.fd >= 0 else "()"
        result = f" = -1 {error_name(row.ret)}" if row.ret < 0 else f" = {row.ret}"
        line = [
            self._head(row, row.enter_ns),
            (f"io_uring.{named('ring_op', row.a)}", "call"),
            (f"{what}{result}", "none"),
        ]
        if row.exit_ns:
            words = _("{time}: until completed").format(time=_span(max(0, row.exit_ns - row.enter_ns)))
            line.append((f"  {words}", "muted"))
        return line

    def _gap(self, row: Row) -> Line:
        until = _span(max(0, row.exit_ns - row.enter_ns))
        words = _("{n} events lost on CPU {cpu} within {time}").format(n=row.a, cpu=row.cpu, time=until)
        return [
            (f"{(row.enter_ns - self._begin_ns) / 1e9:12.6f} {'':7}  ", "muted"),
            (f"--- {words} ---", "lost"),
        ]

    def _foreign(self, row: Row) -> Line:
        what = "32-bit " if row.flags & Flag.FOREIGN else ""
        return [
            self._head(row, row.enter_ns),
            (f"{what}call {row.a if row.flags & Flag.FOREIGN else row.code}", "call"),
            ("(…)", "none"),
            (f" = {row.ret}", "none"),
            (f"  {_span(row.exit_ns - row.enter_ns)}", "muted"),
        ]


_FACTS: dict[int, Callable[[Calls, Row], Line]] = {
    Kind.SIGNAL: Calls._signal,
    Kind.TASK_EXIT: Calls._exit,
    Kind.RING: Calls._request,
    Kind.GAP: Calls._gap,
}
