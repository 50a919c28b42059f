"""Lessons about accept: too many who wait for one connection, and no descriptor left for it."""

from __future__ import annotations

import errno

import numpy as np

from iotrace.analysis.axis import Axis, take
from iotrace.analysis.calls import EAGAIN, code, is_role
from iotrace.analysis.lessons.case import Case, times
from iotrace.analysis.matrix import spoken
from iotrace.analysis.readiness import READABLE
from iotrace.language import _
from probes.table import Role

#: Two who look at the same moment can both be woken by chance, once or twice.
HERD = 3

_NO_DESCRIPTOR = (-errno.EMFILE, -errno.ENFILE)


def descriptor_leak(case: Case) -> str | None:
    """Without a descriptor accept fails, and the connection stays: the listening socket stays ready."""
    calls = case.calls
    accepts = is_role(calls, Role.ACCEPT)
    failed = np.flatnonzero(accepts & np.isin(calls.ret, _NO_DESCRIPTOR))
    if not len(failed):
        return None
    first = calls.enter_ns[failed[0]]
    tgid = calls.tgid[failed[0]]
    mine = (calls.tgid == tgid) & (calls.exit_ns <= first)
    accepted = int(np.count_nonzero(accepts & mine & (calls.ret >= 0)))
    connection = take(calls.role, take(case.lives.origin, case.lives.of_call, -1), 0) == Role.ACCEPT
    closed = int(np.count_nonzero(mine & connection & (calls.code == code("close")) & (calls.ret == 0)))
    why = errno.errorcode[-int(calls.ret[failed[0]])]
    return _(
        "{call} failed {times} with {error}: of {accepted} accepted connections {closed} had been closed. The"
        " one that nobody can accept keeps the listening socket ready, so no level-triggered wait sleeps."
    ).format(
        call=spoken(calls.code[failed[0]]),
        times=times(len(failed)),
        error=why,
        accepted=accepted,
        closed=closed,
    )


def thundering_herd(case: Case) -> str | None:
    """One connection wakes all who wait for it, and all but one find nothing."""
    calls, sets = case.calls, case.sets
    accepts = np.flatnonzero(is_role(calls, Role.ACCEPT) & (case.root >= 0) & ~calls.pending)
    fails = accepts[calls.ret[accepts] == EAGAIN]
    if len(fails) < HERD or not len(sets.call):
        return None
    woken = np.flatnonzero(((sets.revents & READABLE) != 0) & (case.entry_root >= 0) & calls.slept[sets.call])
    key = case.root << 24 | calls.tid
    told_key = case.entry_root[woken] << 24 | calls.tid[sets.call[woken]]
    told = Axis(told_key, calls.exit_ns[sets.call[woken]]).last(key[fails], calls.enter_ns[fails])
    wait = take(sets.call[woken], told, -1)
    before = Axis(key[accepts], calls.enter_ns[accepts]).last(key[fails], calls.enter_ns[fails], before=True)
    earlier = take(calls.enter_ns[accepts], before, 0)
    taken = accepts[calls.ret[accepts] >= 0]
    winner = Axis(case.root[taken], calls.exit_ns[taken]).last(case.root[fails], calls.exit_ns[fails])
    won = take(calls.exit_ns[taken], winner, 0)
    vain = (wait >= 0) & (earlier < take(calls.exit_ns, wait, 0)) & (won >= take(calls.enter_ns, wait, 0))
    vain &= take(calls.tid[taken], winner, -1) != calls.tid[fails]
    tasks = np.unique(calls.tid[fails[vain]])
    if np.count_nonzero(vain) < HERD or len(tasks) < 2:
        return None
    root = int(case.root[fails[vain]][0])
    return _(
        "{n} tasks were woken for connections on {fd}, and {times} accept found nothing (EAGAIN), for another"
        " had it: {accepted} were accepted."
    ).format(
        n=len(tasks),
        fd=case.named(root),
        times=times(int(vain.sum())),
        accepted=np.count_nonzero(case.root[taken] == root),
    )
