"""Two tracers of one and the same run agree on every call of every thread: no run is like another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.servers.catalogue import SERVERS, Server
from tests.servers.witness import Witnessed, of_target, pairs, printed, recorded, whole

Witness = Callable[[Server, str], Witnessed]

each_server = pytest.mark.parametrize(
    "server", SERVERS, ids=lambda server: str(server.name).replace(" ", "-")
)


@each_server
def test_strace_prints_what_the_ebpf_probe_records(witnessed: Witness, server: Server) -> None:
    """Each call of the table, its descriptor, result and error, in the order of its thread."""
    seen = witnessed(server, "strace")
    text = seen.inner.read_text(errors="replace")
    theirs = printed(text)
    ours = of_target(whole(seen.outer), int(text.split(maxsplit=1)[0]))
    assert ours.keys() == theirs.keys()
    assert sum(map(len, theirs.values())) > 100
    for tid, calls in theirs.items():
        for our, their in pairs(ours[tid], calls):
            assert our[:3] == their[:3]


@each_server
def test_the_ptrace_probe_records_what_the_ebpf_probe_records(witnessed: Witness, server: Server) -> None:
    """The same, and the arguments: what a probe had to read from the process's memory too."""
    seen = witnessed(server, "ptrace")
    events = whole(seen.inner)
    theirs = recorded(events)
    root = int(events["tgid"][0])
    ours = of_target(whole(seen.outer), root)
    del ours[root][0]  # the execve that made the server: the inner probe begins after it
    assert ours.keys() == theirs.keys()
    assert sum(map(len, theirs.values())) > 100
    for tid, calls in theirs.items():
        for our, their in pairs(ours[tid], calls):
            assert our == their
