"""io_uring under the eBPF probe: every request's submission, data, copy and completion, and who copied."""

from __future__ import annotations

import sys

import pytest

from probes.events import Flag, Kind
from tests.probes.bpf_run import Recorded, run

pytest.importorskip("liburing", reason="liburing is not installed: pip install liburing")

PROGRAM = """
import os, socket, sys, time
import liburing as u
mode = sys.argv[1]
ours, theirs = socket.socketpair()
if os.fork() == 0:  # a thread would not do: waiting for a completion keeps the interpreter's lock
    for _ in range(23):
        time.sleep(0.01); theirs.sendall(b"x" * 60013)
    os._exit(0)
ring, cqe = u.Ring(), u.Cqe()
u.io_uring_queue_init(8, ring, u.IORING_SETUP_SQPOLL if mode == "sqpoll" else 0)
data = bytearray(60013)
for index in range(23):
    sqe = u.io_uring_get_sqe(ring)
    u.io_uring_prep_recv(sqe, ours.fileno(), data, 0x100)  # MSG_WAITALL
    u.io_uring_sqe_set_data64(sqe, 4200 + index)
    if mode == "async":
        u.io_uring_sqe_set_flags(sqe, u.IOSQE_ASYNC)
    u.io_uring_submit(ring)
    while not u.io_uring_cq_ready(ring): u.io_uring_wait_cqe(ring, cqe)
    u.io_uring_peek_cqe(ring, cqe)
    assert cqe[0].res == 60013, cqe[0].res
    u.io_uring_cqe_seen(ring, cqe[0])
u.io_uring_queue_exit(ring)
os.wait()
"""

RECV = 27  # IORING_OP_RECV


@pytest.fixture(scope="module", params=["plain", "async", "sqpoll"])
def ring(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Recorded]:
    path = tmp_path_factory.mktemp("bpf") / "program.py"
    path.write_text(PROGRAM)
    return request.param, run([sys.executable, str(path), request.param])


def test_every_request_is_a_row(ring: tuple[str, Recorded]) -> None:
    _, recorded = ring
    requests = recorded.of(Kind.RING)
    requests = requests[requests["a"] == RECV]
    assert requests["b"].tolist() == list(range(4200, 4223))
    assert requests["ret"].tolist() == [60013] * 23
    assert len(set(requests["fd"].tolist())) == 1
    assert len(set(requests["c"].tolist())) == 1
    assert (requests["fd"] >= 0).all()
    assert recorded.outcome.status == 0


def test_times_of_a_request_are_in_order(ring: tuple[str, Recorded]) -> None:
    _, recorded = ring
    requests = recorded.of(Kind.RING)
    requests = requests[requests["a"] == RECV]
    for before, after in (("enter_ns", "copy_ns"), ("copy_ns", "done_ns"), ("done_ns", "exit_ns")):
        assert (requests[before] > 0).all()
        assert (requests[before] <= requests[after]).all(), f"{before} after {after}"
    later = requests[1:]  # the first receive makes the socket known
    assert (later["ready_ns"] <= later["copy_ns"]).all()
    # A busy machine lets the data come before the submission; what waited was made ready while it did.
    waited = later[later["copy_ns"] - later["enter_ns"] > 1_000_000]
    assert len(waited) > 0
    assert (waited["ready_ns"] > waited["enter_ns"]).all()


def test_who_copied(ring: tuple[str, Recorded]) -> None:
    mode, recorded = ring
    requests = recorded.of(Kind.RING)
    requests = requests[requests["a"] == RECV]
    by_worker = (requests["flags"] & Flag.BY_WORKER) != 0
    if mode == "plain":
        assert not by_worker.any()
        assert set(requests["waker"].tolist()) == {recorded.pid}
    else:
        assert by_worker.all()
        assert recorded.pid not in requests["waker"].tolist()
    copies = recorded.of(Kind.COPY)
    assert int(copies["ret"].sum()) == 23 * 60013


def test_the_rings_own_calls_are_decoded(ring: tuple[str, Recorded]) -> None:
    mode, recorded = ring
    (setup,) = recorded.calls("io_uring_setup")
    assert bool(setup["b"] & 2) == (mode == "sqpoll")  # IORING_SETUP_SQPOLL
    assert not recorded.calls("recvfrom")["copies"].any()
