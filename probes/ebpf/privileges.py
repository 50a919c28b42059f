"""Whether this process may load programs and attach them to tracepoints (capabilities(7))."""

from __future__ import annotations

from pathlib import Path

CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 21, 38, 39


def missing_privileges() -> str | None:
    """Return the names of the capabilities that are missing, None where there are enough."""
    effective = _effective()
    if effective >> CAP_SYS_ADMIN & 1:
        return None
    missing = [
        name for name, bit in (("CAP_BPF", CAP_BPF), ("CAP_PERFMON", CAP_PERFMON)) if not effective >> bit & 1
    ]
    return " and ".join(missing) or None


def in_initial_pid_namespace() -> bool:
    """Return whether tids here are those that tracepoints tell (pid_namespaces(7), PROC_PID_INIT_INO)."""
    return Path("/proc/self/ns/pid").stat().st_ino == 0xEFFFFFFC


def _effective() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0
