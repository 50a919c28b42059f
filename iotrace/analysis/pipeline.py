"""The analysis from end to end: rows in, everything that a view shows out. A pure function."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis import (
    arrivals,
    attempts,
    calls,
    descriptors,
    lessons,
    levels,
    matrix,
    modes,
    notices,
    operations,
    order,
    own,
    places,
    processes,
    readiness,
    requests,
    statistics,
    tables,
    verdicts,
)
from iotrace.analysis.axis import Ints, take
from iotrace.analysis.model import Act, Analysis, CallStatistics, Place, Verdict
from iotrace.analysis.operation import Operations, join
from iotrace.analysis.stalls import STALL_NS, find
from iotrace.columns import Events
from probes.events import Flag, Kind
from probes.table import Role


def analyse(events: Events, stall_ns: int = STALL_NS) -> Analysis:
    """Work everything out of a recording's rows: operations, matrix, verdicts, statistics, lessons.

    ``stall_ns``: how long a loop must sleep elsewhere to be listed as stalled; lessons keep their own bound.
    """
    begin_ns, end_ns = _extent(events)
    all_calls = calls.select(events, end_ns)
    with ThreadPoolExecutor(1) as beside:  # numpy sorts and sums without the interpreter's lock
        timed = beside.submit(statistics.of_calls, events, all_calls)
        return _analyse(events, all_calls, begin_ns, end_ns, timed, stall_ns)


def _analyse(
    events: Events,
    all_calls: calls.Calls,
    begin_ns: int,
    end_ns: int,
    timed: Future[list[CallStatistics]],
    stall_ns: int,
) -> Analysis:
    sets, ctl = readiness.read_sets(events, all_calls)
    add = ctl.call[ctl.op == 1]
    used = (
        np.r_[sets.tgid, all_calls.tgid[add]],
        np.r_[sets.fd, ctl.fd[ctl.op == 1]],
        np.r_[all_calls.exit_ns[sets.call], all_calls.exit_ns[add]],
    )
    lives = descriptors.trace_lives(events, all_calls, used)
    found = _operations(events, all_calls, lives, sets)
    op = found.operations
    proof = matrix.proof_matrix(events, op)
    judged = judge_all(events, all_calls, op, found.mode)
    table = tables.DescriptorTable(events, all_calls, lives, sets, op)
    counted = timed.result()
    lost = _lost(events)
    case = lessons.Case(events, all_calls, lives, sets, ctl, op, table, judged, proof, counted)
    return Analysis(
        events=events,
        call_columns=all_calls,
        operations=op,
        lives=_lives_of_rows(events, all_calls, lives),
        descriptors=table,
        matrix=proof,
        verdicts=judged,
        process_model=processes.process_model(
            events, all_calls, op, lives, _listeners(all_calls, lives, sets, ctl)
        ),
        calls=counted,
        lessons=lessons.lessons(case),
        begin_ns=begin_ns,
        end_ns=end_ns,
        threads=_threads(all_calls),
        lost=lost,
        gaps=_gaps(events),
        memory=_memory(events),
        foreign=int(np.count_nonzero(events["flags"] & Flag.FOREIGN)),
        roots=lives.root,
        kinds=lives.kind,
        order=order.order_of_answers(events, op, lives.root),
        stalls=case.stalls if stall_ns == STALL_NS else find(case, stall_ns),
        levels=() if lost else levels.levels(events, all_calls, lives),
    )


@dataclass(frozen=True)
class _Found:
    operations: Operations
    mode: Ints  # aligned: the epoll bits of the announcement


def _operations(
    events: Events, all_calls: calls.Calls, lives: descriptors.Lives, sets: readiness.Readiness
) -> _Found:
    announced = notices.announcements(all_calls, lives, sets)
    blocking = modes.Blocking(events, all_calls, lives)
    streams, datagrams = attempts.receives(events, all_calls, lives, blocking)
    accepted = attempts.accepts(all_calls, lives)
    arrived = arrivals.of_accepts(events, all_calls, accepted.call)
    parts, triggers = [], []
    for act, taken, when in (
        (Act.RECEIVE, streams, None),
        (Act.ACCEPT, accepted, arrived),
        (Act.RECEIVE_DATAGRAM, datagrams, None),
    ):
        without = blocking.at(taken.root, all_calls.enter_ns[taken.call])
        op, entry = operations.by_calls(act, taken, events, all_calls, lives, announced, without, when)
        parts.append(op)
        inside = (entry >= 0) & (op["wait"] != take(all_calls.row, take(sets.call, entry, -1), -1))
        triggers.append(take(sets.mode, entry, 0) | inside * readiness.MODE_INSIDE)
    ring = requests.by_requests(events, lives)
    parts.append(ring)
    triggers.append(np.zeros(len(ring), np.int64))
    op, mode = join(parts), np.concatenate(triggers)
    begin = op["begin_ns"]
    if np.any(begin[1:] < begin[:-1]):
        by_begin = np.argsort(begin, kind="stable")
        op, mode = op[by_begin], mode[by_begin]
    _mark_upstream(op, all_calls, lives)
    kept = _of_peers(events, op, all_calls, lives)
    op, mode = op[kept], mode[kept]
    if np.any(op["ready_ns"] > op["begin_ns"]):
        on_file = (all_calls.role == Role.RECEIVE) & _is_file(lives)[lives.of_call] & (lives.of_call >= 0)
        others = {
            Place.OTHER: on_file,
            Place.SIGNAL: notices.of_signalfd(all_calls, lives),
            Place.TRANSFER: attempts.from_sockets(all_calls, lives),
        }
        place = places.of_calls(all_calls, _timeouts(events, all_calls), others)
        operations.place_phase1(op, places.Whereabouts(all_calls, place))
    return _Found(op, mode)


def judge_all(events: Events, all_calls: calls.Calls, op: Operations, mode: Ints) -> dict[Act, Verdict]:
    """Judge every act of which there are operations, and the receives even where none was seen."""
    judged: dict[Act, Verdict] = {}
    for act in Act:
        chosen = op["act"] == act
        if not chosen.any() and act is not Act.RECEIVE:
            continue
        verdict = verdicts.judge(act, events, all_calls, op[chosen], mode[chosen])
        if verdict is not None:
            judged[act] = verdict
    return judged


def _listeners(
    all_calls: calls.Calls,
    lives: descriptors.Lives,
    sets: readiness.Readiness,
    ctl: readiness.Registrations,
) -> NDArray[np.int64]:
    """Return the processes that asked, in vain or not, the sockets from which connections were accepted.

    By an accept, in a set, or through epoll_ctl.
    """
    tried = np.flatnonzero((all_calls.role == Role.ACCEPT) & (lives.of_call >= 0))
    given = np.zeros(len(lives) + 1, bool)
    given[lives.root[lives.of_call[tried[all_calls.ret[tried] >= 0]]]] = True
    add = ctl.op == readiness.CTL_ADD
    tgid = np.r_[sets.tgid, all_calls.tgid[ctl.call[add]], all_calls.tgid[tried]]
    fd = np.r_[sets.fd, ctl.fd[add], all_calls.fd[tried]]
    asked = np.r_[sets.call, ctl.call[add], tried]
    life = lives.find(tgid, fd, all_calls.exit_ns[asked])
    return np.unique(tgid[given[take(lives.root, life, len(lives))]])


def _mark_upstream(op: Operations, all_calls: calls.Calls, lives: descriptors.Lives) -> None:
    """Tell the receives of a server from its clients apart from those on connections that it made itself.

    A connected datagram socket is one of these, where there are clients besides: a name server is asked so.
    """
    datagrams = op["act"] == Act.RECEIVE_DATAGRAM
    receives = (op["act"] == Act.RECEIVE) | datagrams
    connected = np.zeros(len(lives) + 1, bool)
    chosen = np.flatnonzero((all_calls.code == calls.code("connect")) & (lives.of_call >= 0))
    connected[lives.root[lives.of_call[chosen]]] = True
    root = take(lives.root, op["life"].astype(np.int64), len(lives))
    outgoing = receives & connected[root]
    if not np.any(receives & ~outgoing):
        return
    if not np.any(op["act"] == Act.ACCEPT):
        outgoing &= datagrams & bool(np.any(datagrams & ~outgoing))
    op["act"] = np.where(outgoing, Act.RECEIVE_UPSTREAM, op["act"])


def _of_peers(
    events: Events, op: Operations, all_calls: calls.Calls, lives: descriptors.Lives
) -> NDArray[np.bool_]:
    """Return which operations are the program's dialogue with others.

    Where there are sockets, pipes are the inside of the program (a shell's substitutions, a loop's
    wake-up), not its clients; and so is a pair of sockets both ends of which one process uses. Where clients
    were accepted, or sent datagrams over the network, so is every pair of sockets that the program made: its
    processes talk to each other. So they do where they connect to paths of their own.
    """
    inside = np.array([kind == "pipe" for kind in lives.kind] + [False], bool)
    clients = np.any(op["act"] == Act.ACCEPT) or any(lives.kind[life] == "udp" for life in _of_datagrams(op))
    inside[(own.pairs if clients else own.pairs_of_one)(all_calls, lives)] = True
    inside[own.connections(events, all_calls, lives)] = True
    hidden = inside[op["life"]]
    others = ~hidden & ((op["act"] == Act.RECEIVE) | (op["act"] == Act.RECEIVE_DATAGRAM))
    return ~hidden if others.any() else np.ones(len(op), bool)


def _of_datagrams(op: Operations) -> list[int]:
    life = op["life"][op["act"] == Act.RECEIVE_DATAGRAM]
    return [each for each in np.unique(life).tolist() if each >= 0]


def _is_file(lives: descriptors.Lives) -> NDArray[np.bool_]:
    return np.array([kind in ("file", "terminal") for kind in lives.kind] + [False], bool)


def _timeouts(events: Events, all_calls: calls.Calls) -> Ints:
    c = events["c"]
    return c if len(c) == len(all_calls) else c[all_calls.row]


def _lives_of_rows(events: Events, all_calls: calls.Calls, lives: descriptors.Lives) -> NDArray[np.int32]:
    of_row = np.full(len(events), -1, np.int32)
    of_row[all_calls.row] = lives.of_call
    return of_row


def _memory(events: Events) -> Mapping[str, int]:
    """Return what the tracer sampled of the target's memory."""
    found = [note["memory"] for note in events.notes if isinstance(note.get("memory"), dict)]
    return found[-1] if found else {}


