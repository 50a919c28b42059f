"""Descriptors for people: one object a life, made when it is looked at.

A server of a hundred thousand connections has as many lives; only those that a view shows become objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import overload

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis import modes, sockets
from iotrace.analysis.axis import Ints, take
from iotrace.analysis.calls import Calls, code
from iotrace.analysis.descriptors import Lives, name_of_link
from iotrace.analysis.model import NAMELESS, Descriptor, Model
from iotrace.analysis.operation import Operations
from iotrace.analysis.readiness import EPOLLET, Readiness
from iotrace.columns import Events
from probes.events import ADDRESSES, Kind
from probes.table import CALLS, Role

_EINPROGRESS, _TCP_LISTEN = -115, 10


class DescriptorTable(Sequence[Descriptor]):
    """All descriptors' lives, in the order of :class:`Lives`; index i is life i."""

    def __init__(
        self, events: Events, calls: Calls, lives: Lives, readiness: Readiness, operations: Operations
    ) -> None:
        self._events, self._calls, self._lives, self._operations = events, calls, lives, operations
        self.nonblocking, self.asynchronous = modes.at_end(events, calls, lives)
        self._close = _closes(calls, lives)
        self._addresses = _addresses(calls, lives)
        self._listening = _listening(events, calls, lives)
        self._watchers = _watchers(events, calls, lives, readiness)
        known = operations["life"] >= 0
        root = lives.root[operations["life"][known]]
        self._count = np.bincount(root, minlength=len(lives))
        self._bytes = np.bincount(root, operations["bytes"][known], minlength=len(lives))
        self._model = _models(lives, root, operations["model"][known])
        self._described = lru_cache(maxsize=4096)(self._describe)  # of this table: it goes with it

    def __len__(self) -> int:
        return len(self._lives)

    @overload
    def __getitem__(self, index: int) -> Descriptor: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Descriptor]: ...
    def __getitem__(self, index: int | slice) -> Descriptor | Sequence[Descriptor]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._described(index)

    def _describe(self, index: int) -> Descriptor:
        lives, root = self._lives, int(self._lives.root[index])
        nonblocking, asynchronous = int(self.nonblocking[root]), int(self.asynchronous[root])
        inherited = max(lives.origin[index], lives.fact[index], lives.request[index]) < 0
        return Descriptor(
            int(lives.tgid[index]),
            int(lives.fd[index]),
            lives.kind[index],
            self._name(root),
            None if inherited else int(lives.open_ns[index]),
            int(self._close[index]) or None,
            None if nonblocking < 0 else bool(nonblocking),
            None if asynchronous < 0 else bool(asynchronous),
            tuple(sorted(self._watchers.get(root, ()))),
            Model(int(self._model[root])),
            int(self._count[root]),
            int(self._bytes[root]),
        )

    def _local(self, root: int) -> str:
        """Return a socket's own address, as the kernel reported it or as the process asked for it."""
        bound, _ = self._addresses
        if root in self._listening:
            return self._listening[root]
        if root in bound:
            return sockets.text(self._events.blob_of(int(self._calls.row[bound[root]]))) or "(any address)"
        return self._told(root)

    def _name(self, root: int) -> str:
        """Return what a person calls it: an address, a pair of addresses, a path, or nothing."""
        lives, events, calls = self._lives, self._events, self._calls
        origin = int(lives.origin[root])
        bound, connected = self._addresses
        if root in lives.peers:
            return lives.peers[root]
        if origin >= 0 and CALLS[calls.code[origin]].role == Role.ACCEPT:
            peer = sockets.text(events.blob_of(int(calls.row[origin])))
            listener = int(lives.of_call[origin])
            local = self._local(int(lives.root[listener])) if listener >= 0 else ""
            return f"{local} ← {peer}" if peer else f"{local} ← {NAMELESS}"
        if root in connected:
            remote = sockets.text(events.blob_of(int(calls.row[connected[root]])))
            return f"→ {remote}" if remote else ""
        if root in self._listening or root in bound:
            return self._local(root)
        if origin >= 0 and lives.kind[root] in ("file", "terminal"):
            return events.blob_of(int(calls.row[origin])).decode("utf-8", "backslashreplace")
        return self._told(root)

    def _told(self, root: int) -> str:
        """Return what the tracer said of a descriptor that it found open."""
        fact = int(self._lives.fact[root])
        if fact < 0:
            return ""
        return name_of_link(self._events.blob_of(fact).decode("utf-8", "backslashreplace"))


