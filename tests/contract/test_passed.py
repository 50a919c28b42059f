"""Descriptors that a master passes to workers in messages (SCM_RIGHTS), under both probes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from iotrace.analysis import analyse
from iotrace.analysis.calls import code
from iotrace.analysis.model import Act, Model
from iotrace.recording.reading import read
from probes.events import Flag
from tests.contract.conftest import ENVIRONMENT
from tests.orderly import check_file

CONNECTIONS, MESSAGES, MANY = 5, 7, 19
PROGRAM = """
import json, os, socket, struct, sys
connections, messages, many, told = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
listener = socket.create_server(("127.0.0.1", 0))
def client():
    for _ in range(connections):
        with socket.create_connection(listener.getsockname()) as server:
            for _ in range(messages):
                server.sendall(b"ping")
                server.recv(4)
def worker(channel):
    got = []
    while True:
        data, fds, _, _ = socket.recv_fds(channel, 1, 32)
        if not data:
            break
        got.append(fds)
        if not fds:
            continue
        for fd in fds[1:]:
            os.close(fd)
        while data := os.read(fds[0], 4):
            os.write(fds[0], data)
        os.close(fds[0])
    with open(told, "w") as file:
        json.dump(got, file)
mine, theirs = socket.socketpair()
for work, argument in ((worker, theirs), (client, None)):
    if os.fork() == 0:
        mine.close()
        work(argument) if argument else work()
        os._exit(0)
theirs.close()
more = [os.open("/dev/null", os.O_RDONLY) for _ in range(many - 1)]
for number in range(connections):
    connection, _ = listener.accept()
    socket.send_fds(mine, [b"x"], [connection.fileno(), *(more if number == 0 else [])])
    connection.close()
mine.sendmsg([b"y"], [(socket.SOL_SOCKET, 2, struct.pack("3i", os.getpid(), os.getuid(), os.getgid()))])
mine.close()
os.wait(), os.wait()
"""


def test_a_worker_receives_from_the_connections_that_its_master_accepted(tmp_path: Path, probe: str) -> None:
    (tmp_path / "passes.py").write_text(PROGRAM)
    path, told = tmp_path / "it.iotrace", tmp_path / "told.json"
    done = subprocess.run(
        [sys.executable, "-m", "iotrace", "run", "--probe", probe, "-o", path, tmp_path / "passes.py",
         str(CONNECTIONS), str(MESSAGES), str(MANY), told],
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    check_file(path)
    events = read(path)
    rows = np.flatnonzero((events["code"] == code("recvmsg")) & (events["ret"] > 0))
    passed = [
        events.watch[events.watch_offsets[row] : events.watch_offsets[row + 1]].tolist() for row in rows
    ]
    cut = (events["flags"][rows] & Flag.WATCH_CUT) != 0
    truth = json.loads(told.read_text())
    assert [len(fds) for fds in truth] == [MANY, *[1] * (CONNECTIONS - 1), 0]
    assert passed[1:] == truth[1:]
    assert passed[0] == truth[0][: len(passed[0])]
    assert (len(passed[0]) == MANY) is not bool(cut[0])
    analysis = analyse(events)
    verdict = analysis.verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.operations) == (Model.BLOCKING, CONNECTIONS * MESSAGES)
    assert analysis.verdicts[Act.ACCEPT].operations == CONNECTIONS
    assert analysis.process_model == "prefork"
    receives = analysis.operations[analysis.operations["act"] == Act.RECEIVE]
    names = {analysis.descriptors[life].name for life in receives["life"].tolist()}
    assert len(names) == CONNECTIONS
    assert all(" ← 127.0.0.1:" in name for name in names)
