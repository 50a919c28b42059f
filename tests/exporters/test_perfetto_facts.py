"""What a trace for Perfetto tells of its slices: arguments, losses, flows, counters, origin."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as published

from iotrace.analysis import Analysis
from iotrace.analysis.statistics import error_name
from iotrace.escape import clean
from iotrace.exporters.contract import CannotExport
from probes.table import CALLS
from tests.command import ROOT, iotrace
from tests.exporters.asked import exported
from tests.exporters.perfetto_recordings import announced, lossy, pool
from tests.exporters.trace_processor import TraceProcessor
from tests.figures import recordings
from tests.live import require
from tests.million import COUNT, MOST_KB, million, peak_kb
from tests.story import at
from tests.views import scenes


def test_arguments_and_results() -> None:
    with TraceProcessor(exported(lossy(), "perfetto")) as trace:

        def notes(where: str) -> list[dict[str, object]]:
            return [
                {key.removeprefix("debug."): value for key, value in trace.rows(
                    "SELECT key, coalesce(int_value, string_value) FROM slice s JOIN args USING (arg_set_id) "
                    f"WHERE s.id = {number} AND key GLOB 'debug.*'")}
                for (number,) in trace.rows(f"SELECT id FROM slice WHERE {where} ORDER BY ts")
            ]  # fmt: skip

        failed, done, in_flight = notes("name = 'recvfrom'")
        assert failed == {
            "fd": 4,
            "length": 64,
            "descriptor": "socket",
            "result": -11,
            "error": error_name(-11),
            "basis": "measured",
        }
        assert done == {
            "fd": 4,
            "length": 64,
            "descriptor": "socket",
            "result": 64,
            "ready_after_ns": 5_000,
            "basis": "measured",
        }
        assert in_flight == {"fd": 4, "length": 64, "descriptor": "socket", "basis": "unseen"}
        (listening,) = notes("name = 'listen'")
        assert listening["backlog"] == 5
        assert listening["descriptor"] == "listen 127.0.0.1:8801"


def test_losses_stand_where_they_happened() -> None:
    with TraceProcessor(exported(lossy(), "perfetto")) as trace:
        assert trace.rows(
            "SELECT ts, dur, extract_arg(arg_set_id, 'debug.lost') FROM slice "
            "WHERE name = 'events lost' ORDER BY ts"
        ) == [(at(60), 10_000, 23), (at(65), 10_000, 1)]
    with TraceProcessor(exported(replace(lossy(), gaps=[], lost=7), "perfetto")) as trace:
        assert trace.row(
            "SELECT ts, ts + dur, extract_arg(arg_set_id, 'debug.lost') FROM slice WHERE name = 'events lost'"
        ) == (lossy().begin_ns, lossy().end_ns, 7)


def test_it_says_where_it_comes_from() -> None:
    with TraceProcessor(exported(lossy(), "perfetto")) as trace:
        notes = dict(trace.rows(
            "SELECT substr(key, 7), string_value FROM slice JOIN args USING (arg_set_id) "
            "WHERE category = 'about' AND key GLOB 'debug.*'"
        ))  # fmt: skip
        (name,) = trace.row("SELECT name FROM slice WHERE category = 'about'")
        facts = dict(trace.rows("SELECT name, coalesce(str_value, int_value) FROM metadata"))
        (wall,) = trace.row(f"SELECT to_realtime({at(80)})")
    assert (notes["probe"], notes["kernel"], notes["lost"], notes["date"]) == (
        "bpf", "6.18.0", "24", "2023-11-14T22:13:20Z",
    )  # fmt: skip
    assert all(word in notes["basis"] for word in ("measured", "bounded", "unseen"))
    assert "CLOCK_MONOTONIC" in notes["clock"]
    assert notes["verdict_receive"]
    assert "eBPF probe · Linux 6.18.0 · 2023-11-14" in name
    assert "24 lost" in name
    assert (facts["trace_time_clock_id"], facts["system_release"], facts["system_machine"]) == (
        3,
        "6.18.0",
        "x86_64",
    )
    assert wall == 1_700_000_000 * 10**9 + 80_000


FLOWS = (
    "SELECT a.name, a.ts + a.dur, b.name, b.ts FROM flow JOIN slice a ON a.id = slice_out "
    "JOIN slice b ON b.id = slice_in ORDER BY b.ts"
)


@pytest.mark.parametrize("made", [scenes.chat, recordings.overtaken, announced])
def test_an_announcement_flows_to_each_receive(made: Callable[[], Analysis]) -> None:
    analysis = made()
    op, events = analysis.operations, analysis.events
    told = np.flatnonzero((op["wait"] >= 0) & (op["call"] >= 0))
    expected = sorted(
        (
            CALLS[events["code"][wait]].name, int(events["exit_ns"][wait]),
            CALLS[events["code"][call]].name, int(events["enter_ns"][call]),
        )
        for wait, call in zip(op["wait"][told], op["call"][told], strict=True)
    )  # fmt: skip
    assert len(expected) > 2
    with TraceProcessor(exported(analysis, "perfetto")) as trace:
        assert trace.complaints() == {}
        assert sorted(trace.rows(FLOWS)) == expected


def test_a_waker_flows_to_the_thread_that_it_woke() -> None:
    with TraceProcessor(exported(pool(), "perfetto")) as trace:
        assert trace.complaints() == {}
        assert trace.rows(FLOWS) == [
            ("wakes thread 101", at(471), "waking up", at(471)),
            ("wakes thread 102", at(671), "waking up", at(671)),
        ]
        assert trace.rows(
            "SELECT tid, s.name, p.name FROM slice s JOIN slice p ON p.id = s.parent_id "
            "JOIN thread_track t ON s.track_id = t.id JOIN thread USING (utid) "
            "WHERE s.category = 'wakes' ORDER BY s.ts"
        ) == [(103, "wakes thread 101", "sendto"), (103, "wakes thread 102", "sendto")]


def test_a_buffers_fill_is_a_counter() -> None:
    analysis = scenes.full_pipe()
    (level,) = analysis.levels
    with TraceProcessor(exported(analysis, "perfetto")) as trace:
        found = trace.rows("SELECT ts, CAST(value AS INT) FROM counter ORDER BY counter.id")
        (unit, name) = trace.row("SELECT unit, name FROM counter_track")
    assert found == list(zip(level.time_ns.tolist(), level.bytes.tolist(), strict=True))
    assert unit == "bytes"
    assert name == "fd 4 → 3 pipe"


def test_signals_and_kernel_threads() -> None:
    with TraceProcessor(exported(recordings.signal_driven(), "perfetto")) as trace:
        assert trace.row(
            "SELECT name, count(*), sum(extract_arg(arg_set_id, 'debug.after_ns')) FROM slice "
            "WHERE category = 'signal'"
        ) == ("SIGIO", 23, 23 * 27_000)
    with TraceProcessor(exported(scenes.asynchronous(), "perfetto")) as trace:
        assert trace.row(
            "SELECT thread.name, tid, count(*), sum(extract_arg(s.arg_set_id, 'debug.bytes')) FROM slice s "
            "JOIN thread_track t ON s.track_id = t.id JOIN thread USING (utid) WHERE tid <> 4711"
        ) == ("kernel thread", 4713, 23, 23 << 20)


@pytest.mark.parametrize(
    "name",
    ["<script>\u202e\x1b]0;gone\x07" + "x" * 10_000, 'a","b\r\n#c\\\ud800\x00', "=cmd|'/c calc'!A1", "日本"],
)
def test_names_come_through_clean(name: str) -> None:
    analysis = recordings.renamed(scenes.chat(), name)
    with TraceProcessor(exported(analysis, "perfetto")) as trace:
        assert trace.complaints() == {}
        shown = [word for (word,) in trace.rows(
            "SELECT name FROM slice UNION SELECT name FROM track UNION SELECT name FROM process UNION "
            "SELECT cmdline FROM process UNION SELECT string_value FROM args"
        ) if word]  # fmt: skip
    assert all(word.replace("\u202f", "").isprintable() for word in shown)  # our own, in large numbers
    assert not any("\\u202f" in word for word in shown)
    begin = clean(name)[:20]
    assert sum(begin in word for word in shown) >= 6
    assert all(len(word) < 400 for word in shown)


def test_every_byte_is_known_to_perfettos_own_messages() -> None:
    packets = list(published.Trace.FromString(exported(scenes.chat(), "perfetto")).packet)
    for each in packets:
        inner = published.Trace.FromString(zlib.decompress(each.compressed_packets or zlib.compress(b"")))
        before = inner.ByteSize(), each.ByteSize()
        inner.DiscardUnknownFields()
        each.DiscardUnknownFields()
        assert (inner.ByteSize(), each.ByteSize()) == before
    assert packets[0].clock_snapshot.primary_trace_clock == 3


def test_the_queries_of_the_documentation_find_something() -> None:
    text = (ROOT / "docs/exports.md").read_text().partition("## The trace")[2].partition("\n## ")[0]
    code = "\n".join(line.strip() for line in text.splitlines() if line.startswith("      "))
    queries = [query for query in code.split(";") if query.strip()]
    assert len(queries) == 2
    with TraceProcessor(exported(scenes.chat(), "perfetto")) as trace:
        for query in queries:
            assert trace.rows(query)


def test_nothing_to_show_is_said() -> None:
    with pytest.raises(CannotExport, match="no call"):
        exported(scenes.empty(), "perfetto")


@pytest.mark.parametrize("probe", ["ptrace", "bpf"])
def test_a_real_server(probe: str, tmp_path: Path) -> None:
    require(probe)
    done = iotrace(tmp_path, "demo", "blocking_echo", "--probe", probe, "-o", "x.iotrace")
    assert done.returncode == 0, done.stderr
    assert iotrace(tmp_path, "export", "x.iotrace", "-o", "x.perfetto-trace", "-o", "x.csv").returncode == 0
    rows = [line for line in (tmp_path / "x.csv").read_text().splitlines() if not line.startswith("#")]
    with TraceProcessor((tmp_path / "x.perfetto-trace").read_bytes()) as trace:
        assert trace.complaints() == {}
        assert trace.row("SELECT count(*) FROM slice WHERE category = 'call'") == (len(rows) - 1,)
        assert trace.row(
            "SELECT count(*), sum(extract_arg(arg_set_id, 'debug.bytes')) FROM slice WHERE name = 'receive'"
        ) == (23, 23 << 20)
        (name,) = trace.row(
            "SELECT DISTINCT t.name FROM slice s JOIN track t ON t.id = track_id WHERE s.name = 'receive'"
        )
    assert "tcp 127.0.0.1:" in name


@pytest.mark.slow
def test_a_million_events(tmp_path: Path) -> None:
    recording = million(tmp_path)
    assert peak_kb(tmp_path, "export", str(recording), "-o", "x.perfetto-trace") < MOST_KB
    with TraceProcessor((tmp_path / "x.perfetto-trace").read_bytes()) as trace:
        assert trace.complaints() == {}
        found = trace.rows("SELECT name, count(*), sum(dur) FROM slice WHERE category <> 'about' GROUP BY 1")
    half = COUNT // 2
    lengths = {
        "sendto": 800, "recvfrom": 800, "blocked in the transfer": 400, "waking up": 100, "copying": 150,
        "receive": 800, "phase 1: waiting for data": 450, "ready, unread": 200, "phase 2: copying": 150,
    }  # fmt: skip
    assert {row[0]: row[1:] for row in found} == {name: (half, half * ns) for name, ns in lengths.items()}
