"""What `iotrace doctor` looks at: one function a subject, each yields its findings."""

from __future__ import annotations

import errno
import os
import platform
import resource
from collections.abc import Callable, Iterator
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from iotrace import wording
from iotrace.capture.choice import PROBES, reason_against
from iotrace.language import N_, _
from iotrace.refusals import said
from probes.contract import ProbeError
from probes.ebpf.privileges import missing_privileges

_EVIDENCE = "evidence "

REQUIRED_PACKAGES = ("numpy", "pyarrow", "rich", "psutil", "python-ptrace", "pyseccomp")


class State(Enum):
    """How a finding stands: works, works with less evidence, does not work. ``word`` is English."""

    GOOD = "ok"
    LESS = "less"
    BAD = "no"

    @property
    def word(self) -> str:
        """The word for it: what the state is called in JSON is for programs."""
        return {State.GOOD: N_("ok"), State.LESS: N_("less"), State.BAD: N_("no")}[self]


class Finding(NamedTuple):
    """One line of the table. ``remedy`` is what to do, empty where nothing is to be done.

    ``subject`` is English: programs look for it.
    """

    subject: str
    state: State
    words: str
    remedy: str = ""

    @property
    def heading(self) -> str:
        """The subject as a person reads it."""
        name = self.subject.removeprefix(_EVIDENCE)
        return _(self.subject) if name == self.subject else _("evidence {name}").format(name=name)


def probes() -> Iterator[Finding]:
    """Yield whether each probe can run."""
    for entry in PROBES:
        reason = reason_against(entry)
        cause, remedy = _parted(reason or "")
        state = State.GOOD if reason is None else State.BAD
        yield Finding(wording.PROBES[entry.name], state, cause or _("can run"), remedy)


def system() -> Iterator[Finding]:
    """Yield what this machine is, and as whom we run."""
    known = platform.machine() in ("x86_64", "aarch64")
    yield Finding(
        N_("kernel"),
        State.GOOD if known else State.BAD,
        f"Linux {platform.release()} {platform.machine()}",
        "" if known else _("iotrace knows x86_64 and aarch64"),
    )
    missing, uid = missing_privileges(), os.geteuid()
    if missing is None:
        words = "root" if uid == 0 else _("user {uid} with CAP_BPF and CAP_PERFMON").format(uid=uid)
        yield Finding(N_("privileges"), State.GOOD, words)
        return
    words = _("user {uid}: the eBPF probe needs {missing}; the ptrace probe needs nothing").format(
        uid=uid, missing=missing
    )
    remedy = _("sudo iotrace run ... (the target still runs as you), or as docs/permissions.md says")
    yield Finding(N_("privileges"), State.LESS, words, remedy)


def tracing() -> Iterator[Finding]:
    """Yield tracefs, bcc, and the evidence that each tracepoint of this kernel gives."""
    from probes.ebpf import btf, library, programs, tracefs

    try:
        library.load()
        yield Finding("bcc", State.GOOD, str(library.location()))
    except ProbeError as error:
        yield Finding("bcc", State.BAD, *_parted(str(error)))
    folder = tracefs.events()
    if folder is None:
        if tracefs.mountable():
            yield Finding("tracefs", State.LESS, _("not mounted; iotrace mounts it when it runs as root"))
        else:
            cause, remedy = _parted(tracefs.unreadable())
            yield Finding("tracefs", State.BAD, cause.removeprefix("tracefs ").removeprefix("is "), remedy)
        return
    yield Finding("tracefs", State.GOOD, str(folder.parent))
    try:
        plan = programs.plan(folder)
    except ProbeError as error:
        yield Finding(N_("tracepoints"), State.BAD, said(str(error)))
        return
    if any(program.typed and program.raw for program in plan.programs):
        yield Finding(N_("type information"), State.GOOD, str(btf.KERNEL))
    else:
        words = _("not used: what tasks do is passed over while their CPU is inside bpf(2), and then bounded")
        remedy = _("Linux 6.0 or newer with CONFIG_DEBUG_INFO_BTF")
        yield Finding(N_("type information"), State.LESS, words, remedy)
    for program_evidence in plan.evidence:
        names = [p.tracepoint for p in plan.programs if p.evidence == program_evidence]
        yield Finding(f"{_EVIDENCE}{program_evidence}", State.GOOD, ", ".join(names))
    for name, reason in plan.missing.items():
        remedy = _("a newer kernel; what follows is bounded")
        yield Finding(f"{_EVIDENCE}{name}", State.LESS, said(reason), remedy)


