"""The traced child from fork to exec: what it must undo of ours, and how it reports a failure.

The child inherits standard streams, working directory, process group and terminal. It waits to be seized,
installs the filter, becomes the wanted user, gives signals back as they were, and execs. Until then
every signal is blocked, so that no handler of the tracer's program ever runs in it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import stat
import struct
import warnings
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from probes.capabilities import OURS, withhold
from probes.contract import Command, ProbeError, TargetError
from probes.ptrace import filter as seccomp
from probes.ptrace.abi import WALL

_FAILURE = struct.Struct("<iB")
_FILTER, _USER, _EXEC = range(3)
_TRACER_FAILED = 125
#: Python ignores these at its start (and CPython's subprocess restores the same three).
_IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFZ", "SIGXFSZ")


class Child(NamedTuple):
    """A forked child that waits for :func:`release`."""

    pid: int
    go: int  # write end: one byte lets it go on
    failure: int  # read end: what went wrong, empty after a successful exec


def fork(program: bytes, body: Callable[[], object]) -> Child:
    """Fork a child that waits to be released, installs ``program`` if there is one, runs ``body`` and exits.

    ``body`` may raise ``OSError``, which :func:`failure` then reports. Raises ``OSError``.
    """
    go_read, go_write = os.pipe2(os.O_CLOEXEC)
    failure_read, failure_write = os.pipe2(os.O_CLOEXEC)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        with warnings.catch_warnings():
            # Python 3.12 warns of threads; the child runs only this module, which takes no lock of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            os.close(go_write)
            os.close(failure_read)
            _run(program, body, go_read, failure_write, blocked)
    except OSError:
        os.close(go_write)
        os.close(failure_read)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(go_read)
        os.close(failure_write)
    return Child(pid, go_write, failure_read)


def release(child: Child) -> None:
    """Let a child go on that :func:`fork` has made."""
    os.write(child.go, b"g")


def become(command: Command) -> Callable[[], object]:
    """Return the body of a child that becomes ``command``."""
    candidates = _candidates(command)
    environment = dict(command.environment)

    def body() -> None:
        try:
            if command.groups or (command.uid is not None and os.geteuid() == 0):
                os.setgroups(command.groups)
            if command.gid is not None:
                os.setresgid(command.gid, command.gid, command.gid)
            if command.uid is not None:
                os.setresuid(command.uid, command.uid, command.uid)
        except OSError as error:
            raise _UserError(error.errno, error.strerror) from None
        withhold(OURS if command.uid is None else None)
        # As execvp(3): go on past what is not there, remember what is there and may not be run.
        denied: OSError | None = None
        for path in candidates:
            try:
                os.execve(path, command.argv, environment)
            except OSError as error:
                if error.errno == errno.EACCES:
                    denied = error
                elif error.errno not in (errno.ENOENT, errno.ENOTDIR):
                    raise
        raise denied or OSError(errno.ENOENT, os.strerror(errno.ENOENT))

    return body


def failure(child: Child, command: Command, status: int) -> TargetError:
    """Say why a child has ended with wait status ``status`` before its exec."""
    report = os.read(child.failure, _FAILURE.size)
    name = command.argv[0]
    if len(report) < _FAILURE.size:
        code = os.waitstatus_to_exitcode(status)
        how = f"signal {-code}" if code < 0 else f"status {code}"
        return TargetError(f"cannot run {name!r}: it ended with {how} before it began", 126)
    number, stage = _FAILURE.unpack(report)
    reason = os.strerror(number)
    if stage == _FILTER:
        return TargetError(f"cannot run {name!r}: the kernel refuses a seccomp filter ({reason})", 126)
    if stage == _USER:
        return TargetError(
            f"cannot run {name!r} as user {command.uid}, group {command.gid}: {reason}; run as root", 126
        )
    if number == errno.ENOENT:
        if any(os.path.exists(path) for path in _candidates(command)):
            return TargetError(f"cannot run {name!r}: the interpreter that it names is missing", 127)
        where = "no such file" if "/" in name else "not found in PATH"
        return TargetError(f"cannot run {name!r}: {where}", 127)
    if number == errno.ENOEXEC:
        return TargetError(
            f"cannot run {name!r}: neither a program nor a script with a #! line; name its interpreter", 126
        )
    if number == errno.EACCES and any(_is_directory(path) for path in _candidates(command)):
        return TargetError(f"cannot run {name!r}: it is a directory", 126)
    return TargetError(f"cannot run {name!r}: {reason}", 126)


def discard(child: Child, *, reap: bool) -> None:
    """Close what is open for a child; end it where it is not wanted any more (``pid`` 0: it has ended)."""
    for descriptor in (child.go, child.failure):
        os.close(descriptor)
    if reap and child.pid:
        os.kill(child.pid, signal.SIGKILL)
        status = 0x7F
        while status & 0xFF == 0x7F:  # the last of its stops may come before its end
            _, status = os.waitpid(child.pid, WALL)


def refused() -> ProbeError:
    """Explain why the kernel refuses to let us trace our own child (in errno)."""
    reason = os.strerror(ctypes.get_errno())
    return ProbeError(
        f"ptrace is refused for our own child ({reason}): "
        "allow it (kernel.yama.ptrace_scope, --cap-add=SYS_PTRACE), and run under no other tracer"
    )


class _UserError(OSError):
    """The wanted user or group cannot be had."""


def _run(
    program: bytes, body: Callable[[], object], go: int, failure: int, mask: set[int] | set[signal.Signals]
) -> NoReturn:
    stage = _FILTER
    try:
        _restore_signals()
        if os.read(go, 1) != b"g":  # the tracer has died or given up
            os._exit(_TRACER_FAILED)
        if program:
            seccomp.install(program)
        stage = _EXEC
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        body()
        os._exit(0)
    except OSError as error:
        if isinstance(error, _UserError):
            stage = _USER
        os.write(failure, _FAILURE.pack(error.errno or 0, stage))
    finally:
        os._exit(_TRACER_FAILED)


def _restore_signals() -> None:
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    for name in _IGNORED_BY_PYTHON:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


def _candidates(command: Command) -> list[str]:
    name = command.argv[0]
    if "/" in name:
        return [name]
    path = command.environment.get("PATH", os.defpath)
    return [os.path.join(folder or ".", name) for folder in path.split(os.pathsep)] if name else []


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except OSError:
        return False
