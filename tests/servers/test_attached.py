"""Real servers that run already, driven before, while iotrace is attached, and after: all is answered."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from iotrace.analysis import analyse
from iotrace.analysis.model import Act
from iotrace.recording.reading import read
from probes.events import Kind
from tests.command import COMMAND, LIMIT_S, environment
from tests.live import require
from tests.servers.catalogue import EPOLL, SERVERS, Server
from tests.servers.clients import CONNECTIONS, DIALOGUES, drive
from tests.servers.conftest import PROBES, installed
from tests.servers.running import run

#: Those with connections, which both probes see.
ATTACHED = [
    server
    for server in SERVERS
    if not (DIALOGUES[server.speaks].datagrams or DIALOGUES[server.speaks].fragile or server.requests)
]


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("server", ATTACHED, ids=lambda server: str(server.name).replace(" ", "-"))
def test_it_serves_and_what_is_asked_meanwhile_is_recorded(
    folder: Path, tmp_path: Path, server: Server, probe: str
) -> None:
    installed(server)
    require(probe)
    path = tmp_path / "it.iotrace"

    def during(pid: int, port: int) -> None:
        drive(server.speaks, port)
        tracer = subprocess.Popen(
            [*COMMAND, "attach", str(pid), "--probe", probe, "-o", path], env=environment(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert tracer.stderr is not None
        assert "attached to" in tracer.stderr.readline()
        # The wait that is under way at the attach begins unseen, and may announce the whole first crowd.
        drive(server.speaks, port)
        drive(server.speaks, port)
        tracer.send_signal(signal.SIGINT)
        _, said = tracer.communicate(timeout=LIMIT_S)
        assert tracer.returncode == 0, said
        drive(server.speaks, port)

    status = run(server, folder, [], during=during)
    assert status in (0, -signal.SIGTERM, 128 + signal.SIGTERM), status
    events = read(path)
    analysis = analyse(events)
    assert analysis.lost == 0
    dialogue = DIALOGUES[server.speaks]
    expected = 2 * (dialogue.messages + server.reads * CONNECTIONS)
    accepts = analysis.verdicts[Act.ACCEPT].operations if Act.ACCEPT in analysis.verdicts else 0
    assert analysis.verdicts[Act.RECEIVE].operations == expected
    if server.accept is not None and server.accept[1] is None:
        # Each thread or process that waited in accept when we came is found in a call.
        waiters = len(np.unique(events["tid"][events["kind"] == Kind.CALL]))
        assert 2 * dialogue.connections - waiters <= accepts <= 2 * dialogue.connections
    else:
        assert accepts == 2 * dialogue.connections
    model, multiplexer = server.receive
    verdict = analysis.verdicts[Act.RECEIVE]
    assert (verdict.model.label, verdict.multiplexer) == (model, multiplexer), verdict
    for act, way in ((Act.ACCEPT, server.accept), (Act.RECEIVE, server.receive)):
        if way == EPOLL and analysis.verdicts[act].trigger is None:
            # What libuv watches since then it told io_uring, whose requests' arguments no probe sees.
            assert server.uring
            assert act is Act.RECEIVE
            assert "io_uring" in analysis.verdicts[act].because
