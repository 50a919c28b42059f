"""One run seen by two tracers: what each thread called, as the one recorded it and as the other did.

A system call passes ptrace(2)'s stop, seccomp and the tracepoint of its entry in this order, and on its way
back the tracepoint and then the stop (``kernel/entry/common.c``): while a tracer holds a server, the eBPF
probe sees every call that the tracer sees, and its results.
"""

from __future__ import annotations

import errno
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iotrace.analysis.model import Act
from iotrace.columns import Events
from iotrace.recording.reading import read
from probes.events import Kind
from probes.table import BY_NAME, CALLS

#: ``include/linux/errno.h``: what a tracer sees of a call that a signal ended.
_RESTARTS = {
    512: "ERESTARTSYS",
    513: "ERESTARTNOINTR",
    514: "ERESTARTNOHAND",
    516: "ERESTART_RESTARTBLOCK",
}


class Witnessed(NamedTuple):
    """``outer``: the eBPF probe's recording of the other tracer's tree; ``inner``: what that one wrote."""

    outer: Path
    inner: Path


class Seen(NamedTuple):
    """One call: ``result`` is a number, an errno's name, or None where it never returned.

    ``arguments`` are the columns a, b and c of a recording; () where the tracer prints them in words.
    """

    name: str
    fd: int
    result: int | str | None
    arguments: tuple[int, ...]


Threads = dict[int, list[Seen]]


def recorded(events: Events) -> Threads:
    """Return the calls of each thread of a recording, in their order."""
    calls = (events["kind"] == Kind.CALL) | (events["kind"] == Kind.PENDING)
    rows = np.flatnonzero(calls)
    rows = rows[np.lexsort((events["kind"][rows], events["enter_ns"][rows]))]
    threads: Threads = defaultdict(list)
    known = set()
    for row in rows:
        key = int(events["tid"][row]), int(events["enter_ns"][row])
        if key in known:  # PENDING comes after CALL: one that returned after all
            continue
        known.add(key)
        ret = int(events["ret"][row])
        threads[key[0]].append(
            Seen(
                CALLS[events["code"][row]].name,
                int(events["fd"][row]),
                None if events["kind"][row] == Kind.PENDING else _error(-ret) if -4096 < ret < 0 else ret,
                tuple(int(events[name][row]) for name in ("a", "b", "c")),
            )
        )
    return dict(threads)


#: execve(2) by another thread than the leader: it goes on under the leader's number.
_SUPERSEDED = re.compile(r"\+\+\+ superseded by execve in pid (\d+) ")
_CHANGED = re.compile(r"<pid changed to \d+ \.\.\.>$")


def _error(number: int) -> str:
    return _RESTARTS.get(number) or errno.errorcode[number]


def printed(text: str) -> Threads:
    """Return the calls of the table in strace's lines; a call in two pieces counts where it began."""
    threads: Threads = defaultdict(list)
    unfinished: dict[int, str] = {}
    for line in text.splitlines():
        tid, _, rest = line.partition(" ")
        rest = rest.lstrip()
        if superseded := _SUPERSEDED.match(rest):  # a leader ends inside of its call, its number lives on
            if begun := unfinished.pop(int(tid), ""):
                _add(threads[int(tid)], begun, "")
            unfinished[int(tid)] = unfinished.pop(int(superseded[1]))
            continue
        if rest.startswith(("+++", "---")):
            continue
        if rest.endswith("<unfinished ...>") or _CHANGED.search(rest):
            unfinished[int(tid)] = rest
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>", rest)
        begun = unfinished.pop(int(tid), "") if resumed else rest
        _add(threads[int(tid)], begun, rest)
    for thread, begun in unfinished.items():
        _add(threads[thread], begun, "")
    return {tid: calls for tid, calls in threads.items() if calls}


def _add(calls: list[Seen], begun: str, ended: str) -> None:
    name, _, arguments = begun.partition("(")
    if name not in BY_NAME:
        return
    result: int | str | None = None
    if ended:
        found = re.fullmatch(r".*\) += (\?|-?\d+|0x[0-9a-f]+)(?: (E[A-Z0-9_]+))?(?: .*)?", ended)
        assert found, f"{begun!r} … {ended!r}"
        result = found[2] or (None if found[1] == "?" else int(found[1], 0))
    fd = -1
    if BY_NAME[name].fd is not None:
        first = re.match(r"-?\w+", arguments)
        assert first, begun
        fd = int(first[0])
    calls.append(Seen(name, fd, result, ()))


