"""The analysis as JSON: schema 1, whose keys may be added to and never renamed.

Times are integers in nanoseconds, shares 0…1; ``docs/report-schema.md`` documents every key.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from iotrace import __version__
from iotrace.analysis.blocked_report import blocked_json, stalls_json
from iotrace.analysis.model import Act, Analysis, CallStatistics, MatrixRow, Model, Phase, Verdict
from iotrace.analysis.unseen import passed_over, tasks_refused
from iotrace.analysis.verdicts import judge
from probes.events import Kind
from probes.table import CALLS

SCHEMA = 1

#: Descriptors listed at most: those with most operations come first, and ``descriptors_total`` says how many.
MOST_DESCRIPTORS = 1000


def report_json(
    analysis: Analysis, threads: Collection[int] = (), fds: Collection[int] = ()
) -> dict[str, Any]:
    """Return the report as a JSON-able dictionary; ``blocked`` of ``threads``, on ``fds`` if given."""
    events = analysis.events
    header = events.header
    target = _target(analysis)
    chosen = _descriptors(analysis)
    return {
        "schema": SCHEMA,
        "iotrace": __version__,
        "recorded_by": header.get("iotrace"),
        "probe": header.get("probe"),
        "kernel": header.get("kernel"),
        "machine": header.get("machine"),
        "evidence": list(header.get("evidence", ())),
        "missing": dict(header.get("missing", {})),
        "stop_cost_ns": header.get("stop_cost_ns"),
        "target": target,
        "duration_ns": analysis.end_ns - analysis.begin_ns,
        "events": len(events),
        "lost": analysis.lost,
        "gaps": [{"first_ns": first, "last_ns": last, "lost": count} for first, last, count in analysis.gaps],
        "tasks_refused": tasks_refused(events),
        "passed_over": passed_over(events),
        "memory": dict(analysis.memory) or None,
        "processes": len({tgid for tgid, _, _ in analysis.threads}),
        "threads": len(analysis.threads),
        "verdict": {
            "accept": _verdict(analysis.verdicts.get(Act.ACCEPT)),
            "receive": _verdict(analysis.verdicts.get(Act.RECEIVE)),
            "receive_datagram": _verdict(analysis.verdicts.get(Act.RECEIVE_DATAGRAM)),
            "receive_upstream": _verdict(analysis.verdicts.get(Act.RECEIVE_UPSTREAM)),
            "process_model": analysis.process_model,
        },
        "matrix": [_matrix_row(row) for row in analysis.matrix],
        "calls": [_call(line, header.get("stop_cost_ns")) for line in analysis.calls],
        "foreign_calls": analysis.foreign,
        "by_process": _by_process(analysis),
        "blocked": blocked_json(analysis, threads, fds),
        "stalls": stalls_json(analysis),
        "descriptors": chosen,
        "descriptors_total": len(analysis.descriptors),
        "order": analysis.order or None,
        "lessons": [{"name": lesson.name, "evidence": lesson.evidence} for lesson in analysis.lessons],
    }


def _call(line: CallStatistics, stop_cost_ns: int | None) -> dict[str, Any]:
    """Return one line; under ptrace also its total without the calibrated cost of the stops."""
    fields = {name: getattr(line, name) for name in line.__dataclass_fields__}
    corrected = None if stop_cost_ns is None else max(0, line.total_ns - line.count * stop_cost_ns)
    return {**fields, "corrected_total_ns": corrected}


def _target(analysis: Analysis) -> dict[str, Any]:
    """Return argv and how the target ended, from the header and the tracer's last note."""
    end: dict[str, Any] = {}
    for note in analysis.events.notes:
        end.update({key: note[key] for key in ("exit_status", "signal") if key in note})
    return {
        "argv": list(analysis.events.header.get("argv", ())),
        "exit_status": end.get("exit_status"),
        "signal": end.get("signal"),
    }


