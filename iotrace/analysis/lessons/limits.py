"""A lesson about select's own limit: FD_SETSIZE."""

from __future__ import annotations

import numpy as np

from iotrace.analysis.calls import code, is_code, is_role
from iotrace.analysis.lessons.case import Case
from iotrace.language import _
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
            return _(
                "select watched descriptors up to {widest}, and the process opened {n} of {limit} or more, up"
                " to {most}: select never saw one of them (FD_SETSIZE is {limit})."
            ).format(widest=widest - 1, n=len(np.unique(beyond)), limit=FD_SETSIZE, most=int(beyond.max()))
    return None
