"""The verdicts on real servers are what strace and their documentation say; rules know no program's name."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from iotrace.analysis import Analysis
from iotrace.analysis.model import Act, Model
from tests.servers.catalogue import SERVERS, Server
from tests.servers.conftest import PROBES
from tests.servers.running import CONNECTIONS, REQUESTS, accepts

Traced = Callable[[Server, str], Analysis]
Straced = Callable[[Server], str]

each_server = pytest.mark.parametrize(
    "server", SERVERS, ids=lambda server: str(server.name).replace(" ", "-")
)
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
    assert analysis.verdicts[Act.ACCEPT].operations == accepts(server)
    assert analysis.verdicts[Act.RECEIVE].operations == CONNECTIONS * REQUESTS
    assert len(np.unique(analysis.operations["life"][analysis.operations["act"] == Act.RECEIVE])) == accepts(
        server
    )


@each_probe
@each_server
def test_the_model_is_what_is_written_of_it(traced: Traced, server: Server, probe: str) -> None:
    analysis = traced(server, probe)
    if hidden(server, probe):
        assert analysis.verdicts[Act.RECEIVE].model is Model.UNKNOWN
        assert "this probe cannot see what they did" in analysis.verdicts[Act.RECEIVE].because
        return
    for act, (model, multiplexer) in ((Act.ACCEPT, server.accept), (Act.RECEIVE, server.receive)):
        verdict = analysis.verdicts[act]
        if server.eager and verdict.model is Model.MIXED:
            proving = {
                each.label: count for each, count in verdict.shares.items() if each is not Model.UNKNOWN
            }
            assert set(proving) == {model, "nonblocking"}
            assert proving[model] > proving["nonblocking"]
            continue
        assert (verdict.model.label, verdict.multiplexer) == (model, multiplexer), verdict
        assert verdict.contradicting <= verdict.operations // 10
    assert analysis.process_model in server.process


@each_probe
@pytest.mark.parametrize(
    "server",
    [server for server in SERVERS if server.accept[1] == "epoll"],
    ids=lambda server: str(server.name).replace(" ", "-"),
)
def test_the_trigger_is_what_strace_shows(
    traced: Traced, straced: Straced, server: Server, probe: str
) -> None:
    """By the flags with which its own epoll_ctl calls watched listening sockets and connections."""
    analysis = traced(server, probe)
    text = straced(server)
    for act in (Act.ACCEPT, Act.RECEIVE):
        trigger = analysis.verdicts[act].trigger
        if analysis.verdicts[act].model is Model.MIXED:
            assert server.eager
            continue
        if trigger is None:
            assert server.uring
            assert "io_uring" in analysis.verdicts[act].because
            continue
        flags = watched_with(text, listening=act is Act.ACCEPT)
        assert flags, "strace shows no epoll_ctl"
        for word, flag in (("edge", "EPOLLET"), ("exclusive", "EPOLLEXCLUSIVE"), ("oneshot", "EPOLLONESHOT")):
            assert (word in trigger) == (sum(flag in each for each in flags) > len(flags) / 2)


@each_probe
@each_server
def test_strace_counts_as_many(traced: Traced, straced: Straced, server: Server, probe: str) -> None:
    """What clients make a server do is the same in every run; how often it looks in vain is not."""
    analysis, text = traced(server, probe), straced(server)
    codes = {call.name: call.count - sum(call.errors.values()) for call in analysis.calls}
    for family in (("accept", "accept4"), ("listen",)):
        seen = sum(codes.get(name, 0) for name in family)
        assert seen == sum(succeeded(text, name) for name in family)


def hidden(server: Server, probe: str) -> bool:
    """Return whether the probe cannot see what the server does."""
    return server.requests and probe == "ptrace"


def succeeded(text: str, name: str) -> int:
    """How many calls of a name succeeded in strace's lines, also of those written in two pieces."""
    whole = re.findall(rf"^\d+ +{name}\(.*\) += (\d+)", text, re.MULTILINE)
    resumed = re.findall(rf"<\.\.\. {name} resumed>.*\) += (\d+)", text)
    return len(whole) + len(resumed)


def watched_with(text: str, listening: bool) -> list[str]:
    """The flags of all epoll_ctl calls on descriptors that were listened on, or that accept returned."""
    listened = set(re.findall(r"listen\((\d+),", text))
    accepted = set(re.findall(r"accept4?(?: resumed>|\().*\) += (\d+)", text))
    wanted = listened if listening else accepted - listened
    found = re.findall(r"epoll_ctl\(\d+, EPOLL_CTL_(?:ADD|MOD), (\d+), \{events=([A-Z|]+)", text)
    return [flags for fd, flags in found if fd in wanted and "EPOLLIN" in flags]