def stopping() -> Iterator[Finding]:
    """Yield what the ptrace probe and its witnesses need."""
    from probes.ptrace import accounts, witness

    scope = _text("/proc/sys/kernel/yama/ptrace_scope")
    words = {
        "": _("no Yama"),
        "0": _("any process of yours"),
        "1": _("own children; attach needs root"),
        "2": _("only with CAP_SYS_PTRACE"),
    }
    forbidden = _("forbidden until the next boot")
    yield Finding(
        "ptrace scope",
        State.BAD if scope == "3" else State.GOOD,
        f"{scope or '-'}: {words.get(scope, forbidden)}",
        _("set kernel.yama.ptrace_scope below 3 and reboot") if scope == "3" else "",
    )
    actions = _text("/proc/sys/kernel/seccomp/actions_avail").split()
    filtered = "trace" in actions
    yield Finding(
        "seccomp",
        State.GOOD if filtered else State.LESS,
        _("filters which calls stop") if filtered else _("this kernel has no RET_TRACE: every call stops"),
        "" if filtered else _("a kernel with CONFIG_SECCOMP_FILTER"),
    )
    remedy = _("a kernel with CONFIG_SCHED_INFO=y")
    yield _witness("schedstat", accounts.available(), _("time asleep and queued"), remedy)
    remedy = _("Linux 5.6, or a container that allows it")
    yield _witness("pidfd_getfd", witness.available(), _("were data there at entry"), remedy)


def targets() -> Iterator[Finding]:
    """Yield what the demos need of the kernel, and what hinders them."""
    disabled = _text("/proc/sys/kernel/io_uring_disabled")
    allowed = disabled in ("", "0") or (disabled == "1" and os.geteuid() == 0)
    words = _("forbidden here (io_uring_disabled is {value})").format(value=disabled)
    yield Finding(
        "io_uring",
        State.GOOD if allowed else State.LESS,
        _("allowed") if allowed else words,
        "" if allowed else "sudo sysctl kernel.io_uring_disabled=0",
    )
    if _version("liburing") is None:
        words = _("liburing is not installed")
        yield Finding(N_("io_uring demo"), State.LESS, words, "pip install liburing")
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft < 256:
        words = _("at most {n} open at once").format(n=soft)
        yield Finding(N_("descriptors"), State.LESS, words, "ulimit -n 1024")
    try:
        os.close(os.open(".", os.O_WRONLY | os.O_TMPFILE, 0o600))
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            words = _("recordings cannot be written in this folder: {error}").format(error=error.strerror)
            yield Finding(N_("this folder"), State.BAD, words, _("change the folder, or use -o FILE"))


def packages() -> Iterator[Finding]:
    """Yield the Python packages that iotrace imports."""
    versions = {name: _version(name) for name in REQUIRED_PACKAGES}
    missing = [name for name, version in versions.items() if version is None]
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield Finding("python", State.GOOD, f"{platform.python_version()}; {found}")
    if missing:
        words = _("missing: {names}").format(names=", ".join(missing))
        yield Finding(N_("packages"), State.BAD, words, f"pip install {' '.join(missing)}")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (probes, system, tracing, stopping, targets, packages)


def _witness(name: str, there: bool, gives: str, remedy: str) -> Finding:
    if there:
        return Finding(name, State.GOOD, gives)
    return Finding(name, State.LESS, _("absent; without it unknown: {what}").format(what=gives), remedy)


def _parted(sentence: str) -> tuple[str, str]:
    """Return the cause and the next step of what a probe says."""
    parts = said(sentence).replace("：", ": ").split(": ", 1)
    return parts[0], "".join(parts[1:])


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
