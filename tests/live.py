"""Tests on real kernels: run where the probe can, say why not elsewhere, fail where it is required."""

from __future__ import annotations

import os

import pytest

from iotrace.capture.choice import PROBES, load, reason_against
from probes.contract import Probe


def require(name: str) -> type[Probe]:
    """Return the class of the probe ``name``; where it cannot run, skip the test with the probe's own reason.

    With ``IOTRACE_REQUIRE_PROBES=1`` (continuous integration) the test fails instead.
    """
    (entry,) = (entry for entry in PROBES if entry.name == name)
    reason = reason_against(entry)
    if reason is not None and os.environ.get("IOTRACE_REQUIRE_PROBES") == "1":
        pytest.fail(f"the {name} probe is required here: {reason}")
    if reason is not None:
        pytest.skip(f"the {name} probe cannot run: {reason}")
    return load(entry)
