"""What the ptrace probe can see here, and why it cannot see the rest."""

from __future__ import annotations

import platform
from collections.abc import Collection

from probes.ptrace import accounts, witness
from probes.ptrace.calibration import Cost

#: Why a probe at the entry and the exit of calls cannot have these.
_MISSING = {
    "sleep": "ptrace sees a call's entry and exit, not when the thread left the CPU and came back",
    "waker": "ptrace does not see who wakes a thread, nor when",
    "ready": "ptrace does not see when data reach a socket",
    "copy": "ptrace does not see the copy; the time on a CPU bounds it from above",
    "done": "ptrace does not see the socket layer finish a receive",
    "signal": "ptrace sees a signal's delivery, not its generation",
    "ring": "io_uring's requests make no system call; only io_uring_enter is seen",
    "connection": "ptrace does not see the states of connections",
}
_NO_ACCOUNTS = (
    "this kernel keeps no /proc/PID/schedstat (CONFIG_SCHED_INFO): durations are known, sleeps are not"
)
_NO_ENTRY = (
    "this kernel or container refuses pidfd_getfd (Linux 5.6): whether data were there at entry is not known"
)
_WITHHELD = "withheld on request"


def available(withhold: Collection[str]) -> set[str]:
    """Return what this kernel gives of :data:`probes.contract.EVIDENCE`, but for what is withheld."""
    found = {"calls", "tasks"}
    if accounts.available():
        found.add("accounts")
    if witness.available():
        found.add("entry")
    return found - (set(withhold) - {"calls"})


def header(evidence: Collection[str], withhold: Collection[str], cost: Cost) -> dict[str, object]:
    """Return the facts of :attr:`probes.contract.Probe.header`."""
    missing = dict(_MISSING)
    for name, reason in (("accounts", _NO_ACCOUNTS), ("entry", _NO_ENTRY), ("tasks", "")):
        if name not in evidence:
            missing[name] = _WITHHELD if name in withhold else reason
    order = ("calls", "accounts", "entry", "tasks")
    return {
        "probe": "ptrace",
        "evidence": [name for name in order if name in evidence],
        "machine": platform.machine(),
        "stop_cost_ns": cost.in_call_ns,
        "traced_call_ns": cost.call_ns,
        "missing": missing,
    }
