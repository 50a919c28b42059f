"""What each descriptor is, at the moment of each row: known from the rows before it and nothing else.

The analysis of a whole recording (:mod:`iotrace.analysis.descriptors`) also learns from what comes
later; a view that prints rows as they come cannot, and says nothing where nothing is known yet.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from iotrace.analysis import sockets
from iotrace.analysis.calls import code
from iotrace.analysis.descriptors import MADE_BY, PAIRS, kind_of_link, name_of_link
from iotrace.analysis.rows import Row
from iotrace.columns import Events
from probes.events import ADDRESSES, Kind
from probes.table import CALLS

_EBADF, _EINPROGRESS, _TCP_LISTEN = -9, -115, 10
_F_DUPFD, _F_DUPFD_CLOEXEC = 0, 1030
_CLONE_FILES = 0x400
_CLOSE_RANGE_UNSHARE, _CLOSE_RANGE_CLOEXEC = 2, 4
_EPOLL_CTL_DEL = 2


class OpenFile:
    """An open file; copies of a descriptor (dup, fork) share one.

    ``kind`` and ``name`` as in :class:`iotrace.analysis.model.Descriptor`; ``members``: an epoll's data → fd.
    """

    __slots__ = ("kind", "members", "name")

    def __init__(self, kind: str, name: str = "") -> None:
        self.kind = kind
        self.name = name
        self.members: dict[int, int] = {}


class OpenFiles:
    """The descriptors of all processes. Give it every row that :func:`changing` chooses, in their order."""

    def __init__(self) -> None:
        self._tables: dict[int, dict[int, OpenFile]] = {}

    def get(self, tgid: int, fd: int) -> OpenFile | None:
        """Return what is known of a descriptor now."""
        table = self._tables.get(tgid)
        return None if table is None else table.get(fd)

    def apply(self, row: Row) -> None:
        """Learn from a row."""
        if row.kind == Kind.CALL:
            if row.ret == _EBADF:
                if row.code not in _DUPS_OVER:
                    self._table(row.tgid).pop(row.fd, None)
                return
            learn = _LEARN.get(row.code)
            if learn is not None:
                learn(self, row)
        elif row.kind == Kind.DESCRIPTOR:
            link = row.blob.decode("utf-8", "backslashreplace")
            self._set(row, row.fd, OpenFile(kind_of_link(link), name_of_link(link)))
        elif row.kind == Kind.TASK_NEW:
            self._born(row)
        elif row.kind == Kind.TASK_EXIT:
            self._tables.pop(row.tgid, None)
        elif row.kind == Kind.CONNECTION:
            found = self.get(row.tgid, row.fd)
            if found is not None:
                found.kind, found.name = "listen", sockets.local_text(row.blob)

    def _table(self, tgid: int) -> dict[int, OpenFile]:
        return self._tables.setdefault(tgid, {})

    def _set(self, row: Row, fd: int, file: OpenFile) -> None:
        self._table(row.tgid)[fd] = file

    def _born(self, row: Row) -> None:
        if row.tid != row.tgid:
            return
        table = self._table(row.waker)
        self._tables[row.tgid] = table if row.b & _CLONE_FILES else dict(table)

    def _made(self, row: Row) -> None:
        name = ""
        kind = MADE_BY[CALLS[row.code].name]
        if kind == "socket":
            kind = sockets.kind_of_socket(row.a, row.b)
        elif kind == "file":
            name = row.blob.decode("utf-8", "backslashreplace")
            if name.startswith(("/dev/pts/", "/dev/tty")):
                kind = "terminal"
        self._set(row, row.ret, OpenFile(kind, name))

    def _paired(self, row: Row) -> None:
        kind = sockets.kind_of_socket(row.a, row.b) if CALLS[row.code].name == "socketpair" else "pipe"
        self._set(row, row.c & 0xFFFFFFFF, OpenFile(kind))
        self._set(row, row.c >> 32 & 0xFFFFFFFF, OpenFile(kind))

    def _accepted(self, row: Row) -> None:
        listener = self.get(row.tgid, row.fd)
        if listener is None:
            listener = OpenFile("listen")
            self._set(row, row.fd, listener)
        listener.kind = "listen"
        peer, family = sockets.text(row.blob), sockets.family(row.blob)
        kind = "unix" if family == sockets.AF_UNIX else "tcp" if family else "socket"
        self._set(row, row.ret, OpenFile(kind, f"{listener.name} ← {peer}" if peer else ""))

    def _bound(self, row: Row) -> None:
        found = self.get(row.tgid, row.fd)
        address = sockets.text(row.blob)
        if found is not None and address and not found.name.startswith("→ "):
            found.name = address

    def _listens(self, row: Row) -> None:
        found = self.get(row.tgid, row.fd)
        if found is None:
            found = OpenFile("listen")
            self._set(row, row.fd, found)
        found.kind, found.name = "listen", sockets.text(row.blob) or found.name

    def _connected(self, row: Row) -> None:
        found = self.get(row.tgid, row.fd)
        address = sockets.text(row.blob)
        if found is not None and address:
            found.name = f"→ {address}"

    def _copied(self, row: Row) -> None:
        if CALLS[row.code].name == "fcntl" and row.a not in (_F_DUPFD, _F_DUPFD_CLOEXEC):
            return
        table = self._table(row.tgid)
        source = table.get(row.fd)
        if source is None:
            table.pop(row.ret, None)
        else:
            table[row.ret] = source

    def _closed(self, row: Row) -> None:
        self._table(row.tgid).pop(row.fd, None)

    def _range_closed(self, row: Row) -> None:
        if row.c & _CLOSE_RANGE_UNSHARE:
            self._tables[row.tgid] = dict(self._table(row.tgid))
        if not row.c & _CLOSE_RANGE_CLOEXEC:
            table = self._table(row.tgid)
            first, last = row.a & 0xFFFFFFFF, row.b & 0xFFFFFFFF
            for fd in [fd for fd in table if first <= fd <= last]:
                del table[fd]

    def _watched(self, row: Row) -> None:
        if row.a == _EPOLL_CTL_DEL or not row.watch:
            return
        epoll = self.get(row.tgid, row.fd)
        if epoll is None:
            epoll = OpenFile("epoll")
            self._set(row, row.fd, epoll)
        epoll.members[row.watch[0]] = row.b


_LEARN: dict[int, Callable[[OpenFiles, Row], None]] = {
    code(name): learn
    for learn, names in (
        (OpenFiles._accepted, ("accept", "accept4")),
        (OpenFiles._paired, tuple(CALLS[value].name for value in PAIRS)),
        (OpenFiles._copied, ("dup", "dup2", "dup3", "fcntl")),
        (OpenFiles._bound, ("bind",)),
        (OpenFiles._listens, ("listen",)),
        (OpenFiles._connected, ("connect",)),
        (OpenFiles._closed, ("close",)),
        (OpenFiles._range_closed, ("close_range",)),
        (OpenFiles._watched, ("epoll_ctl",)),
    )
    for name in names
}
_LEARN |= {code(name): OpenFiles._made for name in MADE_BY if code(name) not in _LEARN}
_DUPS_OVER = frozenset(code(name) for name in ("dup2", "dup3"))
_CHANGES = np.zeros(len(CALLS), bool)
_CHANGES[list(_LEARN)] = True
#: A descriptor is free after close even where close reports an error (close(2)); connect goes on by itself.
_EVEN_FAILED = np.zeros(len(CALLS), bool)
_EVEN_FAILED[code("close")] = True


def changing(events: Events) -> NDArray[np.bool_]:
    """Return (n,) bool: the rows from which there is something to learn about descriptors."""
    kind, ret = events["kind"], events["ret"]
    codes = np.where(events["code"] < len(CALLS), events["code"], 0)
    call = kind == Kind.CALL
    chosen: NDArray[np.bool_] = call & _CHANGES[codes]
    chosen &= (ret >= 0) | _EVEN_FAILED[codes] | ((codes == code("connect")) & (ret == _EINPROGRESS))
    control = np.flatnonzero(chosen & (codes == code("fcntl")))
    if len(control):
        chosen[control] = np.isin(events["a"][control], (_F_DUPFD, _F_DUPFD_CLOEXEC))
    chosen |= call & (ret == _EBADF) & (events["fd"] >= 0)
    chosen &= events["code"] < len(CALLS)
    others = np.flatnonzero(~call)
    if len(others):
        what = kind[others]
        ended = (what == Kind.TASK_EXIT) & (events["a"][others] == 1)
        listens = (what == Kind.CONNECTION) & (events["a"][others] == _TCP_LISTEN)
        listens &= (events["fd"][others] >= 0) & (np.diff(events.blob_offsets)[others] == ADDRESSES.itemsize)
        chosen[others] = (what == Kind.DESCRIPTOR) | (what == Kind.TASK_NEW) | ended | listens
    return chosen
