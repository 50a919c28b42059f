"""What a recording says of itself: its header, and how it ended."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from typing import Any

from iotrace import __version__
from probes.contract import Options, Outcome


def header(
    argv: Sequence[str],
    pid: int,
    started_ns: int,
    options: Options,
    probe: Mapping[str, object],
    also: Mapping[str, object],
    **more: Any,
) -> dict[str, Any]:
    """Return the header: ``probe`` is :attr:`probes.contract.Probe.header`, ``also`` are further options."""
    return {
        "iotrace": __version__,
        "argv": list(argv),
        "folder": os.getcwd(),
        "pid": pid,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "host_cpus": os.cpu_count(),
        "started_ns": started_ns,
        "started_wall_ns": time.time_ns() - (time.monotonic_ns() - started_ns),
        **more,
        "options": {
            "pin": options.pin,
            "buffer_bytes": options.buffer_bytes,
            "withhold": sorted(options.withhold),
            **also,
        },
        **probe,
    }


def ending(
    outcome: Outcome, ended_by: str, number: int | None = None, clients: Sequence[int] | None = None
) -> dict[str, Any]:
    """Return the last note: ``number`` is the signal that ended the target, ``clients`` their statuses."""
    exited = outcome.status is not None and number is None
    return {
        "wait_status": outcome.status,
        "exit_status": os.waitstatus_to_exitcode(outcome.status)
        if exited and outcome.status is not None
        else None,
        "signal": number,
        "produced": outcome.produced,
        "lost": outcome.lost,
        "ended_ns": time.monotonic_ns(),
        "ended_by": ended_by,
        "clients": list(clients) if clients is not None else None,
        "probe_notes": outcome.notes,
    }
