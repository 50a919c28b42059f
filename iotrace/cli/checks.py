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

from iotrace.capture.choice import PROBES, reason_against
from probes.contract import ProbeError

REQUIRED_PACKAGES = ("numpy", "pyarrow", "rich", "psutil", "python-ptrace", "pyseccomp")


class State(Enum):
    """How a finding stands: works, works with less evidence, does not work."""

    GOOD = "ok"
    LESS = "less"
    BAD = "no"


class Finding(NamedTuple):
    """One line of the table. ``remedy`` is what to do, empty where nothing is to be done."""

    subject: str
    state: State
    words: str
    remedy: str = ""


def probes() -> Iterator[Finding]:
    """Yield whether each probe can run."""
    for entry in PROBES:
        reason = reason_against(entry)
        cause, _, remedy = (reason or "").partition(": ")
        state = State.GOOD if reason is None else State.BAD
        yield Finding(f"{entry.title} probe", state, cause or "can run", remedy)


def system() -> Iterator[Finding]:
    """Yield what this machine is, and as whom we run."""
    known = platform.machine() in ("x86_64", "aarch64")
    yield Finding(
        "kernel",
        State.GOOD if known else State.BAD,
        f"Linux {platform.release()} {platform.machine()}",
        "" if known else "iotrace knows x86_64 and aarch64",
    )
    root = os.geteuid() == 0
    yield Finding(
        "privileges",
        State.GOOD if root else State.LESS,
        "root" if root else f"user {os.geteuid()}: the eBPF probe needs root or CAP_BPF and CAP_PERFMON",
        "" if root else "sudo iotrace run ... (the target still runs as you)",
    )


def tracing() -> Iterator[Finding]:
    """Yield tracefs, bcc, and the evidence that each tracepoint of this kernel gives."""
    from probes.ebpf import library, programs, tracefs

    try:
        library.load()
        yield Finding("bcc", State.GOOD, str(library.location()))
    except ProbeError as error:
        cause, _, remedy = str(error).partition(": ")
        yield Finding("bcc", State.BAD, cause, remedy)
    folder = tracefs.events()
    if folder is None:
        if tracefs.mountable():
            yield Finding("tracefs", State.LESS, "not mounted; iotrace mounts it when it runs as root")
        else:
            yield Finding(
                "tracefs", State.BAD, "not readable", "sudo mount -o remount,mode=755 /sys/kernel/tracing"
            )
        return
    yield Finding("tracefs", State.GOOD, str(folder.parent))
    try:
        plan = programs.plan(folder)
    except ProbeError as error:
        yield Finding("tracepoints", State.BAD, str(error))
        return
    for program_evidence in plan.evidence:
        names = [p.tracepoint for p in plan.programs if p.evidence == program_evidence]
        yield Finding(f"evidence {program_evidence}", State.GOOD, ", ".join(names))
    for name, reason in plan.missing.items():
        yield Finding(f"evidence {name}", State.LESS, reason, "a newer kernel; what follows is bounded")


def stopping() -> Iterator[Finding]:
    """Yield what the ptrace probe and its witnesses need."""
    from probes.ptrace import accounts, witness

    scope = _text("/proc/sys/kernel/yama/ptrace_scope")
    words = {"": "no Yama", "0": "any process of yours", "1": "own children", "2": "only with CAP_SYS_PTRACE"}
    yield Finding(
        "ptrace scope",
        State.BAD if scope == "3" else State.GOOD,
        f"{scope or '-'}: {words.get(scope, 'forbidden until the next boot')}",
        "set kernel.yama.ptrace_scope below 3 and reboot" if scope == "3" else "",
    )
    actions = _text("/proc/sys/kernel/seccomp/actions_avail").split()
    filtered = "trace" in actions
    yield Finding(
        "seccomp",
        State.GOOD if filtered else State.LESS,
        "filters which calls stop" if filtered else "this kernel has no RET_TRACE: every call stops",
        "" if filtered else "a kernel with CONFIG_SECCOMP_FILTER",
    )
    yield _witness(
        "schedstat", accounts.available(), "time asleep and queued", "a kernel with CONFIG_SCHED_INFO=y"
    )
    yield _witness(
        "pidfd_getfd",
        witness.available(),
        "were data there at entry",
        "Linux 5.6, or a container that allows it",
    )


def targets() -> Iterator[Finding]:
    """Yield what the demos need of the kernel, and what hinders them."""
    disabled = _text("/proc/sys/kernel/io_uring_disabled")
    allowed = disabled in ("", "0") or (disabled == "1" and os.geteuid() == 0)
    yield Finding(
        "io_uring",
        State.GOOD if allowed else State.LESS,
        "allowed" if allowed else f"forbidden here (io_uring_disabled is {disabled})",
        "" if allowed else "sudo sysctl kernel.io_uring_disabled=0",
    )
    if _version("liburing") is None:
        yield Finding("io_uring demo", State.LESS, "liburing is not installed", "pip install liburing")
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 256:
        yield Finding("descriptors", State.LESS, f"at most {soft} open at once", "ulimit -n 1024")
    try:
        os.close(os.open(".", os.O_WRONLY | os.O_TMPFILE, 0o600))
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            words = f"recordings cannot be written in this folder: {error.strerror}"
            yield Finding("this folder", State.BAD, words, "change the folder, or use -o FILE")


def packages() -> Iterator[Finding]:
    """Yield the Python packages that iotrace imports."""
    versions = {name: _version(name) for name in REQUIRED_PACKAGES}
    missing = [name for name, version in versions.items() if version is None]
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield Finding("python", State.GOOD, f"{platform.python_version()}; {found}")
    if missing:
        yield Finding(
            "packages", State.BAD, f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}"
        )


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (probes, system, tracing, stopping, targets, packages)


def _witness(name: str, there: bool, gives: str, remedy: str) -> Finding:
    if there:
        return Finding(name, State.GOOD, gives)
    return Finding(name, State.LESS, f"absent; without it unknown: {gives}", remedy)


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
