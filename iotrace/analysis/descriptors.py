"""Descriptors' lives: which open file stands behind (process, fd) at each moment.

A number is reused as soon as it is closed, so every lookup needs a time. A *life* runs from the
call that made the descriptor to the next one that gives the same number. A descriptor that was
there before we looked (inherited from the tracer's shell, or by fork) has a life from the start.

Copies made by dup and fork share one *open file description* (open(2)): their lives have one
``root``, and what is awaited on one copy is received on another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis import passed, peers, ring_files, sockets
from iotrace.analysis.axis import Axis, Ints
from iotrace.analysis.calls import Calls, code, is_code, is_role
from iotrace.columns import Events
from probes.events import Kind
from probes.table import CALLS, Role

_SOCKET_CALLS = ("recvfrom", "recvmsg", "sendto", "sendmsg", "recvmmsg", "sendmmsg")
_F_DUPFD, _F_DUPFD_CLOEXEC = 0, 1030
_DUPS = tuple(code(name) for name in ("dup", "dup2", "dup3"))
#: The calls that make two descriptors, each the other's end.
PAIRS = tuple(code(name) for name in ("pipe", "pipe2", "socketpair"))
#: The kind of what a call makes.
MADE_BY = {
    "eventfd": "eventfd",
    "eventfd2": "eventfd",
    "epoll_create": "epoll",
    "epoll_create1": "epoll",
    "signalfd": "signalfd",
    "signalfd4": "signalfd",
    "timerfd_create": "timerfd",
    "io_uring_setup": "io_uring",
    "inotify_init": "inotify",
    "inotify_init1": "inotify",
    "pidfd_open": "pidfd",
    "memfd_create": "memfd",
    "pipe": "pipe",
    "pipe2": "pipe",
    "open": "file",
    "openat": "file",
    "openat2": "file",
    "creat": "file",
    "accept": "accepted",
    "accept4": "accepted",
    "socket": "socket",
    "socketpair": "socket",
}
_ANON = {
    "[eventpoll]": "epoll",
    "[eventfd]": "eventfd",
    "[signalfd]": "signalfd",
    "[timerfd]": "timerfd",
    "[io_uring]": "io_uring",
    "inotify": "inotify",
    "[pidfd]": "pidfd",
}


#: What the tracer says of a socket that it found open (iotrace.capture.descriptors).
TOLD = ("tcp", "udp", "listen", "unix", "unix-dgram")


@dataclass
class Lives:
    """All lives of a recording; every array is (n,) and one index names one life.

    ``origin`` is the *calls* index of the call that made it, -1 for inherited ones; ``fact`` the
    row of a DESCRIPTOR event that describes it, ``request`` the row of the io_uring request that made it, -1
    for none; ``root`` the life whose open file it shares.
    """

    tgid: Ints
    fd: Ints
    open_ns: Ints
    origin: Ints
    fact: Ints
    request: Ints
    root: Ints
    axis: Axis
    of_call: Ints  # (calls,) the life of each call's ``fd``, -1 for none
    kind: list[str] = field(default_factory=list)
    peers: dict[int, str] = field(default_factory=dict)  # {life: own address ← peer}, accepted without asking
    channels: set[int] = field(
        default_factory=set
    )  # roots of sockets by which its processes pass descriptors
    alike: dict[int, list[int]] = field(default_factory=dict)  # {life: those of which it is one}: passed on

    def __len__(self) -> int:
        return len(self.fd)

    def find(self, tgid: NDArray[Any], fd: NDArray[Any], time: NDArray[Any]) -> Ints:
        """Return (m,) the life of each (process, fd) at each time; -1 where nothing is known of it."""
        return self.axis.last(_key(tgid, fd), time)


def trace_lives(events: Events, calls: Calls, used: tuple[Ints, Ints, Ints]) -> Lives:
    """Work out all lives.

    ``used`` is (tgid, fd, time) of every use of a descriptor outside the ``fd`` column (members of
    sets), so that inherited ones that are only watched have a life too.
    """
    made = _openings(events, calls)
    facts = np.flatnonzero(events["kind"] == Kind.DESCRIPTOR)
    asked_for = ring_files.makers(events)
    others = np.r_[facts, asked_for]
    tgid = np.r_[made[0], events["tgid"][others].astype(np.int64)]
    fd = np.r_[made[1], events["fd"][facts].astype(np.int64), events["ret"][asked_for]]
    time = np.r_[made[2], events["enter_ns"][facts], events["exit_ns"][asked_for] - 1]
    origin = np.r_[made[3], np.full(len(others), -1, np.int64)]
    fact, request = np.full(len(fd), -1, np.int64), np.full(len(fd), -1, np.int64)
    fact[len(made[0]) : len(made[0]) + len(facts)] = facts
    request[len(fd) - len(asked_for) :] = asked_for
    opened = Axis(_key(tgid, fd), time)

    with_fd = np.flatnonzero((calls.fd >= 0) & (calls.ret != -9))
    asked = (
        np.r_[calls.tgid[with_fd], used[0]],
        np.r_[calls.fd[with_fd].astype(np.int64), used[1]],
        np.r_[calls.enter_ns[with_fd], used[2]],
    )
    keys = _key(asked[0], asked[1])
    found = opened.last(keys, asked[2])
    orphan = found < 0
    inherited = np.unique(keys[orphan])
    inherited = _with_ancestors(events, inherited, opened)
    first = int(events["enter_ns"].min()) - 1 if len(events) else 0
    unknown = np.full(len(inherited), -1, np.int64)
    tgid = np.r_[inherited >> 32, tgid]
    fd = np.r_[inherited & 0xFFFFFFFF, fd]
    time = np.r_[np.full(len(inherited), first, np.int64), time]
    origin, fact, request = np.r_[unknown, origin], np.r_[unknown, fact], np.r_[unknown, request]
    lives = Lives(
        tgid,
        fd,
        time,
        origin,
        fact,
        request,
        np.arange(len(fd), dtype=np.int64),
        Axis(_key(tgid, fd), time),
        np.full(len(calls), -1, np.int64),
    )
    if len(inherited):
        found = lives.axis.last(keys, asked[2])
    lives.of_call[with_fd] = found[: len(with_fd)]
    _join_copies(events, calls, lives, len(inherited))
    _join_passed(events, calls, lives)
    requested = np.flatnonzero(request >= 0)
    lives.peers = peers.of_requests(events, requested, request[requested])
    lives.peers |= peers.of_calls(events, calls, origin, lives.root, lives.of_call)
    lives.kind = _kinds(events, calls, lives)
    return lives


def _key(tgid: NDArray[Any], fd: NDArray[Any]) -> Ints:
    return (tgid.astype(np.int64) << 32) | (fd.astype(np.int64) & 0xFFFFFFFF)


def _openings(events: Events, calls: Calls) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (tgid, fd, time, calls index) of every descriptor that a call made."""
    done = (calls.ret >= 0) & ~calls.pending
    pair = is_code(calls, *PAIRS) & done
    single = is_role(calls, Role.OPEN, Role.ACCEPT) & done & ~pair
    control = np.flatnonzero((calls.code == code("fcntl")) & done)
    duplicated = control[np.isin(events["a"][calls.row[control]], (_F_DUPFD, _F_DUPFD_CLOEXEC))]
    # In the order of time: rows of several CPUs need not be.
    one = np.r_[np.flatnonzero(single), duplicated]
    one = one[np.lexsort((one, calls.exit_ns[one]))]
    two = np.flatnonzero(pair)
    two = two[np.lexsort((two, calls.exit_ns[two]))]
    both = events["c"][calls.row[two]]
    brought = passed.received(events, calls)
    index = np.r_[one, two, two, brought.call]
    made = np.r_[calls.ret[one], both & 0xFFFFFFFF, both >> 32, brought.fd]
    # The descriptor exists from before the call's return: another thread may use it at once.
    time = calls.exit_ns[index] - 1
    time = np.maximum(time, calls.enter_ns[index])
    return calls.tgid[index], made.astype(np.int64), time, index