def _verdict(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {
        "model": verdict.model.label,
        "multiplexer": verdict.multiplexer,
        "trigger": verdict.trigger,
        "operations": verdict.operations,
        "supporting": verdict.supporting,
        "contradicting": verdict.contradicting,
        "shares": {model.label: count for model, count in verdict.shares.items()},
        "because": verdict.because,
    }


def _phase(phase: Phase) -> dict[str, Any]:
    return {
        "total_ns": phase.total_ns,
        "blocked": phase.blocked,
        "blocked_in": phase.blocked_in,
        "polling": phase.polling,
        "queued": phase.queued,
        "free": phase.free,
        "basis": phase.basis.label,
    }


def _matrix_row(row: MatrixRow) -> dict[str, Any]:
    return {
        "operation": row.act.label,
        "model": row.model.label,
        "operations": row.operations,
        "bytes": row.bytes,
        "phase1": _phase(row.phase1),
        "phase2": _phase(row.phase2),
        "wake_ns": row.wake_ns,
    }


def _by_process(analysis: Analysis) -> list[dict[str, Any]]:
    """Return each process's calls and its own verdicts."""
    events = analysis.events
    rows = np.flatnonzero((events["kind"] == Kind.CALL) & (events["code"] < len(CALLS)))
    width = len(CALLS)
    tgids, dense = np.unique(events["tgid"][rows], return_inverse=True)
    counts = np.bincount(dense * width + events["code"][rows], minlength=len(tgids) * width)
    table = counts.reshape(len(tgids), width) if len(tgids) else counts.reshape(0, width)
    names = programs(analysis)
    lines = []
    for tgid, line in zip(tgids.tolist(), table, strict=True):
        used = np.flatnonzero(line)
        lines.append(
            {
                "pid": tgid,
                "comm": names.get(tgid, ""),
                "calls": {CALLS[code].name: int(line[code]) for code in used},
                "verdict": _process_verdict(analysis, tgid, len(tgids) == 1),
            }
        )
    return lines


def _process_verdict(analysis: Analysis, tgid: int, only: bool) -> dict[str, Any]:
    if only:
        verdicts = dict(analysis.verdicts)
    else:
        op = analysis.operations[analysis.operations["tgid"] == tgid]
        verdicts = {}
        if len(op):
            calls = analysis.call_columns
            for act in Act:
                chosen = op[op["act"] == act]
                mode = np.zeros(len(chosen), np.int64)
                verdict = judge(act, analysis.events, calls, chosen, mode) if len(chosen) else None
                if verdict is not None:
                    verdicts[act] = verdict
    return {
        "accept": _model(verdicts.get(Act.ACCEPT)),
        "receive": _model(verdicts.get(Act.RECEIVE)),
        "receive_datagram": _model(verdicts.get(Act.RECEIVE_DATAGRAM)),
    }


def _model(verdict: Verdict | None) -> str | None:
    return None if verdict is None else verdict.model.label


def programs(analysis: Analysis) -> dict[int, str]:
    """Return {process: last program that it executed}."""
    events = analysis.events
    rows = np.flatnonzero(events["kind"] == Kind.TASK_EXEC)
    return {int(events["tgid"][row]): _program(events.blob_of(int(row))) for row in rows}


def _program(path: bytes) -> str:
    return path.rsplit(b"/", 1)[-1].decode("utf-8", "backslashreplace")


def _descriptors(analysis: Analysis) -> list[dict[str, Any]]:
    life = analysis.operations["life"]
    used = np.bincount(life[life >= 0], minlength=len(analysis.descriptors))
    busiest = np.argsort(-used, kind="stable")[:MOST_DESCRIPTORS]
    lines = []
    for index in sorted(busiest.tolist()):
        descriptor = analysis.descriptors[index]
        lines.append(
            {
                "pid": descriptor.tgid,
                "fd": descriptor.fd,
                "kind": descriptor.kind,
                "name": descriptor.name,
                "nonblocking": descriptor.nonblocking,
                "asynchronous": descriptor.asynchronous,
                "watched_by": list(descriptor.watched_by),
                "model": descriptor.model.label if descriptor.model is not Model.UNKNOWN else None,
                "operations": descriptor.operations,
                "bytes": descriptor.bytes,
                "open_ns": descriptor.open_ns,
                "close_ns": descriptor.close_ns,
            }
        )
    return lines
