"""What the stops of one call cost here, measured on a child of ours that makes a call that does nothing."""

from __future__ import annotations

import os
import platform
import time
from typing import NamedTuple

import numpy as np

from probes.contract import ProbeError
from probes.events import Batch
from probes.ptrace import accounts, child
from probes.ptrace import filter as seccomp
from probes.ptrace.abi import AUDIT_ARCH, OPTIONS, PTRACE_INTERRUPT, PTRACE_SEIZE, ptrace
from probes.ptrace.interrupted import Interrupted
from probes.ptrace.plan import plans
from probes.ptrace.rows import Rows
from probes.ptrace.stops import Loop
from probes.ptrace.ticks import Ticks
from probes.ptrace.tree import Tree
from probes.table import BY_NAME

_CALLS = 211
_WARM_UP = 11
_GETPPID = {"x86_64": 110, "aarch64": 173}
_PERIOD_NS = 20_000_000


class Cost(NamedTuple):
    """Medians of one traced call, in nanoseconds."""

    in_call_ns: (
        int  # what a row's duration contains of the stops: exit_ns - enter_ns of a call that does nothing
    )
    call_ns: int  # by how much tracing delays the target, from one call to the next


def calibrate(keep_accounts: bool, *, every_call: bool = False) -> Cost:
    """Trace a few hundred calls that do nothing and return what they cost; takes about 20 ms.

    ``every_call``: without a filter, as what runs already is traced.
    Raises :class:`ProbeError` where tracing does not work here.
    """
    number = _GETPPID[platform.machine()]
    batches: list[Batch] = []
    rows = Rows(batches.append)
    tree = Tree(
        rows,
        keep_accounts=keep_accounts,
        keep_tasks=False,
        look_at_entry=False,
        interrupted=Interrupted() if every_call else None,
    )
    loop = Loop(plans({number: BY_NAME["listen"]}), AUDIT_ARCH[platform.machine()], every_call=every_call)
    ticks = Ticks()  # the loop ends by them where this process has other children to wait for
    patient = child.fork(b"" if every_call else seccomp.build([number]), _call_repeatedly)
    try:
        if ptrace(PTRACE_SEIZE, patient.pid, 0, OPTIONS) != 0:
            raise child.refused()
        if every_call:
            ptrace(PTRACE_INTERRUPT, patient.pid, 0, 0)
        tree.begin(patient.pid, b"", time.monotonic_ns())
        child.release(patient)
        ticks.start(_PERIOD_NS)
        loop.run(tree, rows, _PERIOD_NS, lambda now: None, accounts.UNKNOWN)
    finally:
        ticks.end()
        child.discard(patient, reap=tree.alive())
        tree.close()
    rows.flush()
    if not batches or len(batches[0].rows) != _CALLS:
        raise ProbeError(
            "the stops of calls do not reach the ptrace probe here: run it outside of this sandbox"
        )
    calls = batches[0].rows[_WARM_UP:]
    in_call = calls["exit_ns"] - calls["enter_ns"]
    return Cost(int(np.median(in_call)), int(np.median(np.diff(calls["exit_ns"]))))


def _call_repeatedly() -> None:
    for _ in range(_CALLS):
        os.getppid()