def _births(events: Events) -> dict[int, tuple[int, int]]:
    """Return {process: (its parent process, time of its birth)}."""
    rows = np.flatnonzero(events["kind"] == Kind.TASK_NEW)
    rows = rows[events["tid"][rows] == events["tgid"][rows]]
    return {
        int(events["tgid"][row]): (int(events["waker"][row]), int(events["enter_ns"][row])) for row in rows
    }


def _with_ancestors(events: Events, inherited: Ints, opened: Axis) -> Ints:
    """Add the parents' keys that inherited descriptors came from and that nobody opened in sight."""
    if not len(inherited):
        return inherited
    births = _births(events)
    known = set(inherited.tolist())
    waiting = list(known)
    while waiting:
        key = waiting.pop()
        parent, born = births.get(key >> 32, (0, 0))
        if not parent:
            continue
        above = parent << 32 | key & 0xFFFFFFFF
        if above in known or opened.slot(np.array([above]), np.array([born]))[0] >= 0:
            continue
        known.add(above)
        waiting.append(above)
    return np.array(sorted(known), np.int64)


def _join_copies(events: Events, calls: Calls, lives: Lives, inherited: int) -> None:
    """Point ``root`` of dup'ed and inherited lives to the life that they copy."""
    source = np.full(len(lives), -1, np.int64)
    made = lives.origin >= 0
    origin = lives.origin[made]
    copied = np.isin(calls.code[origin], (*_DUPS, code("fcntl")))
    life = np.flatnonzero(made)[copied]
    call = origin[copied]
    source[life] = lives.find(calls.tgid[call], calls.fd[call], calls.enter_ns[call])
    births = _births(events)
    for index in range(inherited):
        parent, born = births.get(int(lives.tgid[index]), (0, 0))
        if parent:
            found = lives.find(np.array([parent]), lives.fd[index : index + 1], np.array([born]))
            source[index] = found[0]
    _point(lives, source)


