"""Start the target so that nothing of the tracer is left in it, and hold it until it may run."""

from __future__ import annotations

import errno
import os
import signal
import struct
from collections.abc import Iterator
from typing import NoReturn

from probes.capabilities import OURS, withhold
from probes.contract import Command, ProbeError, TargetError


class Target:
    """A child that waits in front of its exec, for the probe to be attached.

    It is forked before the probe's libraries are loaded: forking is cheap then, and it inherits none
    of their descriptors. Should the tracer die, its end of the pipe closes, and the child ends too.
    """

    def __init__(self, command: Command) -> None:
        self._command = command
        go_read, self._go = os.pipe()
        self._report, report_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._go)
            os.close(self._report)
            _become(command, go_read, report_write)
        os.close(go_read)
        os.close(report_write)

    def execute(self) -> None:
        """Let the child exec; return when the target is stopped before its first instruction.

        The stop is made by the probe's own program. Raises :class:`TargetError` with the reason and
        126 or 127 where exec failed; nothing is left behind then.
        """
        os.write(self._go, b"x")
        os.close(self._go)
        self._go = -1
        message = os.read(self._report, 8)
        os.close(self._report)
        self._report = -1
        if len(message) == 8:
            os.waitpid(self.pid, 0)
            raise _failure(self._command, *struct.unpack("ii", message))
        seen = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if seen is None or seen.si_code not in (os.CLD_STOPPED, os.CLD_TRAPPED):
            raise ProbeError("the target ended before it began; run it without iotrace to see why")

    def resume(self) -> None:
        """Let the stopped target run."""
        os.kill(self.pid, signal.SIGCONT)

    def abandon(self) -> None:
        """End a child that never ran, and reap it."""
        for descriptor in (self._go, self._report):
            if descriptor >= 0:
                os.close(descriptor)
        self._go = self._report = -1
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def _become(command: Command, go: int, report: int) -> NoReturn:
    """Turn the forked child into the target: signal dispositions, identity, exec. Never returns."""
    try:
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        # Python ignores these two for itself, and exec would hand that on.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        if os.read(go, 1) != b"x":
            os._exit(125)
        if command.gid is not None:
            os.setgroups(command.groups)
            os.setresgid(command.gid, command.gid, command.gid)
        if command.uid is not None:
            os.setresuid(command.uid, command.uid, command.uid)
        withhold(OURS if command.uid is None else None)
        os.write(report, struct.pack("ii", *_exec(command)))
    except OSError as error:
        os.write(report, struct.pack("ii", error.errno or errno.EINVAL, 1))
    finally:
        os._exit(125)


def _exec(command: Command) -> tuple[int, int]:
    """Exec the first candidate that can be; return errno, and 0: of exec itself."""
    problem = errno.ENOENT
    for path in _candidates(command):
        try:
            os.execve(path, command.argv, dict(command.environment))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                problem = error.errno or errno.EINVAL
    return problem, 0


def _candidates(command: Command) -> Iterator[str]:
    program = command.argv[0]
    if "/" in program:
        yield program
        return
    for folder in command.environment.get("PATH", os.defpath).split(os.pathsep):
        yield os.path.join(folder or ".", program)


def _failure(command: Command, number: int, before_exec: int) -> TargetError:
    program = command.argv[0]
    if before_exec:
        return TargetError(f"cannot run {program} as uid {command.uid}: {os.strerror(number)}", 126)
    if number == errno.ENOENT:
        return TargetError(f"{program}: not found; check the name and PATH", 127)
    if number == errno.EACCES:
        return TargetError(f"{program}: permission denied; is it executable?", 126)
    if number == errno.ENOEXEC:
        return TargetError(
            f"{program}: not a program this kernel can run; is its first line #!interpreter?", 126
        )
    return TargetError(f"{program}: {os.strerror(number)}", 126)
