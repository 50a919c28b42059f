"""Programs that wait for their data in a receive with MSG_PEEK, under both probes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from iotrace.analysis import Analysis, analyse
from iotrace.analysis.calls import code
from iotrace.analysis.model import Act, Basis, MatrixRow, Model
from iotrace.recording.reading import read
from probes.events import Kind
from tests.contract.conftest import ENVIRONMENT
from tests.orderly import check_file

MESSAGES, BYTES = 23, 4_096
MS = 1_000_000
THINK_NS = 23 * MS
PROGRAM = """
import os, queue, socket, sys, threading, time
how, messages, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    client = socket.create_connection(listener.getsockname())
    for _ in range(messages):
        time.sleep(0.023)
        client.sendall(bytes(size))
    os._exit(0)
server, _ = listener.accept()
if how == "polls":
    for _ in range(messages):
        while True:
            try:
                server.recv(size, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                break
            except BlockingIOError:
                time.sleep(0.002)
        server.recv(size, socket.MSG_WAITALL)
elif how == "sleeps":
    for _ in range(messages):
        server.recv(size, socket.MSG_PEEK)
        server.recv(size, socket.MSG_WAITALL)
else:
    there, gone = queue.SimpleQueue(), queue.SimpleQueue()
    def read():
        for _ in range(messages):
            there.get()
            server.recv(size, socket.MSG_WAITALL)
            gone.put(1)
    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(messages):
        server.recv(size, socket.MSG_PEEK)
        there.put(1)
        gone.get()
    reader.join()
os.wait()
"""


def record(tmp_path: Path, probe: str, how: str) -> tuple[Analysis, MatrixRow]:
    (tmp_path / "peeks.py").write_text(PROGRAM)
    path = tmp_path / "it.iotrace"
    done = subprocess.run(
        [sys.executable, "-m", "iotrace", "run", "--probe", probe, "-o", path, tmp_path / "peeks.py",
         how, str(MESSAGES), str(BYTES)],
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    check_file(path)
    analysis = analyse(read(path))
    (row,) = [row for row in analysis.matrix if row.act is Act.RECEIVE]
    assert (row.operations, row.bytes) == (MESSAGES, MESSAGES * BYTES)
    return analysis, row


def sends(analysis: Analysis) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When the client's sends began and ended: what the receives waited for."""
    events = analysis.events
    rows = np.flatnonzero((events["kind"] == Kind.CALL) & (events["code"] == code("sendto")))
    rows = rows[events["ret"][rows] == BYTES]
    return np.sort(events["enter_ns"][rows]), np.sort(events["exit_ns"][rows])


@pytest.mark.parametrize("how", ["sleeps", "two threads"])
def test_the_sleep_in_a_peek_is_phase_1(tmp_path: Path, probe: str, how: str) -> None:
    analysis, row = record(tmp_path, probe, how)
    assert row.model is Model.BLOCKING
    assert row.phase1.blocked >= 0.9
    assert row.phase1.blocked_in == "recvfrom"
    assert row.phase1.basis is (Basis.MEASURED if probe == "bpf" else Basis.BOUNDED)
    op, events = analysis.operations, analysis.events
    op = op[op["act"] == Act.RECEIVE]
    begun, done = sends(analysis)
    waited = np.flatnonzero(~op["at_once"])
    assert len(waited) > MESSAGES // 2  # the others were sent before a busy machine let the peek begin
    peek = op["wait"][waited]
    assert np.all(events["b"][peek] == 2)
    assert np.array_equal(op["begin_ns"][waited], events["enter_ns"][peek])
    slack = 0 if probe == "bpf" else MS
    assert np.all(op["ready_ns"][waited] >= begun[waited] - slack)
    assert np.all(op["ready_ns"][waited] <= np.maximum(done[waited], events["exit_ns"][peek]) + slack)
    if probe == "bpf":
        assert np.all(op["ready_ns"][waited] <= done[waited])
    assert np.all(op["copy_ns"] >= events["enter_ns"][op["call"]])
    assert (len(np.unique(op["tid"])), len(np.unique(op["waiter"][waited]))) == (1, 1)
    assert (op["tid"][0] != op["waiter"][waited[0]]) == (how == "two threads")


def test_peeking_again_and_again_is_polling(tmp_path: Path, probe: str) -> None:
    analysis, row = record(tmp_path, probe, "polls")
    assert row.model is Model.NONBLOCKING
    assert row.phase1.blocked <= 0.01
    assert row.phase1.free >= 0.8
    op = analysis.operations
    op = op[op["act"] == Act.RECEIVE]
    assert np.median(op["tries"]) >= 2
    assert 0.8 * MESSAGES * THINK_NS <= row.phase1.total_ns <= op["end_ns"][-1] - op["begin_ns"][0]
