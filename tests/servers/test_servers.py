"""The verdicts on real servers are what strace and their documentation say; rules know no program's name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from iotrace.analysis import Analysis
from iotrace.analysis.model import Act, Model
from tests.servers.catalogue import BLOCKING, EPOLL, SERVERS, Server
from tests.servers.clients import CONNECTIONS, DIALOGUES, Dialogue
from tests.servers.conftest import PROBES
from tests.servers.witness import Witnessed, watched_with, whole

Traced = Callable[[Server, str], Analysis]
Witness = Callable[[Server, str], Witnessed]

each_server = pytest.mark.parametrize(
    "server", SERVERS, ids=lambda server: str(server.name).replace(" ", "-")
)
_ONE_EACH = {"process_per_connection", "thread_per_connection"}

each_probe = pytest.mark.parametrize("probe", PROBES)


@each_probe
@each_server
def test_every_connection_and_request_is_there(traced: Traced, server: Server, probe: str) -> None:
    """No receive of the loop's own pipes, of a master's channel or of a child's pair is among them."""
    analysis = traced(server, probe)
    assert analysis.lost == 0
    if hidden(server, probe):
        assert not len(analysis.operations)
        return
    dialogue = DIALOGUES[server.speaks]
    if dialogue.fragile:
        for act in (Act.ACCEPT, Act.RECEIVE):
            assert CONNECTIONS // 2 <= analysis.verdicts[act].operations <= dialogue.messages
        return
    if dialogue.datagrams:
        assert analysis.verdicts.keys() == {Act.RECEIVE_DATAGRAM}
    else:
        assert analysis.verdicts[Act.ACCEPT].operations == dialogue.connections
        life = analysis.operations["life"][analysis.operations["act"] == Act.RECEIVE]
        assert len(np.unique(life)) == dialogue.connections
    expected = dialogue.messages + server.reads * CONNECTIONS
    assert analysis.verdicts[_receive(dialogue)].operations == expected


@each_probe
@each_server
def test_the_model_is_what_is_written_of_it(traced: Traced, server: Server, probe: str) -> None:
    analysis = traced(server, probe)
    if hidden(server, probe):
        assert analysis.verdicts[Act.RECEIVE].model is Model.UNKNOWN
        assert "this probe cannot see what they did" in analysis.verdicts[Act.RECEIVE].because
        return
    for act, expected in ((Act.ACCEPT, server.accept), (_receive(DIALOGUES[server.speaks]), server.receive)):
        if expected is None:
            assert act not in analysis.verdicts
            continue
        model, multiplexer = expected
        verdict = analysis.verdicts[act]
        assert (verdict.model.label, verdict.multiplexer) == (model, multiplexer), verdict
        assert verdict.contradicting <= verdict.operations // 10
        unproved = verdict.operations - verdict.supporting - verdict.contradicting
        assert unproved <= (CONNECTIONS if act is not Act.ACCEPT and server.told else 0)
    assert analysis.process_model in server.process


@each_probe
@pytest.mark.parametrize(
    "server",
    [server for server in SERVERS if EPOLL in (server.accept, server.receive)],
    ids=lambda server: str(server.name).replace(" ", "-"),
)
def test_the_trigger_is_what_strace_shows(
    traced: Traced, witnessed: Witness, server: Server, probe: str
) -> None:
    """By the flags with which its own epoll_ctl calls watched listening sockets and connections."""
    analysis = traced(server, probe)
    seen = witnessed(server, "strace")
    watched = watched_with(seen.inner.read_text(errors="replace"), whole(seen.outer))
    for act in (Act.ACCEPT, Act.RECEIVE):
        if analysis.verdicts[act].multiplexer != "epoll":
            assert (server.accept if act is Act.ACCEPT else server.receive) != EPOLL
            continue
        trigger = analysis.verdicts[act].trigger
        if trigger is None:
            assert server.uring
            assert "io_uring" in analysis.verdicts[act].because
            continue
        flags = watched[act]
        assert flags, "strace shows no epoll_ctl"
        for word, flag in (("edge", "EPOLLET"), ("exclusive", "EPOLLEXCLUSIVE"), ("oneshot", "EPOLLONESHOT")):
            assert (word in trigger) == (sum(flag in each for each in flags) > len(flags) / 2)


@each_probe
@pytest.mark.parametrize(
    "server",
    [server for server in SERVERS if server.receive == BLOCKING and server.process & _ONE_EACH],
    ids=lambda server: str(server.name).replace(" ", "-"),
)
def test_phase_1_is_how_long_the_client_thought(traced: Traced, server: Server, probe: str) -> None:
    """Of one whose connections have each a task of their own, which waits for nothing else."""
    analysis = traced(server, probe)
    think_ns = DIALOGUES[server.speaks].think_s * 1e9
    op = analysis.operations[analysis.operations["act"] == Act.RECEIVE]
    waited_ns = op["ready_ns"] - op["begin_ns"]
    assert 0.8 * think_ns <= np.median(waited_ns) <= 1.5 * think_ns
    assert np.count_nonzero(op["at_once"]) <= len(op) // 10
    assert op["in_transfer_ns"].sum() >= 0.9 * waited_ns.sum()


def _receive(dialogue: Dialogue) -> Act:
    return Act.RECEIVE_DATAGRAM if dialogue.datagrams else Act.RECEIVE


def hidden(server: Server, probe: str) -> bool:
    """Return whether the probe cannot see what the server does."""
    return server.requests and probe == "ptrace"
