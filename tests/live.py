"""Tests on real kernels: run where the probe can, say why not elsewhere, fail where it is required."""

from __future__ import annotations

import os
from importlib import import_module

import pytest

from probes.contract import Probe

#: Every probe: its name in recordings, and where its class is. Imported one at a time, as a run does.
PROBES = {"bpf": "probes.bpf:BpfProbe", "ptrace": "probes.ptrace:PtraceProbe"}


def require(name: str) -> type[Probe]:
    """Return the class of the probe ``name``; where it cannot run, skip the test with the probe's own reason.

    With ``IOTRACE_REQUIRE_PROBES=1`` (continuous integration) the test fails instead.
    """
    module, _, attribute = PROBES[name].partition(":")
    probe: type[Probe] = getattr(import_module(module), attribute)
    reason = probe.unusable()
    if reason is not None and os.environ.get("IOTRACE_REQUIRE_PROBES") == "1":
        pytest.fail(f"the {name} probe is required here: {reason}")
    if reason is not None:
        pytest.skip(f"the {name} probe cannot run: {reason}")
    return probe
