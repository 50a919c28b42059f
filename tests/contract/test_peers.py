"""Connections whose peer the server does not ask for, as accept(fd, NULL, NULL) does, under both probes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from iotrace.analysis import analyse
from iotrace.analysis.model import Act
from iotrace.recording.reading import read
from tests.contract.conftest import ENVIRONMENT
from tests.orderly import check_file

CONNECTIONS = 7
PROGRAM = """
import ctypes, json, os, socket, sys
libc = ctypes.CDLL(None)
listener = socket.create_server(("127.0.0.1", 0))
clients = [socket.create_connection(listener.getsockname()) for _ in range(7)]
names = []
for client in clients:
    fd = libc.accept(listener.fileno(), None, None)
    client.sendall(b"ping")
    os.read(fd, 4)
    names.append("127.0.0.1:%d ← 127.0.0.1:%d" % (listener.getsockname()[1], client.getsockname()[1]))
with open(sys.argv[1], "w") as file:
    json.dump(names, file)
"""


def test_who_is_at_the_other_end_is_known(tmp_path: Path, probe: str) -> None:
    (tmp_path / "accepts.py").write_text(PROGRAM)
    path, told = tmp_path / "it.iotrace", tmp_path / "told.json"
    done = subprocess.run(
        [sys.executable, "-m", "iotrace", "run", "--probe", probe, "-o", path, tmp_path / "accepts.py", told],
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    check_file(path)
    analysis = analyse(read(path))
    receives = analysis.operations[analysis.operations["act"] == Act.RECEIVE]
    found = [analysis.descriptors[life] for life in receives["life"].tolist()]
    assert len(found) == CONNECTIONS
    assert [each.name for each in found] == json.loads(told.read_text())
    assert {each.kind for each in found} == {"tcp"}