def _extent(events: Events) -> tuple[int, int]:
    """Return the first and the last moment of the target's own: the tracer's notes do not count."""
    enter, exit_ns = events["enter_ns"], events["exit_ns"]
    own = (events["kind"] < Kind.DESCRIPTOR) & (enter > 0)  # 0: when a signal was sent may be unseen
    if not own.any():
        return 0, 0
    begin = int(np.where(own, enter, np.iinfo(np.int64).max).min())
    return begin, max(int(np.where(own, enter, 0).max()), int(np.where(own, exit_ns, 0).max()))


def _threads(all_calls: calls.Calls) -> list[tuple[int, int, str]]:
    """Return the threads that made calls, in the order of their first one; a reused number is one thread."""
    if not len(all_calls):
        return []
    tid = all_calls.tid
    first = np.full(int(tid.max()) + 1, -1, np.int64)
    first[tid[::-1]] = np.arange(len(tid), dtype=np.int64)[::-1]  # of equal indices the last one stays
    at = np.sort(first[first >= 0])
    pairs = zip(all_calls.tgid[at].tolist(), tid[at].tolist(), strict=True)
    return [(tgid, thread, f"thread {thread}") for tgid, thread in pairs]


def _gaps(events: Events) -> list[tuple[int, int, int]]:
    rows = np.flatnonzero(events["kind"] == Kind.GAP)
    return [
        (int(events["enter_ns"][row]), int(events["exit_ns"][row]), int(events["a"][row])) for row in rows
    ]


def _lost(events: Events) -> int:
    """Return the rows lost: the sum of the gaps, or what the probe counted if that is more."""
    counted = max(
        (int(note["lost"]) for note in events.notes if isinstance(note.get("lost"), int)), default=0
    )
    return max(sum(count for _, _, count in _gaps(events)), counted)
