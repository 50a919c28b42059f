"""Socket addresses as the kernel and a process exchange them, in words that a person reads.

Layouts: ``struct sockaddr_in``, ``sockaddr_in6`` and ``sockaddr_un`` of ip(7), ipv6(7), unix(7).
"""

from __future__ import annotations

import socket
import struct

import numpy as np

from probes.events import ADDRESSES

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
SOCK_STREAM, SOCK_DGRAM = 1, 2
SOCK_NONBLOCK = 0o4000
SOCK_CLOEXEC = 0o2000000


def family(address: bytes) -> int:
    """Return the address family of a sockaddr, 0 if there is none."""
    return int(struct.unpack_from("=H", address)[0]) if len(address) >= 2 else 0


def port(address: bytes) -> int | None:
    """Return the port of an IPv4 or IPv6 sockaddr."""
    if family(address) in (AF_INET, AF_INET6) and len(address) >= 4:
        return int(struct.unpack_from(">H", address, 2)[0])
    return None


def text(address: bytes) -> str:
    """Return ``127.0.0.1:80``, ``[::1]:80``, ``/run/x.sock``, ``@abstract`` or ``""``: not yet escaped."""
    kind = family(address)
    if kind == AF_INET and len(address) >= 8:
        return f"{socket.inet_ntop(socket.AF_INET, address[4:8])}:{port(address)}"
    if kind == AF_INET6 and len(address) >= 24:
        return f"[{socket.inet_ntop(socket.AF_INET6, address[8:24])}]:{port(address)}"
    if kind == AF_UNIX and len(address) > 2:
        path = address[2:]
        if path[0] == 0:
            return "@" + path[1:].decode("utf-8", "backslashreplace")
        return path.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    return ""


def local_text(addresses: bytes) -> str:
    """Return the local address of :data:`probes.events.ADDRESSES`, as :func:`text` does."""
    return _side(addresses, "local")


def remote_text(addresses: bytes) -> str:
    """Return the remote address of :data:`probes.events.ADDRESSES`, as :func:`text` does."""
    return _side(addresses, "remote")


def _side(addresses: bytes, side: str) -> str:
    row = np.frombuffer(addresses, ADDRESSES)[0]
    host, port = row[side].tobytes(), row[f"{side}_port"]
    if row["family"] == AF_INET6:
        return f"[{socket.inet_ntop(socket.AF_INET6, host)}]:{port}"
    return f"{socket.inet_ntop(socket.AF_INET, host[:4])}:{port}"


def kind_of_socket(domain: int, type_: int) -> str:
    """Return the descriptor kind that socket(2)'s first two arguments make."""
    stream = type_ & 0xF == SOCK_STREAM
    if domain in (AF_INET, AF_INET6):
        return "tcp" if stream else "udp"
    if domain == AF_UNIX:
        return "unix" if stream else "unix-dgram"
    return "netlink" if domain == AF_NETLINK else "socket"
