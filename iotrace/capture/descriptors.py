"""What processes have open when we come: descriptors with their addresses, and what each epoll set watches.

Rows of kind DESCRIPTOR. The blob is the link of /proc/PID/fd, or for a socket what it is and where it leads
(``tcp 127.0.0.1:80 ← 10.0.0.7:40112``); an epoll set has two values in ``watch`` for each member:
``fd | events << 32`` and ``data``, as proc(5) tells them in ``fdinfo``.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from probes.events import EVENT, Batch, Kind, batch

_LISTEN = "0A"
_MEMBER = re.compile(r"^tfd:\s*(\d+)\s+events:\s*([0-9a-f]+)\s+data:\s*([0-9a-f]+)", re.MULTILINE)
_FLAGS = re.compile(r"^flags:\s*([0-7]+)", re.MULTILINE)


def open_descriptors(pids: Iterable[int], now_ns: int, across_exec: bool = False) -> Batch:
    """Return a row for each descriptor of the processes, as if told at ``now_ns``.

    ``across_exec``: the process has yet to become its program, and what exec closes is left out.
    """
    found: list[tuple[int, int, int, bytes]] = []
    watched: dict[int, list[int]] = {}
    names = _Names()
    for pid in pids:
        for fd in _listing(pid):
            try:
                link = os.readlink(f"/proc/{pid}/fd/{fd}")
                told = Path(f"/proc/{pid}/fdinfo/{fd}").read_text()
            except OSError:
                continue
            flags = _FLAGS.search(told)
            if flags is None or (across_exec and int(flags[1], 8) & os.O_CLOEXEC):
                continue
            members = [
                value
                for member, events, data in _MEMBER.findall(told)
                for value in (int(member) | int(events, 16) << 32, int(data, 16))
            ]
            if members:
                watched[len(found)] = members
            found.append((pid, fd, int(flags[1], 8), os.fsencode(names.of(pid, link))))
    rows = np.zeros(len(found), EVENT)
    rows["kind"], rows["enter_ns"] = Kind.DESCRIPTOR, now_ns
    rows["tid"] = rows["tgid"] = [pid for pid, _, _, _ in found]
    rows["fd"] = [fd for _, fd, _, _ in found]
    rows["a"] = [flags for _, _, flags, _ in found]
    return batch(rows, watched, {index: words for index, (_, _, _, words) in enumerate(found)})


def _listing(pid: int) -> list[int]:
    try:
        return sorted(map(int, os.listdir(f"/proc/{pid}/fd")))
    except OSError:
        return []


class _Names:
    """What links are called: a socket by what it is; the tables of each network are read once, if at all."""

    def __init__(self) -> None:
        self._of_network: dict[str, dict[str, str]] = {}

    def of(self, pid: int, link: str) -> str:
        """Return what a link of /proc/PID/fd is called."""
        if not link.startswith("socket:"):
            return link
        try:
            network = os.readlink(f"/proc/{pid}/ns/net")
        except OSError:
            return link
        if network not in self._of_network:
            self._of_network[network] = _sockets(pid)
        return self._of_network[network].get(link, link)


def _sockets(pid: int) -> dict[str, str]:
    """Return {link: what it is} of the sockets in a process's network namespace; proc(5), ``net``."""
    named: dict[str, str] = {}
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        lines = [line.split() for line in _lines(f"/proc/{pid}/net/{kind}")]
        served = {local.rpartition(":")[2] for _, local, _, state, *_ in lines if state == _LISTEN}
        for _, local, remote, state, _, _, _, _, _, inode, *_ in lines:
            here = _address(local)
            if state == _LISTEN:
                words = f"listen {here}"
            elif remote.endswith(":0000"):
                words = f"{kind[:3]} {here}"
            else:
                arrow = "←" if local.rpartition(":")[2] in served else "→"
                words = (
                    f"{kind[:3]} {here} {arrow} {_address(remote)}"
                    if arrow == "←"
                    else f"{kind[:3]} → {_address(remote)}"
                )
            named[f"socket:[{inode}]"] = words
    for line in _lines(f"/proc/{pid}/net/unix"):
        _, _, _, flags, kind, _, inode, *path = line.split(maxsplit=7)
        what = "listen" if int(flags, 16) & 1 << 16 else "unix" if kind == "0001" else "unix-dgram"
        named[f"socket:[{inode}]"] = " ".join([what, *path]).rstrip()
    return named


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="surrogateescape").splitlines()[1:]
    except OSError:
        return []


def _address(text: str) -> str:
    """Turn the kernel's hexadecimal words, each in the machine's byte order, into an address and port."""
    host, _, port = text.partition(":")
    packed = b"".join(struct.pack("=I", int(host[at : at + 8], 16)) for at in range(0, len(host), 8))
    if len(packed) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, packed)}:{int(port, 16)}"
    return f"[{socket.inet_ntop(socket.AF_INET6, packed)}]:{int(port, 16)}"
