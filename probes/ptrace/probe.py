"""The ptrace probe: every I/O call of a process tree, without privileges.

A child that we start stops only at the calls of the table; what runs already stops at every call that it
makes.

What it sees, it sees at the entry and the exit of a call; the scheduler's accounts say how much of the
time between them the thread slept and queued. It does not see when data arrived, who woke a thread, nor
the copy: those columns stay 0, and :attr:`PtraceProbe.header` says so.

This module imports neither python-ptrace nor libseccomp, so that :meth:`PtraceProbe.unusable` can say
that they are missing.
"""

from __future__ import annotations

import ctypes
import errno
import platform
from collections.abc import Sequence
from typing import TYPE_CHECKING

from probes.contract import Command, Options, Outcome, ProbeError, Sink
from probes.ptrace.proc import text

if TYPE_CHECKING:
    from probes.ptrace.attached import Attached
    from probes.ptrace.session import Session

_MACHINES = ("x86_64", "aarch64")


class PtraceProbe:
    """Trace a command by ptrace. One run per instance; ``start`` and ``run`` belong to one thread.

    While ``run`` lasts, children that this thread has started otherwise are reaped by it.
    """

    name = "ptrace"

    def __init__(self) -> None:
        self._session: Session | Attached | None = None

    @staticmethod
    def unusable() -> str | None:
        """Return None where the probe can run, else one sentence: why not, and what to do."""
        machine = platform.machine()
        if machine not in _MACHINES:
            return f"the ptrace probe knows x86_64 and aarch64, not {machine}"
        if text("/proc/sys/kernel/yama/ptrace_scope") == "3":
            return "ptrace is forbidden until the next boot: set kernel.yama.ptrace_scope below 3 and reboot"
        if text("/proc/self/status", "TracerPid") not in ("", "0"):
            return "this process is being traced itself, and its children would be: run it without the tracer"
        try:
            from probes.ptrace import abi, session  # noqa: F401  (imported to see whether it can be)
        except ImportError as error:
            return f"a Python package is missing ({error.name}): pip install python-ptrace pyseccomp"
        except RuntimeError:  # what pyseccomp raises
            return "the library libseccomp is missing: install the package libseccomp2"
        # No process has this id: a kernel that lets us ask says so, a sandbox refuses the question.
        if abi.ptrace(abi.PTRACE_SEIZE, 0x7FFFFFFF, 0, 0) != 0 and ctypes.get_errno() != errno.ESRCH:
            return "ptrace is refused here: allow it in the container (docker run --cap-add=SYS_PTRACE)"
        return None

    def start(self, command: Command, options: Options) -> int:
        """Start the target, stopped in its exec, and return its pid.

        Raises :class:`ProbeError` or :class:`TargetError`.
        """
        reason = self.unusable()
        if reason is not None:
            raise ProbeError(reason)
        from probes.ptrace.session import Session

        self._session = Session()
        return self._session.start(command, options)

    def attach(self, pids: Sequence[int], options: Options) -> None:
        """Trace processes that run already, all their threads and descendants; end none of them.

        Raises :class:`ProbeError`. :meth:`run` then ends with the last of them, or by :meth:`stop`, and may
        be called from any thread. Whatever ends the tracing, they go on as if it had not been. The end of a
        child of this very process is reaped by it.
        """
        reason = self.unusable()
        if reason is not None:
            raise ProbeError(reason)
        from probes.ptrace.attached import Attached

        self._session = attached = Attached(pids, options)
        attached.start()

    def processes(self) -> list[int]:
        """Return the processes that are traced now."""
        return [] if self._session is None else self._session.processes()

    @property
    def header(self) -> dict[str, object]:
        """Facts known at the start; see :class:`probes.contract.Probe`.

        ``stop_cost_ns`` is what the stops add to a row's duration, ``traced_call_ns`` what tracing a call
        costs the target altogether: medians of a call that does nothing.
        """
        known = {} if self._session is None else self._session.header
        return known or {"probe": self.name, "evidence": [], "machine": platform.machine()}

    def run(self, sink: Sink) -> Outcome:
        """Let the target go and feed ``sink`` until its tree has ended.

        Call it from the thread that called :meth:`start`. What ``sink`` raises ends the target and passes;
        after :meth:`attach` it ends only the tracing.
        """
        if self._session is None:
            raise ProbeError("the ptrace probe was not started")
        return self._session.run(sink)

    def stop(self) -> None:
        """End the target with SIGTERM, after a second with SIGKILL. Callable from a signal handler.

        What was attached is left running.
        """
        if self._session is not None:
            self._session.stop()

    def kill(self) -> None:
        """SIGKILL every process of the target's tree."""
        if self._session is not None:
            self._session.kill()