def of_target(events: Events, root: int) -> Threads:
    """Return the calls of the process ``root`` since its first exec, and of all that descend from it."""
    threads = recorded(events)
    born = events["kind"] == Kind.TASK_NEW
    family = {root}
    for child, parent in zip(events["tid"][born].tolist(), events["a"][born].tolist(), strict=True):
        if parent in family:
            family.add(child)
    first = next(number for number, call in enumerate(threads[root]) if call[:3] == ("execve", -1, 0))
    threads[root] = threads[root][first:]
    return {tid: calls for tid, calls in threads.items() if tid in family}


def pairs(ours: list[Seen], theirs: list[Seen]) -> Iterator[tuple[Seen, Seen]]:
    """Pair the calls of a thread: ``ours`` of the eBPF probe, ``theirs`` of a tracer that stops it (ptrace).

    A thread that is killed, or whose process exits, in a call never comes back to its tracer, though the call
    ends in the kernel: such a last call is paired with itself. One that is killed while its tracer holds it
    at the entry of a call never runs that call, and never passes the tracepoint of the entry, which comes
    after both stops (Linux, kernel/entry: ptrace, then seccomp, then the tracepoint; each gives up when a
    fatal signal is pending): such a last call of theirs is none of ours. A leader whose number another thread
    takes over by exec has made its last call too.
    """
    if len(theirs) == len(ours) + 1 and theirs[-1].result is None:
        theirs = theirs[:-1]
    assert len(ours) == len(theirs), (ours[-3:], theirs[-3:])
    for number, (our, their) in enumerate(zip(ours, theirs, strict=True), 1):
        if their.result is None:
            after = theirs[number : number + 1]
            assert not after or after[0][:3] == ("execve", -1, 0), (
                f"{their} never returned, yet the thread went on"
            )
            yield our._replace(result=None), their
        else:
            yield our, their


def whole(path: Path) -> Events:
    """Read a recording from which nothing may be missing."""
    events = read(path)
    assert not np.any(events["kind"] == Kind.GAP)
    return events


_EPOLL_CTL = re.compile(r"epoll_ctl\(\d+, EPOLL_CTL_(?:ADD|MOD), (\d+), \{events=([A-Z|]+)")
_ACCEPT = re.compile(r"(?:accept4?\((\d+)|<\.\.\. accept4? resumed>).*?(<unfinished \.\.\.>|\) += (-?\d+))")


def watched_with(text: str, beside: Events) -> dict[Act, list[str]]:
    """Return the flags of the epoll_ctl in strace's lines that watched each accept's socket and connection.

    ``beside``, a recording of the same run, tells the processes of threads, and whose children they are: a
    connection can be inherited.
    """
    process = dict(zip(beside["tid"].tolist(), beside["tgid"].tolist(), strict=True))
    born = beside["kind"] == Kind.TASK_NEW
    parents = dict(zip(beside["tgid"][born].tolist(), beside["waker"][born].tolist(), strict=True))
    latest: dict[tuple[int, int], str] = {}
    fresh: set[tuple[int, int]] = set()
    asked: dict[int, int] = {}
    flags: dict[Act, list[str]] = {Act.ACCEPT: [], Act.RECEIVE: []}
    for line in text.splitlines():
        tid = int(line.split(maxsplit=1)[0])
        tgid = process.get(tid, tid)
        if (watch := _EPOLL_CTL.search(line)) and "EPOLLIN" in watch[2]:
            fd = int(watch[1])
            latest[tgid, fd] = watch[2]
            if known := {(tgid, fd), (parents.get(tgid, tgid), fd)} & fresh:
                fresh -= known
                flags[Act.RECEIVE].append(watch[2])
        elif accept := _ACCEPT.search(line):
            asked[tid] = int(accept[1]) if accept[1] else asked[tid]
            if accept[3] and int(accept[3]) >= 0:
                fresh.add((tgid, int(accept[3])))
                flags[Act.ACCEPT].append(latest.get((tgid, asked[tid]), ""))
    return flags
