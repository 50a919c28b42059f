"""What is withheld is unseen, never wrong; what is lost is accounted for, row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from probes.contract import Options
from probes.events import Flag, Kind
from tests.probes.bpf_run import run, script

WORK = """
import os, select, signal, socket, threading, time
signal.signal(signal.SIGUSR1, lambda *a: None)
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen()
def client():
    with socket.create_connection(server.getsockname()) as connection:
        for _ in range(23):
            time.sleep(0.01); connection.sendall(b"x" * 70001); connection.recv(1)
threading.Thread(target=client).start()
connection, _ = server.accept()
total = 0
while total < 23 * 70001:
    select.select([connection], [], [])
    total += len(connection.recv(1 << 20))
    if total % 70001 == 0: connection.send(b"y")
time.sleep(0.01)
os.kill(os.getpid(), signal.SIGUSR1)
"""

#: What goes unseen in the rows of receives, waits and the run when a piece of evidence is withheld.
COLUMNS = {
    "waker": ("waking_ns", "waker", "queued_ns"),
    "ready": ("ready_ns",),
    "copy": ("copy_ns", "copies", "copied"),
    "done": ("done_ns",),
}
KINDS = {"signal": Kind.SIGNAL, "connection": Kind.CONNECTION}


@pytest.mark.parametrize("name", [None, *COLUMNS, *KINDS, "ring"])
def test_withheld_evidence_is_unseen(name: str | None, tmp_path: Path) -> None:
    recorded = run(script(tmp_path, WORK), Options(withhold=frozenset({name} if name else ())))
    evidence = recorded.header["evidence"]
    assert isinstance(evidence, list)
    assert name not in evidence
    assert recorded.header["missing"] == {}
    calls = recorded.of(Kind.CALL)
    for column in COLUMNS.get(name or "", ()):
        assert not calls[column].any(), column
    if (
        name == "waker"
    ):  # how long a call slept is then known by its return to a CPU: a bound, and said to be one
        assert (calls["flags"][calls["sleeps"] > 0] & Flag.SLEEP_BOUNDED != 0).all()
        assert (calls["sleeps"][calls["asleep_ns"] > 0] > 0).all()
    for kind in {KINDS[name]} if name in KINDS else set():
        assert not len(recorded.of(kind))
    receives, waits = recorded.calls("recvfrom"), recorded.calls("pselect6")  # what glibc makes of select
    receives = receives[receives["a"] == 1 << 20]
    assert waits["asleep_ns"].any()
    assert int(receives["ret"].sum()) == 23 * 70001
    assert (waits["sleeps"] > 0).sum() >= 20
    for columns in COLUMNS.values():
        for column in columns:
            if column not in COLUMNS.get(name or "", ()) and name != "done":
                seen = {"waking_ns": waits, "waker": waits, "queued_ns": waits}.get(column, receives)
                assert seen[column].any(), f"{column} without {name}"
    for before, after in (("sleep_ns", "running_ns"), ("waking_ns", "running_ns"), ("copy_ns", "done_ns")):
        both = calls[(calls[before] > 0) & (calls[after] > 0)]
        assert (both[before] <= both[after]).all()
    assert recorded.outcome.lost == 0
    assert recorded.outcome.produced == len(recorded.rows)


BURST = """
import os
read, write = os.pipe()
for _ in range(60013): os.write(write, b"x"); os.read(read, 1)
"""


def test_an_overflow_is_accounted_for_exactly(tmp_path: Path) -> None:
    recorded = run(script(tmp_path, BURST), Options(buffer_bytes=1 << 14))
    outcome = recorded.outcome
    assert outcome.lost > 1000
    assert outcome.produced == len(recorded.rows) + outcome.lost
    assert outcome.notes["unaccounted"] == 0
    gaps = recorded.of(Kind.GAP)
    assert int(gaps["a"].sum()) == outcome.lost
    assert (gaps["enter_ns"] <= gaps["exit_ns"]).all()
    assert (gaps["enter_ns"] > 0).all()
    cpus = outcome.notes["cpus"]
    assert isinstance(cpus, list)
    for cpu in cpus:
        assert cpu["produced"] == cpu["stored"] + cpu["lost"]
        assert int(gaps["a"][gaps["cpu"] == cpu["cpu"]].sum()) == cpu["lost"]


def test_nothing_is_lost_where_there_is_room(tmp_path: Path) -> None:
    recorded = run(script(tmp_path, BURST))
    assert recorded.outcome.lost == 0
    assert (recorded.calls("write")["a"] == 1).sum() == 60013
    assert recorded.rows["ret"].dtype == np.int64
