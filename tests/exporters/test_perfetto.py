"""Traces for Perfetto, read by Perfetto's own trace processor and its own user interface."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from iotrace.analysis import Analysis, analyse
from iotrace.analysis.calls import select
from iotrace.analysis.model import Act, Basis
from iotrace.timeline import build
from iotrace.timeline.lanes import What
from iotrace.views.arguments import meaning
from probes.contract import EVIDENCE
from probes.table import CALLS
from tests.exporters.asked import exported
from tests.exporters.perfetto_recordings import lossy, pool, unseen
from tests.exporters.trace_processor import TraceProcessor
from tests.figures import recordings
from tests.story import Story
from tests.views import scenes

MADE: dict[str, Callable[[], Analysis]] = {
    **recordings.MODELS,
    "lossy": lossy,
    "pool": pool,
    "crowd": recordings.crowd,
    "overtaken": recordings.overtaken,
    "unseen": unseen,
    "full_pipe": scenes.full_pipe,
    "full_pipe_ptrace": lambda: scenes.full_pipe(accounted=True),
}


@pytest.mark.parametrize("name", MADE)
def test_the_same_calls_at_the_same_times_on_the_same_threads(name: str) -> None:
    analysis = MADE[name]()
    calls = select(analysis.events, analysis.end_ns)
    expected = Counter(
        zip(
            (CALLS[code].name for code in calls.code.tolist()), calls.tgid.tolist(), calls.tid.tolist(),
            calls.enter_ns.tolist(), np.where(calls.pending, -1, calls.exit_ns - calls.enter_ns).tolist(),
            strict=True,
        )
    )  # fmt: skip
    with TraceProcessor(exported(analysis, "perfetto")) as trace:
        assert trace.complaints() == {}
        assert Counter(trace.rows(
            "SELECT s.name, pid, tid, ts, dur FROM slice s JOIN thread_track t ON s.track_id = t.id "
            "JOIN thread USING (utid) JOIN process USING (upid) WHERE category = 'call'"
        )) == expected  # fmt: skip
        rows = trace.rows(
            "SELECT name, count(*), sum(dur), sum(extract_arg(arg_set_id, 'debug.error') IS NOT NULL) "
            "FROM slice WHERE category = 'call' AND dur >= 0 GROUP BY 1"
        )
    assert {row[0]: row[1:] for row in rows} == {
        each.name: (each.count, each.total_ns, sum(each.errors.values())) for each in analysis.calls
    }


#: A name of a slice, and what it is on the timeline.
PARTS = {
    "asleep for its own reason": What.NAP,
    "blocked in a wait": What.BLOCKED_WAIT,
    "blocked in the transfer": What.BLOCKED_TRANSFER,
    "blocked in another call": What.BLOCKED_OTHER,
    "waking up": What.WAKING,
    "copying": What.COPY,
}


@pytest.mark.parametrize("name", MADE)
def test_the_parts_of_calls_are_those_of_the_timeline(name: str) -> None:
    analysis = MADE[name]()
    expected: Counter[tuple[str, bool]] = Counter()
    for lane in build(analysis, most_threads=1000).lanes:
        for track in (*lane.tracks, *lane.marks) if lane.kind in ("thread", "worker") else ():
            for part, what in PARTS.items():
                for bounded in {False, True} if track.what == what else ():
                    some = track.bounded == bounded
                    expected[part, bounded] += int((track.end_ns - track.begin_ns)[some].sum())
    with TraceProcessor(exported(analysis, "perfetto")) as trace:
        found = trace.rows(
            "SELECT rtrim(name, ' ≈'), name GLOB '* ≈', sum(iif(dur < 0, trace_end() - ts, dur)) FROM slice "
            "WHERE category = 'part of a call' GROUP BY 1, 2"
        )
    assert {(part, bool(bounded)): ns for part, bounded, ns in found} == +expected


@pytest.mark.parametrize("name", MADE)
def test_operations_and_their_phases(name: str) -> None:
    analysis = MADE[name]()
    op = analysis.operations
    expected = {}
    for act in Act:
        mine = np.flatnonzero(op["act"] == act)
        if len(mine):
            expected[act.label.replace("_", " ")] = (
                len(mine), int((op["end_ns"] - op["begin_ns"])[mine].sum()),
                int((op["ready_ns"] - op["begin_ns"])[mine].sum()),
                0 if act is Act.ACCEPT else int((op["end_ns"] - op["copy_ns"])[mine].sum()),
                0 if act is Act.ACCEPT else int(op["bytes"][mine].sum()),
            )  # fmt: skip
    with TraceProcessor(exported(analysis, "perfetto")) as trace:
        found = trace.rows(
            """SELECT o.name, count(*), sum(o.dur),
                 sum((SELECT ifnull(sum(dur), 0) FROM slice
                      WHERE parent_id = o.id AND name GLOB 'phase 1*')),
                 sum((SELECT ifnull(sum(dur), 0) FROM slice
                      WHERE parent_id = o.id AND name GLOB 'phase 2*')),
                 sum(ifnull(extract_arg(o.arg_set_id, 'debug.bytes'), 0))
               FROM slice o WHERE o.category = 'operation' GROUP BY 1"""
        )
        tracks = trace.rows(
            "SELECT t.name, count(*) FROM slice s JOIN track t ON s.track_id = t.id "
            "WHERE category = 'operation' GROUP BY 1"
        )
    assert {row[0]: row[1:] for row in found} == expected
    named: Counter[str] = Counter()
    for life, count in Counter(op["life"].tolist()).items():
        if life < 0:
            named["descriptor unseen"] += count
            continue
        what = analysis.descriptors[life]
        named[f"fd {what.fd} {meaning(what.kind, what.name)}".rstrip()] += count
    assert dict(tracks) == dict(named)


@pytest.mark.parametrize(("accounted", "basis"), [(False, "measured"), (True, "bounded")])
def test_a_basis_is_said_where_it_is_not_measured(accounted: bool, basis: str) -> None:
    analysis = scenes.blocking(accounted)
    op = analysis.operations
    assert (set(op["copy_basis"][op["act"] == Act.RECEIVE]) == {Basis.MEASURED}) is not accounted
    with TraceProcessor(exported(analysis, "perfetto")) as trace:
        names = {
            name
            for (name,) in trace.rows("SELECT name FROM slice WHERE category IN ('phase', 'part of a call')")
        }
        assert trace.rows(
            "SELECT DISTINCT extract_arg(arg_set_id, 'debug.basis') FROM slice WHERE name = 'recvfrom'"
        ) == [(basis,)]
    assert {"blocked in the transfer", "waking up", "copying", "phase 2: copying"} <= {
        name.removesuffix(" ≈" if accounted else "") for name in names
    }


def test_a_call_that_did_not_sleep_can_have_been_off_the_cpu() -> None:
    story = (
        Story(100).call("sendto", 10, 50, 64, queued=30, fd=4, a=64).call("sendto", 60, 70, 64, fd=4, a=64)
    )
    analysis = analyse(story.events(evidence=list(EVIDENCE)))
    with TraceProcessor(exported(analysis, "perfetto")) as trace:
        assert trace.rows("SELECT name, dur FROM slice WHERE category = 'part of a call'") == [
            ("preempted ≈", 30_000)
        ]
