"""Tell a recording in virtual time: each method adds the rows that a probe would write.

Times are in microseconds from an arbitrary start; rows carry what the eBPF probe sees, or, with
``accounted=True``, only what the ptrace probe sees.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from iotrace.analysis import Analysis, analyse
from iotrace.columns import Events, from_batches
from probes.events import ADDRESSES, EVENT, Flag, Kind, batch
from probes.table import BY_NAME

START_NS = 1_000_000_000_000
US = 1_000


def at(us: float) -> int:
    """Return the absolute ns of a virtual time."""
    return START_NS + round(us * US)


def inet(port: int, host: bytes = b"\x7f\x00\x00\x01") -> bytes:
    """Return a struct sockaddr_in."""
    return struct.pack("=H", 2) + struct.pack(">H", port) + host + bytes(8)


class Story:
    """A growing list of rows. ``pid`` is both process and thread unless a call says otherwise."""

    def __init__(self, pid: int = 100, accounted: bool = False) -> None:
        self.pid = pid
        self.accounted = accounted
        self._rows: list[Any] = []
        self._watch: dict[int, list[int]] = {}
        self._blob: dict[int, bytes] = {}

    def row(
        self, kind: Kind, blob: bytes | None = None, watch: list[int] | None = None, **columns: Any
    ) -> Story:
        """Add one row; columns not named are 0, ``fd`` -1."""
        row = np.zeros((), EVENT)
        row["fd"], row["kind"], row["tid"], row["tgid"] = -1, kind, self.pid, self.pid
        for name, value in columns.items():
            row[name] = value
        index = len(self._rows)
        if blob is not None:
            self._blob[index] = blob
        if watch is not None:
            self._watch[index] = watch
        self._rows.append(row[()])
        return self

    def call(
        self,
        name: str,
        begin: float,
        end: float,
        ret: int = 0,
        asleep: float = 0,
        queued: float = 0,
        ready: float | None = None,
        copy: float | None = None,
        **columns: Any,
    ) -> Story:
        """Add a finished call; ``asleep`` and ``queued`` are durations, ``ready`` and ``copy`` times."""
        columns = {"code": BY_NAME[name].code, "ret": ret, **columns}
        columns |= {"enter_ns": at(begin), "exit_ns": at(end)}
        columns |= {"asleep_ns": round(asleep * US), "queued_ns": round(queued * US)}
        if self.accounted:
            columns["flags"] = columns.get("flags", 0) | Flag.ACCOUNTED
            return self.row(Kind.CALL, **columns)
        if asleep:
            woken = begin + 1 + asleep
            columns |= {"sleeps": 1, "sleep_ns": at(begin + 1), "waking_ns": at(woken)}
            columns |= {"running_ns": at(woken + queued)}
        if ready is not None:
            columns["ready_ns"] = at(ready)
        if copy is not None:
            columns |= {"copy_ns": at(copy), "copies": 1, "copied": max(ret, 0)}
        return self.row(Kind.CALL, **columns)

    def socket(self, fd: int, at_us: float = 0, nonblocking: bool = False, udp: bool = False) -> Story:
        """A socket is made."""
        return self.call(
            "socket", at_us, at_us + 1, fd, a=2, b=(2 if udp else 1) | (0o4000 if nonblocking else 0)
        )

    def server(self, fd: int, port: int, at_us: float = 0, nonblocking: bool = False) -> Story:
        """A listening socket is made and bound."""
        self.socket(fd, at_us, nonblocking)
        self.call("bind", at_us + 2, at_us + 3, 0, fd=fd, blob=inet(port))
        return self.call("listen", at_us + 4, at_us + 5, 0, fd=fd, a=5)

    def accept(
        self, fd: int, new: int, begin: float, end: float, port: int, nonblocking: bool = False, **kw: Any
    ) -> Story:
        """A connection from ``port`` is accepted as ``new``."""
        return self.call(
            "accept4", begin, end, new, fd=fd, b=0o4000 if nonblocking else 0, blob=inet(port), **kw
        )

    def established(self, time: float, port: int, local: int = 8801) -> Story:
        """A connection from ``port`` is ready to be accepted."""
        addresses = np.zeros(1, ADDRESSES)
        addresses["family"], addresses["local_port"], addresses["remote_port"] = 2, local, port
        return self.row(Kind.CONNECTION, enter_ns=at(time), a=1, sk=port, blob=addresses.tobytes())

    def select(self, begin: float, end: float, watched: list[int], found: list[int], **kw: Any) -> Story:
        """select() on read sets."""
        values = [fd | 1 << 32 | (1 << 48 if fd in found else 0) for fd in watched]
        return self.call(
            "select", begin, end, len(found), a=max(watched) + 1, watch=values, **{"c": -1, **kw}
        )

    def poll(self, begin: float, end: float, watched: list[int], found: list[int], **kw: Any) -> Story:
        """poll() for POLLIN."""
        values = [fd | 1 << 32 | (1 << 48 if fd in found else 0) for fd in watched]
        return self.call("poll", begin, end, len(found), a=len(watched), watch=values, **{"c": -1, **kw})

    def epoll_add(
        self, epoll: int, fd: int, time: float, data: int | None = None, mode: int = 0, **kw: Any
    ) -> Story:
        """epoll_ctl(EPOLL_CTL_ADD) for EPOLLIN."""
        value = [fd if data is None else data, 1 | mode]
        return self.call("epoll_ctl", time, time + 1, 0, fd=epoll, a=1, b=fd, watch=value, **kw)

    def epoll_wait(self, epoll: int, begin: float, end: float, found: list[int], **kw: Any) -> Story:
        """epoll_wait(); ``found`` are the data of the events."""
        values = [value for data in found for value in (data, 1)]
        return self.call(
            "epoll_wait", begin, end, len(found), fd=epoll, a=64, watch=values, **{"c": -1, **kw}
        )

    def events(self, **header: Any) -> Events:
        """Return the rows, in the order in which they would have been written."""
        rows = np.array(self._rows, EVENT) if self._rows else np.zeros(0, EVENT)
        end = np.where(rows["exit_ns"] > 0, rows["exit_ns"], rows["enter_ns"])
        order = np.argsort(end, kind="stable")
        place = {int(old): new for new, old in enumerate(order)}
        watch = {place[index]: values for index, values in self._watch.items()}
        blob = {place[index]: value for index, value in self._blob.items()}
        header = {"probe": "ptrace" if self.accounted else "bpf", "argv": ["server.py"], **header}
        return from_batches([batch(rows[order], watch, blob)], header)

    def analyse(self) -> Analysis:
        """Return the analysis of the story."""
        return analyse(self.events())
