"""Each assertion holds where it should, fails where it should, and its message names the evidence."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import iotrace
from iotrace import testing
from iotrace.recording.writing import Writer
from probes.contract import EVIDENCE
from probes.events import EVENT, Kind, batch
from tests.api import served
from tests.live import require

PROBES = ("bpf", "ptrace")


@pytest.fixture(scope="module", params=PROBES)
def probe(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    require(name)
    return name


@pytest.fixture(scope="module")
def traces(probe: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, iotrace.Trace]:
    folder = tmp_path_factory.mktemp("served")
    found = {}
    for server, clients in (
        (served.blocking, served.one_client),
        (served.loop, served.clients),
        (served.stalling, served.clients),
    ):
        found[server.__name__] = testing.record(server, clients, folder / f"{server.__name__}.iotrace", probe)
    return found


def test_what_was_served_is_what_was_recorded(traces: dict[str, iotrace.Trace]) -> None:
    assert {name: trace.verdicts["receive"].operations for name, trace in traces.items()} == {
        "blocking": 7, "loop": 21, "stalling": 21,
    }  # fmt: skip


def test_the_model(traces: dict[str, iotrace.Trace]) -> None:
    testing.assert_model(traces["blocking"], "blocking")
    testing.assert_model(traces["loop"], "multiplexing", multiplexer="select")
    testing.assert_model(traces["loop"].path, "multiplexing", act="accept")
    with pytest.raises(AssertionError, match=r"receive: blocking, not multiplexing: .* slept in it"):
        testing.assert_model(traces["blocking"], "multiplexing")
    with pytest.raises(AssertionError, match="multiplexing by select, not multiplexing by epoll"):
        testing.assert_model(traces["loop"], "multiplexing", multiplexer="epoll")
    with pytest.raises(AssertionError, match="no receive_datagram in this recording: it has receive, accept"):
        testing.assert_model(traces["loop"], "blocking", act="receive_datagram")


def test_stalls(traces: dict[str, iotrace.Trace]) -> None:
    testing.assert_no_stall(traces["blocking"])
    testing.assert_no_stall(traces["stalling"], limit_s=10)
    with pytest.raises(AssertionError) as failed:
        testing.assert_no_stall(traces["stalling"], limit_s=0.05)
    assert "clock_nanosleep" in str(failed.value)
    found = re.match(r"(\d+) stalls of 50 ms or more; the longest: ", str(failed.value))
    assert found
    assert int(found[1]) == 21


def test_never_blocks_in(traces: dict[str, iotrace.Trace]) -> None:
    testing.assert_never_blocks_in(traces["stalling"], "recvfrom", "recvmsg", "connect")
    testing.assert_never_blocks_in(traces["blocking"], "recvfrom", thread=1)
    with pytest.raises(
        AssertionError, match=r"calls? slept; the longest: recvfrom on fd \d+ tcp .* of thread \d+"
    ):
        testing.assert_never_blocks_in(traces["blocking"], "recvfrom")
    with pytest.raises(AssertionError, match="clock_nanosleep of thread"):
        testing.assert_never_blocks_in(traces["stalling"], "clock_nanosleep")


@pytest.mark.parametrize(
    ("lost", "evidence", "why"),
    [(23, EVIDENCE, "23 events were lost"), (0, ("calls", "tasks"), "did not see sleeps: nothing is proved")],
)
def test_what_was_not_seen_is_not_proved(
    lost: int, evidence: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "unseen.iotrace"
    rows = np.zeros(2, EVENT)
    rows["kind"], rows["enter_ns"], rows["exit_ns"] = Kind.CALL, [1000, 3000], [2000, 4000]
    rows["kind"][1], rows["a"] = Kind.GAP if lost else Kind.CALL, lost
    writer = Writer(path, {"evidence": list(evidence)})
    writer.write(batch(rows))
    writer.close()
    with pytest.raises(AssertionError, match=why):
        testing.assert_no_stall(path)
    with pytest.raises(AssertionError, match=why):
        testing.assert_never_blocks_in(path, "connect")


def test_a_name_that_is_none_proves_nothing(traces: dict[str, iotrace.Trace]) -> None:
    with pytest.raises(ValueError, match="no call recvform is recorded"):
        testing.assert_never_blocks_in(traces["blocking"], "recvform", "recvmsg")
    with pytest.raises(ValueError, match="no call was named"):
        testing.assert_never_blocks_in(traces["blocking"])


def test_a_server_that_is_no_function_of_a_module(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="top level"):
        testing.record(lambda port: None, served.clients, tmp_path / "x.iotrace")


def test_a_server_that_does_not_come_up(tmp_path: Path) -> None:
    with pytest.raises(iotrace.RunError, match="ended before it listened"):
        testing.record(broken, served.clients, tmp_path / "x.iotrace", "ptrace")


def broken(port: int) -> None:
    raise SystemExit(3)


def test_the_fixture_is_there_without_asking(pytester: pytest.Pytester) -> None:
    require("ptrace")
    pytester.makepyfile(
        f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from tests.api import served
        from iotrace.testing import assert_model

        def test_it(iotrace_record):
            trace = iotrace_record(served.blocking, served.one_client, probe="ptrace")
            assert_model(trace, "blocking")

        def test_it_not(iotrace_record):
            trace = iotrace_record(served.loop, served.clients, probe="ptrace")
            assert_model(trace, "blocking")
        """
    )
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*receive: multiplexing by select, not blocking: *announced by select*"])
