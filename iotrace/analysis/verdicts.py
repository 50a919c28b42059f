"""Verdicts: which model the operations of an act prove, and what supports and contradicts it.

One model must have more than nine tenths of the operations that prove anything; otherwise the
verdict is mixed. Operations of unknown model prove nothing and are counted as neither.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis.calls import Calls, code
from iotrace.analysis.matrix import call_names, for_one, peeked
from iotrace.analysis.model import Act, Model, Verdict
from iotrace.analysis.operation import Operations
from iotrace.analysis.readiness import EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, MODE_INSIDE, MODE_UNSEEN
from iotrace.columns import Events
from iotrace.language import N_, _
from probes.events import Kind

_FAMILY = {
    "select": "select",
    "poll": "poll",
    "epoll_wait": "epoll",
    "io_uring_enter": "io_uring",
}
#: So many of an act, as a sentence begins: {n} of {all}, and of all.
_SHARES = {
    Act.RECEIVE: N_("{n} of {all} receives"),
    Act.ACCEPT: N_("{n} of {all} accepts"),
    Act.RECEIVE_DATAGRAM: N_("{n} of {all} datagram receives"),
    Act.SEND: N_("{n} of {all} sends"),
    Act.RECEIVE_UPSTREAM: N_("{n} of {all} upstream receives"),
}
_ALL = {
    Act.RECEIVE: N_("{all} receives"),
    Act.ACCEPT: N_("{all} accepts"),
    Act.RECEIVE_DATAGRAM: N_("{all} datagram receives"),
    Act.SEND: N_("{all} sends"),
    Act.RECEIVE_UPSTREAM: N_("{all} upstream receives"),
}
_NOUN = {
    Act.RECEIVE: N_("receive"),
    Act.ACCEPT: N_("accept"),
    Act.RECEIVE_DATAGRAM: N_("datagram receive"),
    Act.SEND: N_("send"),
    Act.RECEIVE_UPSTREAM: N_("upstream receive"),
}
_DOMINANT = 0.9
_SETUP_SQPOLL = 2


def judge(act: Act, events: Events, calls: Calls, op: Operations, mode: NDArray[np.int64]) -> Verdict | None:
    """Judge the operations of one act; None where there is none and nothing hints at unseen ones.

    ``op`` and ``mode`` (n,) are aligned: ``mode`` has the EPOLLET, EPOLLONESHOT and EPOLLEXCLUSIVE bits of
    the announcement.
    """
    if not len(op):
        return _unseen(act, events, calls)
    counts = np.bincount(op["model"], minlength=len(Model))
    shares = {Model(int(m)): int(counts[m]) for m in np.flatnonzero(counts)}
    proving = {m: c for m, c in shares.items() if m is not Model.UNKNOWN}
    total = sum(proving.values())
    if not total:
        words = _("all {operations} found their data at once on non-blocking descriptors")
        if np.any(op["by_ring"]):
            words = _(
                "all {operations} found their data at once, after io_uring_enter: this probe cannot see what"
                " that told"
            )
        because = words.format(operations=_(_ALL[act]).format(all=len(op)))
        return Verdict(Model.UNKNOWN, None, None, len(op), 0, 0, because, shares)
    model, supporting = max(proving.items(), key=lambda item: item[1])
    if supporting <= _DOMINANT * total:
        parts = _(", ").join(
            f"{count} {_(m.label.replace('_', '-'))}"
            for m, count in sorted(proving.items(), key=lambda i: -i[1])
        )
        because = _("of {operations}: {parts}").format(operations=_(_ALL[act]).format(all=total), parts=parts)
        return Verdict(Model.MIXED, None, None, len(op), supporting, total - supporting, because, shares)
    of_model = op["model"] == model
    multiplexer, trigger = None, None
    if model is Model.MULTIPLEXING:
        names = call_names(events, op["wait"][of_model])
        multiplexer = _FAMILY.get(next(iter(names), ""))
        inside = np.count_nonzero(mode[of_model] & MODE_INSIDE)
        multiplexer = "epoll" if 2 * inside > np.count_nonzero(of_model) else multiplexer
        trigger = _trigger(multiplexer, mode[of_model & (op["wait"] >= 0)])
    because = _because(act, model, events, op[of_model], supporting, total)
    if model is Model.MULTIPLEXING and inside:
        because += _("; of {n}, {wait} waited for the epoll set that then named them").format(
            n=inside, wait=next(iter(names))
        )
    guessed = np.count_nonzero(mode[of_model] & MODE_UNSEEN)
    if guessed:
        because += _(
            "; of {n} the epoll_ctl was an io_uring request, unseen: told by the events' numbers"
        ).format(n=guessed)
    return Verdict(model, multiplexer, trigger, len(op), supporting, total - supporting, because, shares)


def _trigger(multiplexer: str | None, mode: NDArray[np.int64]) -> str | None:
    if multiplexer != "epoll":
        return None if multiplexer == "io_uring" else "level"
    seen = mode[(mode & MODE_UNSEEN) == 0]
    if len(seen) * 2 <= len(mode):
        return None
    mode = seen
    half = len(mode) / 2
    edge = np.count_nonzero(mode & EPOLLET)
    mixed = (1 - _DOMINANT) * len(mode) <= edge <= _DOMINANT * len(mode) and len(mode) > 1
    parts = ["mixed" if mixed else "edge" if edge > half else "level"]
    if np.count_nonzero(mode & EPOLLONESHOT) > half:
        parts.append("oneshot")
    if np.count_nonzero(mode & EPOLLEXCLUSIVE) > half:
        parts.append("exclusive")
    return "+".join(parts)


def _because(act: Act, model: Model, events: Events, op: Operations, supporting: int, total: int) -> str:
    calls = next(iter(call_names(events, op["call"])), _(_NOUN[act]))
    share = _(_SHARES[act]).format(n=supporting, all=total)
    if model is Model.MULTIPLEXING:
        waits = next(iter(call_names(events, op["wait"])), _("a wait"))
        also = int(np.count_nonzero(op["in_transfer_ns"] > 0))
        slept = _("{n} also slept in {call}") if also else _("none slept in {call}")
        words = (
            _(
                "{share} were announced by {wait}; {slept}; each {wait} watched one descriptor only, as"
                " Python's settimeout() does"
            )
            if _alone(events, op)
            else _("{share} were announced by {wait}; {slept}")
        )
        return words.format(share=share, wait=waits, slept=slept.format(n=also, call=calls))
    if model is Model.BLOCKING:
        waited = int(np.count_nonzero(~op["at_once"]))
        before = peeked(events, op["wait"])
        wait = op["wait"][before]
        if len(wait):
            words = _(
                "{share} were left to {call} itself: {waited} slept in it, {n} before it in {peek} with"
                " MSG_PEEK, {there} found their data there"
            )
            before_it = int(np.count_nonzero(~op["at_once"][before]))
            return words.format(
                share=share,
                call=calls,
                waited=waited - before_it,
                n=before_it,
                peek=next(iter(call_names(events, wait))),
                there=supporting - waited,
            )
        return _(
            "{share} were left to {call} itself: {waited} slept in it, {there} found their data there"
        ).format(share=share, call=calls, waited=waited, there=supporting - waited)
    if model is Model.NONBLOCKING:
        tries = int(op["tries"].sum())
        words = _("{share} were found by trying again; {tries} tries before them returned EAGAIN")
        return words.format(share=share, tries=tries)
    if model is Model.SIGNAL_DRIVEN:
        words = _("{share} were announced by a signal (O_ASYNC); none slept in {call}")
        return words.format(share=share, call=calls)
    if act is Act.ACCEPT:
        return _("{share} were io_uring requests").format(share=share)
    worker = int(np.count_nonzero(op["by_worker"]))
    words = _("{share} were io_uring requests; {n} were copied by a kernel thread")
    return words.format(share=share, n=worker)


def _alone(events: Events, op: Operations) -> bool:
    """Return whether every announcing wait is a poll of a single descriptor."""
    waited = op["wait"] >= 0
    return bool(waited.any() and np.all(for_one(events, op["wait"], op["fd"])[waited]))


def _unseen(act: Act, events: Events, calls: Calls) -> Verdict | None:
    """Say so where requests went through io_uring and the probe cannot see them."""
    if act is not Act.RECEIVE or np.any(events["kind"] == Kind.RING):
        return None
    enters = calls.code == code("io_uring_enter")
    rings = np.flatnonzero((calls.code == code("io_uring_setup")) & (calls.ret >= 0))
    if not len(rings) and not np.any(enters & (calls.ret >= 0)):  # the ring may be older than the recording
        return None
    words = _(
        "no receive call was seen, yet io_uring_enter ran {n} times and submitted {submitted} requests: this"
        " probe cannot see what they did"
    )
    if np.any(events["b"][calls.row[rings]] & _SETUP_SQPOLL):
        words = _(
            "no receive call was seen, yet io_uring_enter ran {n} times and submitted {submitted} requests,"
            " and a kernel thread takes others without a call (IORING_SETUP_SQPOLL): this probe cannot see"
            " what they did"
        )
    submitted = int(np.maximum(calls.ret[enters], 0).sum())
    because = words.format(n=int(np.count_nonzero(enters)), submitted=submitted)
    return Verdict(Model.UNKNOWN, None, None, 0, 0, 0, because)
