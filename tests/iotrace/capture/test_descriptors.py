"""What a process has open is described as what it is: this very process is looked at."""

from __future__ import annotations

import os
import select
import socket
from pathlib import Path

import pytest

from iotrace.capture.descriptors import open_descriptors
from probes.events import Batch


def said(batch: Batch) -> dict[int, str]:
    offsets, blob = batch.blob_offsets, batch.blob.tobytes()
    return {int(row["fd"]): blob[offsets[at] : offsets[at + 1]].decode() for at, row in enumerate(batch.rows)}


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_sockets_and_where_they_lead(family: socket.AddressFamily, host: str) -> None:
    with (
        socket.create_server((host, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2]) as client,
        server.accept()[0] as accepted,
        socket.socket(family, socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind((host, 0))
        shown = f"[{host}]" if ":" in host else host
        port, other, third = (each.getsockname()[1] for each in (server, client, datagrams))
        names = said(open_descriptors([os.getpid()], 7))
        assert names[server.fileno()] == f"listen {shown}:{port}"
        assert names[accepted.fileno()] == f"tcp {shown}:{port} ← {shown}:{other}"
        assert names[client.fileno()] == f"tcp → {shown}:{port}"
        assert names[datagrams.fileno()] == f"udp {shown}:{third}"


def test_unix_sockets_files_and_what_is_no_socket(tmp_path: Path) -> None:
    path = tmp_path / "it is a socket"
    with socket.socket(socket.AF_UNIX) as server, (tmp_path / "a file").open("w") as file:
        server.bind(str(path))
        server.listen()
        reader, writer = os.pipe()
        names = said(open_descriptors([os.getpid()], 7))
        os.close(reader)
        os.close(writer)
        assert names[server.fileno()] == f"listen {path}"
        assert names[file.fileno()] == str(tmp_path / "a file")
        assert names[reader].startswith("pipe:")


def test_what_an_epoll_set_watches() -> None:
    here, there = socket.socketpair()
    with here, there, select.epoll() as epoll:
        epoll.register(here, select.EPOLLIN | select.EPOLLET)
        epoll.register(there, select.EPOLLOUT)
        batch = open_descriptors([os.getpid()], 7)
        (at,) = (at for at, row in enumerate(batch.rows) if row["fd"] == epoll.fileno())
        values = batch.watch[batch.watch_offsets[at] : batch.watch_offsets[at + 1]].tolist()
        members = {value & 0xFFFFFFFF: value >> 32 for value in values[::2]}
        assert set(members) == {here.fileno(), there.fileno()}
        assert members[here.fileno()] & (select.EPOLLIN | select.EPOLLET) == select.EPOLLIN | select.EPOLLET
        assert members[there.fileno()] & select.EPOLLOUT
        assert [value & 0xFFFFFFFF for value in values[1::2]] == [value & 0xFFFFFFFF for value in values[::2]]


def test_what_exec_closes_is_left_out_of_what_exec_hands_on(tmp_path: Path) -> None:
    with (tmp_path / "kept").open("w") as kept, (tmp_path / "closed").open("w") as closed:
        os.set_inheritable(kept.fileno(), True)
        every = said(open_descriptors([os.getpid()], 7))
        handed = said(open_descriptors([os.getpid()], 7, across_exec=True))
        assert {kept.fileno(), closed.fileno()} <= set(every)
        assert kept.fileno() in handed
        assert closed.fileno() not in handed


def test_a_process_that_is_gone_has_nothing_open() -> None:
    assert len(open_descriptors([1 << 22], 7).rows) == 0