def _join_passed(events: Events, calls: Calls, lives: Lives) -> None:
    """Point ``root`` of lives that a message brought to the life of which its sender passed a copy."""
    got = passed.received(events, calls)
    if not len(got.call):
        return
    gave = passed.sent(events, calls)
    mine = lives.find(calls.tgid[got.call], got.fd, calls.exit_ns[got.call])
    theirs = lives.find(calls.tgid[gave.call], gave.fd, calls.enter_ns[gave.call])
    root = np.where(lives.of_call >= 0, lives.root[lives.of_call], -1)
    source = np.full(len(lives), -1, np.int64)
    found = passed.sources(calls, gave, got, root, _mates(calls, lives))
    for number, (life, heads) in enumerate(zip(mine.tolist(), found, strict=True)):
        of = [int(theirs[head]) for head in heads if theirs[head] >= 0]
        if len(of) == 1:
            source[life] = of[0]
        elif of:
            lives.alike[life] = of
        if of:
            lives.channels |= {int(root[got.call[number]]), *root[gave.call[heads]].tolist()}
    _point(lives, source)


def _mates(calls: Calls, lives: Lives) -> dict[int, int]:
    """Return {root: root of the other end} of the socketpairs that the program made."""
    ends: dict[int, list[int]] = {}
    for life in np.flatnonzero(lives.origin >= 0).tolist():
        if calls.code[lives.origin[life]] == code("socketpair"):
            ends.setdefault(int(lives.origin[life]), []).append(life)
    return {
        one: other for first, second in ends.values() for one, other in ((first, second), (second, first))
    }


def _point(lives: Lives, source: Ints) -> None:
    """Make ``source`` (lives,), where it is not -1, the roots of lives, and follow copies of copies."""
    lives.root = np.where(source >= 0, source, lives.root)
    for _ in range(len(lives).bit_length()):
        further = lives.root[lives.root]
        if np.array_equal(further, lives.root):
            return
        lives.root = further
    # Rows that contradict each other can make a ring of copies: none of its members has an original.
    ring = lives.root[lives.root] != lives.root
    lives.root = np.where(ring, np.arange(len(lives)), lives.root)


