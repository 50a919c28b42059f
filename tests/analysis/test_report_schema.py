"""`report --json` keeps its schema: every key that was ever promised, with its type, in every report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iotrace.analysis import report_json
from iotrace.analysis.model import Analysis
from tests.story import Story
from tests.views import scenes

Number = (int, float)
Maybe = type(None)
MODELS = {
    "blocking", "nonblocking", "multiplexing", "signal_driven", "asynchronous", "mixed", "unknown",
}  # fmt: skip
PROCESS_MODELS = {
    "event_loop", "event_loop_per_thread", "event_loop_with_workers", "process_per_connection", "prefork",
    "thread_per_connection", "thread_pool", "thread_per_request", "process_per_request", "sequential",
    "unknown",
}  # fmt: skip

#: Schema 1 as it was agreed: keys may be added, never renamed. A list means: objects of that shape.
PHASE = {
    "total_ns": int, "blocked": Number, "blocked_in": (str, Maybe), "polling": Number, "queued": Number,
    "free": Number, "basis": str,
}  # fmt: skip
VERDICT = {
    "model": str, "multiplexer": (str, Maybe), "trigger": (str, Maybe), "operations": int, "supporting": int,
    "contradicting": int, "because": str,
}  # fmt: skip
DESCRIPTOR = {"fd": (int, Maybe), "kind": (str, Maybe), "descriptor": (str, Maybe)}
SCHEMA: dict[str, Any] = {
    "schema": int, "iotrace": str, "probe": (str, Maybe), "kernel": (str, Maybe),
    "target": {"argv": list, "exit_status": (int, Maybe), "signal": (int, Maybe)},
    "duration_ns": int, "events": int, "lost": int, "processes": int, "threads": int,
    "tasks_refused": int, "passed_over": dict,
    "verdict": {"process_model": str},
    "matrix": [{
        "operation": str, "model": str, "operations": int, "bytes": int, "phase1": PHASE, "phase2": PHASE,
    }],
    "calls": [{
        "name": str, "count": int, "errors": dict, "bytes": int, "total_ns": int, "wait_ns": int,
        "wake_ns": int, "copy_ns": int, "p50_ns": int, "p90_ns": int, "p99_ns": int, "max_ns": int,
    }],
    "by_process": [{"pid": int, "comm": str, "calls": dict, "verdict": dict}],
    "descriptors": [{
        "pid": int, "fd": int, "kind": str, "name": str, "nonblocking": (bool, Maybe), "model": (str, Maybe),
    }],
    "lessons": [{"name": str, "evidence": str}],
    "blocked": [{
        "pid": int, "tid": int, "name": str, "state": str, **DESCRIPTOR, "count": int, "total_ns": int,
        "p50_ns": int, "p90_ns": int, "p99_ns": int, "max_ns": int, "basis": str,
        "histogram": [{"from_ns": int, "count": int}],
    }],
    "stalls": (dict, Maybe),
}  # fmt: skip
STALLS: dict[str, Any] = {
    "least_ns": int, "loops": list, "count": int, "total_ns": int, "max_ns": int,
    "longest": [{
        "pid": int, "tid": int, "name": str, **DESCRIPTOR, "begin_ns": int, "asleep_ns": int, "basis": str,
        "waited": int, "waited_measured": int, "late_ns": int, "waiting": [DESCRIPTOR],
    }],
}  # fmt: skip


def check(value: Any, shape: Any, where: str) -> None:
    if isinstance(shape, dict):
        assert isinstance(value, dict), where
        for key, inner in shape.items():
            assert key in value, f"{where}.{key}"
            check(value[key], inner, f"{where}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        for index, item in enumerate(value):
            check(item, shape[0], f"{where}[{index}]")
    else:
        assert isinstance(value, shape), f"{where}: {value!r}"
        assert not (isinstance(value, bool) and shape is int), where


@pytest.mark.parametrize(
    "scene", [scenes.chat, scenes.blocking, scenes.full_pipe, lambda: Story().analyse()],
    ids=["chat", "blocking", "full pipe", "nothing"],
)  # fmt: skip
def test_every_key_has_its_name_and_type(scene: Any) -> None:
    analysis: Analysis = scene()
    facts = json.loads(json.dumps(report_json(analysis)))
    check(facts, SCHEMA, "report")
    for name in ("accept", "receive", "receive_datagram"):
        assert name in facts["verdict"]
        if facts["verdict"][name] is not None:
            check(facts["verdict"][name], VERDICT, name)
            assert facts["verdict"][name]["model"] in MODELS
    assert facts["verdict"]["process_model"] in PROCESS_MODELS
    if facts["stalls"] is not None:
        check(facts["stalls"], STALLS, "stalls")
    for row in facts["matrix"]:
        for phase in (row["phase1"], row["phase2"]):
            shares = phase["blocked"] + phase["polling"] + phase["queued"] + phase["free"]
            assert not phase["total_ns"] or abs(shares - 1) < 1e-9
            assert phase["basis"] in ("measured", "bounded", "unseen")
    assert all(each["state"] in ("idle", "stalled", "blocked") for each in facts["blocked"])


def test_every_key_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "report-schema.md").read_text()
    facts = report_json(scenes.chat())
    missing = [key for key in facts if f"`{key}`" not in text]
    for part in (STALLS, STALLS["longest"][0], SCHEMA["blocked"][0]):
        missing += [key for key in part if f"`{key}`" not in text]
    assert missing == []
