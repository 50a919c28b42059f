"""One run: start the target under the best probe, record it, and say how it ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iotrace.capture import notes
from iotrace.capture.choice import Choice
from iotrace.capture.clients import Demo, Report, Supervisor
from iotrace.capture.conduct import Conductor
from iotrace.capture.confinement import Confinable, confine
from iotrace.capture.descriptors import open_descriptors
from iotrace.capture.memory import MemorySampler
from iotrace.capture.set_user_id import Helpers
from iotrace.capture.target import Target, command
from iotrace.invoking_user import invoking_user
from iotrace.recording.file import create
from iotrace.recording.layout import default_path
from probes.contract import Command, Options, Outcome
from probes.events import Batch, Kind

if TYPE_CHECKING:
    from iotrace.recording.writing import Writer

#: iotrace's own failure, as an exit status.
TRACER_FAILED = 125


@dataclass(frozen=True)
class Plan:
    """What to do besides tracing. ``demo``: start these clients; ``output``: the recording's file.

    ``own_process``: this process does nothing else, and may give its privileges up for good.
    """

    options: Options = field(default_factory=Options)
    output: Path | None = None
    force: bool = False
    as_root: bool = False
    duration_ns: int | None = None
    demo: Demo | None = None
    own_process: bool = False


@dataclass(frozen=True)
class Result:
    """How a run ended. ``status`` is what the shell is to see; ``signal`` the signal that ended the target.

    ``failure`` is a sentence about what iotrace itself could not do, None if all went well;
    ``clients`` how the scripted clients fared.
    """

    path: Path
    outcome: Outcome
    status: int
    signal: int | None
    failure: str | None
    clients: Report | None


#: Told several times a second: elapsed ns, rows so far, rows lost so far.
Progress = Callable[[int, int, int], None]


def record(
    target: Target,
    choice: Choice,
    plan: Plan,
    say: Callable[[str], None],
    progress: Progress | None = None,
) -> Result:
    """Run ``target`` to its end. ``say`` takes lines for the user; ``progress`` runs in another thread.

    Raises :class:`probes.contract.ProbeError`, :class:`probes.contract.TargetError` or
    :class:`iotrace.recording.layout.RecordingError` when nothing was run.
    """
    ready = command(target, os.environ, plan.as_root)
    supervisor = Supervisor(plan.demo, ready) if plan.demo and plan.demo.clients else None
    try:
        return _record(
            target, supervisor.command if supervisor else ready, choice, plan, supervisor, say, progress
        )
    finally:
        if supervisor:
            supervisor.close()


def _record(
    target: Target,
    ready: Command,
    choice: Choice,
    plan: Plan,
    supervisor: Supervisor | None,
    say: Callable[[str], None],
    progress: Progress | None,
) -> Result:
    probe = choice.probe
    pid = probe.start(ready, plan.options)
    try:
        path = plan.output or default_path(target.name, pid)
        fd = create(path, plan.force)
        described = open_descriptors([pid], time.monotonic_ns(), across_exec=True)
        if plan.own_process and isinstance(probe, Confinable):
            confine(None if plan.as_root else invoking_user(os.environ), probe.can_read)
        writer = _open(path, fd, ready, choice, plan, pid, say)
    except BaseException:  # Ctrl-C as well: no process may stay behind
        probe.kill()
        probe.run(_nowhere)
        raise
    started_ns = time.monotonic_ns()
    sink = _Sink(writer, pid)
    tick = (lambda: progress(time.monotonic_ns() - started_ns, writer.rows, sink.lost)) if progress else None
    with Conductor(
        probe, pid, say, plan.duration_ns, tick, sink.alive, end_with_root=supervisor is not None
    ) as conductor:
        writer.write(described)
        if supervisor:
            supervisor.begin(pid)
        memory = MemorySampler(sink.processes)
        try:
            with memory:
                outcome = probe.run(sink)
        except BaseException:
            writer.close()
            raise
    clients = supervisor.report() if supervisor else None
    ended_by = "clients" if clients and clients.ended != "itself" else conductor.ended_by
    status, number = _status(outcome.status, ended_by)
    statuses = clients.statuses if clients else None
    also = {"memory": memory.note(), "set_user_id": sink.helpers.met}
    writer.note({**notes.ending(outcome, ended_by, number, statuses), **also})
    writer.close()
    if remark := outcome.notes.get("cache"):
        say(str(remark))
    failure = writer.failure
    return Result(writer.path, outcome, status, number, failure, clients)


class _Sink:
    """Where the probe's batches go; counts the rows that it could not write, and who is alive."""

    def __init__(self, writer: Writer, pid: int) -> None:
        self.lost = 0
        self._pid = pid
        self._writer = writer
        self._seen: set[int] = set()
        self._gone: set[int] = set()
        self.helpers = Helpers(pid)

    def __call__(self, rows: Batch) -> None:
        facts = rows.rows[["kind", "tid", "tgid", "a"]][rows.rows["kind"] != Kind.CALL]  # few, mostly none
        self.lost += int(facts["a"][facts["kind"] == Kind.GAP].sum())
        self._seen |= set(facts["tgid"][facts["kind"] == Kind.TASK_NEW].tolist())
        ended = (facts["kind"] == Kind.TASK_EXIT) & (facts["tid"] == facts["tgid"])
        self._gone |= set(facts["tgid"][ended].tolist())
        self.helpers.look(rows)
        self._writer.write(rows)

    def processes(self) -> list[int]:
        """Return the processes that were seen to begin and not to end."""
        return [self._pid, *(self._seen - self._gone - {self._pid})]

    def alive(self) -> int:
        """Return how many of the processes that were seen to begin still run."""
        return sum(1 for pid in self._seen.copy() if _runs(pid))


def _runs(pid: int) -> bool:
    """Whether a process runs: neither gone nor a zombie; proc(5), ``stat``."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[:1] not in ([b"Z"], [b"X"])
    except OSError:
        return False


def _nowhere(rows: Batch) -> None:
    pass


def _open(
    path: Path, fd: int, ready: Command, choice: Choice, plan: Plan, pid: int, say: Callable[[str], None]
) -> Writer:
    # Imported only now: pyarrow takes as long to import as a probe takes to attach, and starts threads.
    from iotrace.recording.writing import Writer

    return Writer(path, _header(ready, choice, plan, pid), on_failure=say, fd=fd)


def _header(ready: Command, choice: Choice, plan: Plan, pid: int) -> Mapping[str, Any]:
    more = {
        "duration_ns": plan.duration_ns,
        "demo": plan.demo.name if plan.demo else None,
        "claim": plan.demo.claim if plan.demo else None,
        "says": plan.demo.says if plan.demo else None,
    }
    probe = choice.probe.header
    now_ns = time.monotonic_ns()
    return notes.header(ready.argv, pid, now_ns, plan.options, probe, more, remark=choice.remark)


def _status(wait_status: int | None, ended_by: str) -> tuple[int, int | None]:
    """Return the shell's status and the signal that ended the target; our own ending of it is a success."""
    if wait_status is None:
        return 0 if ended_by != "target" else TRACER_FAILED, None
    if not os.WIFSIGNALED(wait_status):
        return os.waitstatus_to_exitcode(wait_status), None
    number = os.WTERMSIG(wait_status)
    if ended_by in ("clients", "duration") and number in (signal.SIGTERM, signal.SIGKILL):
        return 0, number
    return 128 + number, number
