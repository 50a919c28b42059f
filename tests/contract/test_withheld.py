"""A kernel that lacks a tracepoint costs only its evidence: the basis changes, no number becomes wrong.

Each optional evidence of the eBPF probe is withheld in turn, on one server of each kind.
"""

from __future__ import annotations

import os
import sys
import tempfile

import numpy as np
import pytest

from iotrace.analysis import Analysis, analyse
from iotrace.analysis.model import Act, Basis, MatrixRow, Model
from iotrace.columns import from_batches
from probes.contract import Command, Options
from probes.events import Batch, Kind
from tests.live import require

MESSAGES = 23
SIZE = 64 << 10
THINK_NS = 10_000_000
OPTIONAL = ("waker", "ready", "copy", "done", "connection", "signal", "ring")

SERVER = f"""
import os, select, socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    client = socket.create_connection(listener.getsockname())
    stamps = []
    for _ in range({MESSAGES}):
        time.sleep({THINK_NS} / 1e9)
        stamps.append(time.monotonic_ns())
        client.sendall(bytes({SIZE}))
        client.recv(1)
        stamps.append(time.monotonic_ns())
    with open(sys.argv[2], "w") as file:
        file.write(" ".join(map(str, stamps)))
    os._exit(0)
connection, _ = listener.accept()
connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, {SIZE})
begun = []
while True:
    begun.append(time.monotonic_ns())
    if sys.argv[1] == "select":
        select.select([connection], [], [])
    if not connection.recv({SIZE}, socket.MSG_WAITALL):
        break
    connection.sendall(b"k")
os.wait()
with open(sys.argv[2], "a") as file:
    file.write(" " + " ".join(map(str, begun[:{MESSAGES}])))
"""


def record(way: str, withheld: frozenset[str]) -> Analysis:
    """Record the server; every ready time must lie between the client's clock readings around it."""
    probe = require("bpf")()
    with tempfile.NamedTemporaryFile("r") as said:
        command = Command((sys.executable, "-c", SERVER, way, said.name), dict(os.environ))
        probe.start(command, Options(withhold=withheld))
        batches: list[Batch] = []
        outcome = probe.run(batches.append)
        read = np.array(said.read().split(), np.int64)
        stamps, begun = read[: 2 * MESSAGES].reshape(-1, 2), read[2 * MESSAGES :]
    assert outcome.status == 0
    assert not set(withheld) & set(probe.header["evidence"])  # type: ignore[call-overload]
    analysis = analyse(from_batches(batches, probe.header))
    op = analysis.operations[analysis.operations["act"] == Act.RECEIVE]
    assert len(op) == len(stamps) == MESSAGES
    assert np.all((stamps[:, 0] <= op["ready_ns"]) & (op["ready_ns"] <= stamps[:, 1]))
    # It begins just after the server's own clock reading: how soon, is the machine's matter.
    late = op["begin_ns"] - begun
    assert np.all((late >= 0) & (op["begin_ns"] <= stamps[:, 1]))
    assert np.median(late) < 1_000_000, late
    return analysis


def receives(analysis: Analysis) -> MatrixRow:
    return next(row for row in analysis.matrix if row.act is Act.RECEIVE)


@pytest.fixture(scope="module", params=["recv", "select"])
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def whole(way: str) -> Analysis:
    return record(way, frozenset())


def test_with_all_evidence_everything_is_measured(whole: Analysis) -> None:
    row = receives(whole)
    assert (row.operations, row.bytes) == (MESSAGES, MESSAGES * SIZE)
    assert row.phase1.basis is Basis.MEASURED
    assert row.phase2.basis is Basis.MEASURED


@pytest.mark.parametrize("evidence", OPTIONAL)
def test_one_evidence_less(way: str, whole: Analysis, evidence: str) -> None:
    analysis = record(way, frozenset({evidence}))
    row, reference = receives(analysis), receives(whole)
    assert (row.model, row.operations, row.bytes) == (reference.model, MESSAGES, MESSAGES * SIZE)
    assert row.model is (Model.MULTIPLEXING if way == "select" else Model.BLOCKING)
    if evidence != "done":  # without it only the waking tells which data-ready it was, and not always
        assert row.phase1.basis is (Basis.BOUNDED if evidence == "ready" else Basis.MEASURED)
    assert row.phase2.basis is (Basis.BOUNDED if evidence == "copy" else Basis.MEASURED)
    assert row.phase1.blocked > 0.97
    columns = {"waker": "waking_ns", "copy": "copy_ns", "done": "done_ns"}
    kinds = {"signal": Kind.SIGNAL, "ring": Kind.RING, "connection": Kind.CONNECTION}
    if evidence in columns:
        assert not np.any(analysis.events[columns[evidence]])
    if evidence in kinds:
        assert not np.any(analysis.events["kind"] == kinds[evidence])
    if evidence == "ready":
        assert not np.any(analysis.events["ready_ns"])


def test_without_ready_and_waker_the_bound_is_the_return(way: str) -> None:
    """The sleep's end is then all that is known of when the data came."""
    row = receives(record(way, frozenset({"ready", "waker"})))
    assert row.operations == MESSAGES
    assert row.phase1.basis is Basis.BOUNDED


def test_nothing_optional_left_is_still_true(way: str) -> None:
    row = receives(record(way, frozenset(OPTIONAL)))
    assert (row.operations, row.bytes) == (MESSAGES, MESSAGES * SIZE)
    assert row.phase1.basis is Basis.BOUNDED
    assert row.phase2.basis is Basis.BOUNDED