def _closes(calls: Calls, lives: Lives) -> Ints:
    """Return (lives,) when each was closed; 0 where it was not seen to be."""
    close = np.zeros(len(lives), np.int64)
    done = np.flatnonzero((calls.code == code("close")) & (calls.ret == 0) & (lives.of_call >= 0))
    close[lives.of_call[done]] = calls.exit_ns[done]
    return close


def _addresses(calls: Calls, lives: Lives) -> tuple[dict[int, int], dict[int, int]]:
    """Return {root: calls index} of the last bind and the last connect of each socket."""
    found: list[dict[int, int]] = []
    for name in ("bind", "connect"):
        chosen = np.flatnonzero(
            (calls.code == code(name))
            & (lives.of_call >= 0)
            & ((calls.ret == 0) | (calls.ret == _EINPROGRESS))
        )
        found.append({int(lives.root[lives.of_call[index]]): int(index) for index in chosen})
    return found[0], found[1]


def _listening(events: Events, calls: Calls, lives: Lives) -> dict[int, str]:
    """Return {root: local address} where it is known: the port after bind to 0.

    eBPF: the kernel reports the socket's new state; ptrace: getsockname after listen, in its ``blob``.
    """
    rows = np.flatnonzero((events["kind"] == Kind.CONNECTION) & (events["a"] == _TCP_LISTEN))
    rows = rows[(events["fd"][rows] >= 0) & (np.diff(events.blob_offsets)[rows] == ADDRESSES.itemsize)]
    life = lives.find(events["tgid"][rows], events["fd"][rows], events["enter_ns"][rows])
    found = {
        int(lives.root[index]): sockets.local_text(events.blob_of(int(row)))
        for row, index in zip(rows, life, strict=True)
        if index >= 0
    }
    for call in np.flatnonzero((calls.code == code("listen")) & (calls.ret == 0) & (lives.of_call >= 0)):
        if address := sockets.text(events.blob_of(int(calls.row[call]))):
            found.setdefault(int(lives.root[lives.of_call[call]]), address)
    return found


def _watchers(events: Events, calls: Calls, lives: Lives, readiness: Readiness) -> dict[int, set[str]]:
    """Return {root: names of the waits that watch it}."""
    watchers: dict[int, set[str]] = {}
    if not len(readiness.call):
        return watchers
    life = lives.find(readiness.tgid, readiness.fd, calls.exit_ns[readiness.call])
    known = life >= 0
    root = take(lives.root, life, -1)
    edge = (readiness.mode & EPOLLET) != 0
    packed = np.stack(
        [root, calls.code[readiness.call].astype(np.int64), readiness.epoll, edge.astype(np.int64)]
    )
    for value, wait, epoll, is_edge in np.unique(packed[:, known], axis=1).T.tolist():
        name = CALLS[wait].name
        if epoll >= 0:
            name = f"epoll (fd {epoll}, {'edge' if is_edge else 'level'})"
        watchers.setdefault(value, set()).add(name)
    return watchers


def _models(lives: Lives, root: Ints, models: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (lives,) the model of most operations of each root."""
    width = len(Model)
    counts = np.bincount(root * width + models, minlength=len(lives) * width).reshape(-1, width)
    counts[:, Model.UNKNOWN] = 0
    most: NDArray[np.uint8] = counts.argmax(axis=1).astype(np.uint8)
    return most
