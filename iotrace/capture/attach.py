"""Record processes that run already, and leave them as they were."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from iotrace.capture import notes
from iotrace.capture.choice import Choice
from iotrace.capture.confinement import Confinable, confine
from iotrace.capture.descriptors import open_descriptors
from iotrace.invoking_user import invoking_user
from iotrace.language import _
from iotrace.recording.file import create
from iotrace.recording.layout import default_path
from probes.contract import Options, Outcome, Probe, ProbeError
from probes.events import Batch, Kind


@dataclass(frozen=True)
class Attached:
    """How it ended: by "target", "duration" or "interrupt". ``failure``: what could not be done."""

    path: Path
    outcome: Outcome
    ended_by: str
    failure: str | None


def attach(
    pids: Sequence[int],
    choice: Choice,
    options: Options,
    output: Path | None,
    force: bool,
    duration_s: float | None,
    say: Callable[[str], None],
    progress: Callable[[int, int, int], None] | None = None,
    own_process: bool = False,
) -> Attached:
    """Record the trees of ``pids`` until they end, the duration is over, or a signal comes.

    ``own_process``: this process does nothing else, and may give its privileges up for good.
    Raises :class:`probes.contract.ProbeError` or :class:`iotrace.recording.layout.RecordingError` when
    nothing was recorded.
    """
    for pid in pids:
        _check(pid)
    argv = _words(pids[0])
    begun_ns = time.monotonic_ns()
    probe = choice.probe
    lost = 0

    def sink(rows: Batch) -> None:
        nonlocal lost
        gaps = rows.rows["kind"] == Kind.GAP
        lost += int(rows.rows["a"][gaps].sum())
        writer.write(rows)
        if progress:
            progress(time.monotonic_ns() - begun_ns, writer.rows, lost)

    with _signals(probe) as told:
        probe.attach(pids, options)
        try:
            path = output or default_path(Path(argv[0]).name if argv else "attached", pids[0])
            also = {"duration_ns": round(duration_s * 1e9) if duration_s is not None else None}
            facts = notes.header(
                argv,
                pids[0],
                begun_ns,
                options,
                probe.header,
                also,
                attached=list(pids),
                remark=choice.remark,
            )
            fd = create(path, force)
            described = open_descriptors(probe.processes(), begun_ns)
            if own_process and isinstance(probe, Confinable):
                confine(invoking_user(os.environ), probe.can_read, ends_others=False)
            # Imported only now: pyarrow starts threads, which would keep their privileges.
            from iotrace.recording.writing import Writer

            writer = Writer(path, facts, on_failure=say, fd=fd)
        except BaseException:
            _leave(probe)
            raise
        try:
            writer.write(described)
            for line in _begin(pids, duration_s, probe):
                say(line)
            if duration_s is not None:
                signal.setitimer(signal.ITIMER_REAL, duration_s)
            outcome = probe.run(sink)
        except BaseException:
            _leave(probe)
            writer.close()
            raise
        ended_by = told[0] if told else "target"
    writer.note(notes.ending(outcome, ended_by))
    writer.close()
    return Attached(writer.path, outcome, ended_by, writer.failure)


def _begin(pids: Sequence[int], duration_s: float | None, probe: Probe) -> Iterator[str]:
    """Yield what a user is to know meanwhile: that it goes on, and what this means to the target."""
    words = (
        _("attached to {pids}: recording until Ctrl-C")
        if duration_s is None
        else _("attached to {pids}: recording for {time}")
    )
    yield words.format(pids=", ".join(map(str, pids)), time=f"{duration_s or 0:g} s")
    if probe.name != "ptrace":
        return
    yield _("ptrace stops each of its system calls twice: it is slower until this ends, and then as it was")
    for name, told in (
        ("calls_begun_again", _("under way, and begun again, a time limit of theirs too: {calls}")),
        ("calls_shortened", _("under way, and returned with a part of what they were to move: {calls}")),
        ("calls_failed", _("under way, and failed with EINTR: {calls}")),
    ):
        calls = probe.header.get(name)
        if calls and isinstance(calls, Mapping):
            yield told.format(calls=", ".join(f"{call} ×{count}" for call, count in calls.items()))


def _leave(probe: Probe) -> None:
    """Follow nobody any more, when there is nowhere to write to."""
    probe.stop()
    with suppress(ProbeError):
        probe.run(lambda rows: None)


@contextmanager
def _signals(probe: Probe) -> Iterator[list[str]]:
    """Let signals and the clock end the recording; yield who did, first come first."""
    told: list[str] = []

    def on(number: int, frame: FrameType | None) -> None:
        told.append("duration" if number == signal.SIGALRM else "interrupt")
        probe.stop()

    before = {
        number: signal.signal(number, on)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
        if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGALRM
    }
    try:
        yield told
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _check(pid: int) -> None:
    """Raise :class:`ProbeError` for a number that is no process to be recorded: proc(5), ``status``."""
    if pid == os.getpid():
        raise ProbeError(_("{pid} is iotrace itself: give another process").format(pid=pid))
    try:
        lines = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if ":\t" in line
        )
    except OSError:
        raise ProbeError(_("no process {pid}: `ps -e` lists them").format(pid=pid)) from None
    if lines.get("Tgid") != str(pid):
        words = _("{pid} is a thread of process {process}: attach to that")
        raise ProbeError(words.format(pid=pid, process=lines.get("Tgid")))
    if lines.get("State", "").startswith("Z"):
        words = _("process {pid} has ended, and waits for its parent to notice: there is nothing to record")
        raise ProbeError(words.format(pid=pid))
    if lines.get("Kthread") == "1" or "VmSize" not in lines:
        raise ProbeError(_("{pid} is a kernel thread: it makes no system calls").format(pid=pid))


def _words(pid: int) -> list[str]:
    try:
        return [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]]
    except OSError:
        return []
