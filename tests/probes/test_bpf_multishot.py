"""Multishot requests under the eBPF probe: completions that name no request, only its user data."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from probes.events import Kind
from tests.probes.bpf_run import Recorded, run

pytest.importorskip("liburing", reason="liburing is not installed: pip install liburing")

ACCEPTS, MESSAGES, BYTES = 11, 23, 13
PROGRAM = """
import os, socket, sys
import liburing as u
same = sys.argv[1] == "same"
listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
ring, cqe = u.Ring(), u.Cqe()
u.io_uring_queue_init(8, ring, 0)
def ask(prepare, *arguments, data):
    sqe = u.io_uring_get_sqe(ring)
    prepare(sqe, *arguments)
    u.io_uring_sqe_set_data64(sqe, data)
    return sqe
def answer():
    u.io_uring_submit_and_wait(ring, 1)
    u.io_uring_wait_cqe(ring, cqe)
    found = cqe[0].user_data, cqe[0].res, cqe[0].flags
    u.io_uring_cqe_seen(ring, cqe[0])
    return found
for number, listener in enumerate(listeners):
    ask(u.io_uring_prep_multishot_accept, listener.fileno(), None, None, 0, data=70 if same else 70 + number)
clients, taken = [], []
for index in range(11):
    clients.append(socket.create_connection(listeners[index % 2].getsockname()))
    data, fd, flags = answer()
    taken.append(fd)
    assert data in (70, 71) and flags & 2, (data, fd, flags)
ours, theirs = socket.socketpair()
rooms = [bytearray(64) for _ in range(24)]
for number, room in enumerate(rooms):
    ask(u.io_uring_prep_provide_buffers, room, 1, 7, number, data=9)
    assert answer()[1] >= 0
sqe = ask(u.io_uring_prep_recv_multishot, ours.fileno(), data=72)
u.io_uring_sqe_set_flags(sqe, u.IOSQE_BUFFER_SELECT)
u.io_uring_sqe_set_buf_group(sqe, 7)
u.io_uring_submit(ring)
for index in range(23):
    theirs.sendall(bytes(13))
    data, got, flags = answer()
    assert (data, got) == (72, 13) and flags & 2, (data, got, flags)

"""
ACCEPT, RECV = 13, 27  # IORING_OP_ACCEPT, IORING_OP_RECV


def record(tmp_path: Path, data: str) -> Recorded:
    """Two multishot accepts, with user data of their own or the same, and a multishot receive."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    recorded = run([sys.executable, str(path), data])
    assert recorded.outcome.status == 0
    return recorded


def test_every_completion_of_a_multishot_request_is_a_row(tmp_path: Path) -> None:
    requests = record(tmp_path, "own").of(Kind.RING)
    accepts, receives = (requests[requests["a"] == opcode] for opcode in (ACCEPT, RECV))
    accepts, receives = accepts[accepts["ret"] >= 0], receives[receives["ret"] > 0]
    assert (len(accepts), len(receives)) == (ACCEPTS, MESSAGES)
    assert [len(set(accepts["fd"][accepts["b"] == data].tolist())) for data in (70, 71)] == [1, 1]
    assert len(set(accepts["fd"].tolist())) == 2
    assert receives["ret"].tolist() == [BYTES] * MESSAGES
    assert set(receives["b"].tolist()) == {72}
    assert len(set(receives["enter_ns"].tolist())) == 1
    assert (receives["fd"] >= 0).all()
    assert (receives["copy_ns"] > 0).all()
    assert (receives["exit_ns"][1:] > receives["exit_ns"][:-1]).all()


def test_of_two_requests_with_the_same_user_data_the_descriptor_is_unknown(tmp_path: Path) -> None:
    requests = record(tmp_path, "same").of(Kind.RING)
    accepts = requests[(requests["a"] == ACCEPT) & (requests["ret"] >= 0)]
    assert len(accepts) == ACCEPTS
    assert set(accepts["fd"][1:].tolist()) == {-1}  # the first came before there were two
