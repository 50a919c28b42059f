"""Which probe watches a run. Only the chosen one is imported."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from probes.contract import Probe, ProbeError


class Entry(NamedTuple):
    """A probe's name, where its class is, and what it is called in a sentence."""

    name: str
    module: str
    attribute: str
    title: str


#: The best one first.
PROBES: tuple[Entry, ...] = (
    Entry("bpf", "probes.bpf_probe", "BpfProbe", "eBPF"),
    Entry("ptrace", "probes.ptrace_probe", "PtraceProbe", "ptrace"),
)


class Choice(NamedTuple):
    """The probe to use; ``remark`` says in one sentence why a better one is not used, or is None."""

    probe: Probe
    title: str
    remark: str | None


def load(entry: Entry) -> type[Probe]:
    """Import a probe's class. Raises :class:`ProbeError` where a package that it needs is missing."""
    try:
        probe: type[Probe] = getattr(import_module(entry.module), entry.attribute)
    except ImportError as error:
        raise ProbeError(
            f"the {entry.title} probe cannot be loaded ({error}): see `iotrace doctor`"
        ) from None
    return probe


def reason_against(entry: Entry) -> str | None:
    """Return why a probe cannot run here, in one sentence; None if it can."""
    try:
        return load(entry).unusable()
    except ProbeError as error:
        return str(error)


def choose(name: str = "auto") -> Choice:
    """Return the probe called ``name``, or the best that can run. Raises :class:`ProbeError`."""
    reasons: list[str] = []
    for entry in PROBES:
        if name not in ("auto", entry.name):
            continue
        reason = reason_against(entry)
        if reason is None:
            remark = f"{reasons[0]}; this run uses {entry.title}" if reasons else None
            return Choice(load(entry)(), entry.title, remark)
        reasons.append(f"no {entry.title}: {reason.rstrip('.')}")
    raise ProbeError("; ".join(reasons))
