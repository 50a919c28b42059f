"""A lesson about select's own limit: FD_SETSIZE."""

from __future__ import annotations

import numpy as np

from iotrace.analysis.calls import code, is_code, is_role
from iotrace.analysis.lessons.case import Case
from probes.table import Role

#: ``FD_SETSIZE`` of the C library (``sys/select.h``, select(2)); the kernel itself would take more.
FD_SETSIZE = 1024

#: Who selects over half of what fits is the one that the limit stops, and no bystander of the process.
NEAR = FD_SETSIZE // 2


def fd_setsize(case: Case) -> str | None:
    """select cannot watch a descriptor of 1024 or more, whatever the process may open."""
    calls = case.calls
    selects = is_code(calls, code("select"), code("pselect6"))
    if not selects.any():
        return None
    made = is_role(calls, Role.OPEN, Role.ACCEPT) & (calls.ret >= FD_SETSIZE)
    for tgid in np.unique(calls.tgid[selects & (case.asked >= NEAR)]).tolist():
        widest = int(case.asked[selects & (calls.tgid == tgid)].max())
        beyond = calls.ret[made & (calls.tgid == tgid)]
        if widest <= FD_SETSIZE and len(beyond):
            return (
                f"select watched descriptors up to {widest - 1}, and the process opened"
                f" {len(np.unique(beyond))} of {FD_SETSIZE} or more, up to {int(beyond.max())}: select never"
                f" saw one of them (FD_SETSIZE is {FD_SETSIZE})."
            )
    return None