def _kinds(events: Events, calls: Calls, lives: Lives) -> list[str]:
    """Return each life's kind; copies have their root's."""
    names = [MADE_BY.get(call.name, "unknown") for call in CALLS]
    kinds = ["unknown"] * len(lives)
    for index in np.flatnonzero(lives.root == np.arange(len(lives))):
        origin, fact = int(lives.origin[index]), int(lives.fact[index])
        if origin >= 0:
            kinds[index] = "tcp" if index in lives.peers else _kind_made(events, calls, origin, names)
        elif fact >= 0:
            kinds[index] = kind_of_link(events.blob_of(fact).decode("utf-8", "backslashreplace"))
        elif lives.request[index] >= 0:
            kinds[index] = (
                "tcp" if index in lives.peers else ring_files.kind_made(events, lives.request[index])
            )
    _by_use(events, calls, lives, kinds)
    for life, others in lives.alike.items():
        those = {kinds[of] for of in lives.root[others].tolist()}
        kinds[life] = those.pop() if len(those) == 1 else kinds[life]
    asked = ring_files.accepts(events)
    for root in _roots(
        lives, lives.find(events["tgid"][asked], events["fd"][asked], events["enter_ns"][asked])
    ):
        kinds[root] = "listen"
    return [kinds[root] for root in lives.root]


def _kind_made(events: Events, calls: Calls, origin: int, names: list[str]) -> str:
    kind: str = names[calls.code[origin]]
    row = int(calls.row[origin])
    if kind == "socket":
        return sockets.kind_of_socket(int(events["a"][row]), int(events["b"][row]))
    if kind == "accepted":
        domain = sockets.family(events.blob_of(row))
        return "unix" if domain == sockets.AF_UNIX else "tcp" if domain else "accepted"
    if kind == "file" and events.blob_of(row).startswith((b"/dev/pts/", b"/dev/tty")):
        return "terminal"
    return kind


def kind_of_link(text: str) -> str:
    """Return the kind that a link in /proc/PID/fd names, or that the tracer told instead of one."""
    for prefix, kind in (
        ("socket:", "socket"),
        ("pipe:", "pipe"),
        ("/dev/pts/", "terminal"),
        ("/dev/tty", "terminal"),
    ):
        if text.startswith(prefix):
            return kind
    kind, _, rest = text.partition(" ")
    if kind in TOLD and (rest or kind.startswith("unix")):
        return kind
    if text.startswith("anon_inode:"):
        return str(_ANON.get(text.removeprefix("anon_inode:"), "unknown"))
    return "file" if text.startswith("/") else "unknown"


def name_of_link(text: str) -> str:
    """Return what such a link names, without the kind that the tracer has told before it."""
    kind = kind_of_link(text)
    return text.removeprefix(f"{kind} ") if kind in TOLD else text


def _by_use(events: Events, calls: Calls, lives: Lives, kinds: list[str]) -> None:
    """Settle kinds that only their use tells: listening sockets, and sockets that were inherited.

    So are those that an accept returned which was under way when we attached: where they are only read, the
    socket layer tells.
    """
    table = np.zeros(len(CALLS), bool)
    table[[code(name) for name in ("listen", "accept", "accept4")]] = True
    listening = table[calls.code] & ((calls.ret >= 0) | (calls.ret == -11))
    for root in _roots(lives, lives.of_call[listening]):
        kinds[root] = "listen"
    vague = np.array([kind in ("unknown", "accepted") for kind in kinds], bool)
    if not vague.any():
        return
    table[:] = False
    table[[code(name) for name in _SOCKET_CALLS]] = True
    used = table[calls.code] & (calls.ret >= 0)
    if events.header.get("attached"):
        used |= events["done_ns"][calls.row] > 0
    for root in _roots(lives, lives.of_call[used]):
        if vague[root] and kinds[root] != "listen":
            kinds[root] = "socket"


def _roots(lives: Lives, life: Ints) -> list[int]:
    seen = np.zeros(len(lives), bool)
    seen[lives.root[life[life >= 0]]] = True
    return [int(root) for root in np.flatnonzero(seen)]
