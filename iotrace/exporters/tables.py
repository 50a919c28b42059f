"""The tables of a recording as Arrow batches: what CSV, JSON Lines and Parquet write.

Columns and their units are those of ``docs/exports.md``. Times end in ``_ns``. Text is a dictionary, and
clean (:mod:`iotrace.escape`): nothing in it can be taken for a terminal's or a spreadsheet's command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iotrace.analysis.calls import code
from iotrace.analysis.model import PLACES, Act, Analysis, Basis, Model, Phase
from iotrace.analysis.spent_columns import spent_columns
from iotrace.analysis.statistics import error_name
from iotrace.escape import clean
from probes.table import CALLS, Role

#: Rows of a batch.
_ROWS = 1 << 16

_MOVES_BYTES = np.array([call.role in (Role.RECEIVE, Role.SEND, Role.TRANSFER) for call in CALLS])
_MESSAGES = (code("recvmmsg"), code("sendmmsg"))
_CALL_NAMES = pa.array([call.name for call in CALLS])
_BASES = pa.array([basis.label for basis in Basis])
_MODELS = pa.array([model.label for model in Model])
_ACTS = pa.array(["", *(act.label for act in Act)])


class Table(NamedTuple):
    """Rows as batches of one schema, and what to call one of them."""

    row: str
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


def table(name: str, analysis: Analysis) -> Table:
    """Return a table of :data:`iotrace.exporters.contract.TABLES`."""
    row, make = _TABLES[name]
    batches = make(analysis)
    first = next(batches)
    return Table(row, first.schema, _again(first, batches))


def _again(first: pa.RecordBatch, others: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from others


def _pieces(count: int) -> Iterator[slice]:
    """Yield slices over all rows; an empty one where there are none, for the schema."""
    for start in range(0, max(count, 1), _ROWS):
        yield slice(start, min(start + _ROWS, count))


def _calls(analysis: Analysis) -> Iterator[pa.RecordBatch]:
    events = analysis.events
    calls = analysis.call_columns
    descriptors = _Descriptors(analysis)
    operation = np.zeros(len(events), np.int32)
    completed = analysis.operations["call"]
    by_call = np.flatnonzero(completed >= 0)
    operation[completed[by_call]] = by_call + 1
    evidence = tuple(events.header.get("evidence") or ())
    for part in _pieces(len(calls)):
        row, ret, pending = calls.row[part], calls.ret[part], calls.pending[part]
        enter, codes, fd = calls.enter_ns[part], calls.code[part], calls.fd[part]
        life = analysis.lives[row]
        ready, waker = events["ready_ns"][row], events["waker"][row]
        times = spent_columns(events, calls, part, evidence)
        moved = np.where(np.isin(codes, _MESSAGES), events["c"][row], ret)
        unseen = pending | (times.wait_basis == Basis.UNSEEN)
        columns: dict[str, pa.Array] = {
            "row": pa.array(row),
            "pid": pa.array(calls.tgid[part].astype(np.int32)),
            "tid": pa.array(calls.tid[part].astype(np.int32)),
            "call": _words(codes.astype(np.int32), _CALL_NAMES),
            "fd": _where(fd, fd < 0),
            "kind": descriptors.kinds(life),
            "descriptor": descriptors.named(life),
            "enter_ns": pa.array(enter),
            "since_begin_ns": pa.array(enter - analysis.begin_ns),
            "duration_ns": _where(calls.exit_ns[part] - enter, pending),
            "ret": _where(ret, pending),
            "error": _errors(ret, pending),
            "bytes": _where(moved, ~_MOVES_BYTES[codes] | (ret < 0) | pending),
            "wait_ns": _where(times.wait_ns, unseen),
            "wait_basis": _words(np.where(pending, Basis.UNSEEN, times.wait_basis), _BASES),
            "wake_ns": _where(times.wake_ns, unseen),
            "wake_basis": _words(np.where(pending, Basis.UNSEEN, times.wake_basis), _BASES),
            "copy_ns": _where(times.copy_ns, ~times.copies),
            "copy_basis": _words(np.where(times.copies, times.copy_basis.astype(np.int32), -1), _BASES),
            "ready_after_ns": _where(ready - enter, ready == 0),
            "waker": _where(waker.astype(np.int32), waker == 0),
            "cpu": pa.array(events["cpu"][row].astype(np.int32)),
            "operation": _where(operation[row], operation[row] == 0),
        }
        yield pa.RecordBatch.from_pydict(columns)


def _operations(analysis: Analysis) -> Iterator[pa.RecordBatch]:
    op = analysis.operations
    descriptors = _Descriptors(analysis)
    codes = analysis.events["code"]
    for part in _pieces(len(op)):

        def column(name: str, part: slice = part) -> NDArray[Any]:
            return op[name][part]

        call, wait, arrived = column("call"), column("wait"), column("arrived_ns")
        begin, ready, copy, end = (column(f"{name}_ns") for name in ("begin", "ready", "copy", "end"))
        columns: dict[str, pa.Array] = {
            "operation": pa.array(np.arange(part.start, part.stop, dtype=np.int32) + 1),
            "act": _words(column("act"), _ACTS),
            "model": _words(column("model"), _MODELS),
            "pid": pa.array(column("tgid")),
            "tid": pa.array(column("tid")),
            "waiter": pa.array(column("waiter")),
            "fd": _where(column("fd"), column("fd") < 0),
            "kind": descriptors.kinds(column("life")),
            "descriptor": descriptors.named(column("life")),
            "bytes": pa.array(column("bytes")),
            "begin_ns": pa.array(begin),
            "begin_basis": _words(column("begin_basis"), _BASES),
            "since_begin_ns": pa.array(begin - analysis.begin_ns),
            "arrived_ns": _where(arrived, arrived == 0),
            "ready_ns": pa.array(ready),
            "ready_basis": _words(column("ready_basis"), _BASES),
            "copy_ns": pa.array(copy),
            "copy_basis": _words(column("copy_basis"), _BASES),
            "end_ns": pa.array(end),
            "end_basis": _words(column("end_basis"), _BASES),
            "phase1_ns": pa.array(ready - begin),
            "between_ns": pa.array(copy - ready),
            "phase2_ns": pa.array(end - copy),
            **{name: pa.array(column(name)) for name in PLACES},
            "blocked2_ns": pa.array(column("blocked2_ns")),
            "tries": pa.array(column("tries")),
            "at_once": pa.array(column("at_once")),
            "by_worker": pa.array(column("by_worker")),
            "call": _words(_code_of(codes, call), _CALL_NAMES),
            "call_row": _where(call, call < 0),
            "wait": _words(_code_of(codes, wait), _CALL_NAMES),
            "wait_row": _where(wait, wait < 0),
        }
        yield pa.RecordBatch.from_pydict(columns)


def _descriptors(analysis: Analysis) -> Iterator[pa.RecordBatch]:
    for part in _pieces(len(analysis.descriptors)):
        some = analysis.descriptors[part]
        columns: dict[str, pa.Array] = {
            "pid": pa.array([each.tgid for each in some], pa.int32()),
            "fd": pa.array([each.fd for each in some], pa.int32()),
            "kind": _texts([each.kind for each in some]),
            "descriptor": _texts([clean(each.name) or None for each in some]),
            "open_ns": pa.array([each.open_ns for each in some], pa.int64()),
            "close_ns": pa.array([each.close_ns for each in some], pa.int64()),
            "nonblocking": pa.array([each.nonblocking for each in some], pa.bool_()),
            "asynchronous": pa.array([each.asynchronous for each in some], pa.bool_()),
            "watched_by": _texts([", ".join(each.watched_by) or None for each in some]),
            "model": _texts([each.model.label if each.model else None for each in some]),
            "operations": pa.array([each.operations for each in some], pa.int64()),
            "bytes": pa.array([each.bytes for each in some], pa.int64()),
        }
        yield pa.RecordBatch.from_pydict(columns)


def _matrix(analysis: Analysis) -> Iterator[pa.RecordBatch]:
    lines = list(analysis.matrix)
    columns: dict[str, pa.Array] = {
        "act": _texts([line.act.label for line in lines]),
        "model": _texts([line.model.label for line in lines]),
        "operations": pa.array([line.operations for line in lines], pa.int64()),
        "bytes": pa.array([line.bytes for line in lines], pa.int64()),
        **_phase("phase1", [line.phase1 for line in lines]),
        "between_ns": pa.array([line.wake_ns for line in lines], pa.int64()),
        **_phase("phase2", [line.phase2 for line in lines]),
    }
    yield pa.RecordBatch.from_pydict(columns)


def _phase(name: str, phases: Sequence[Phase]) -> dict[str, pa.Array]:
    columns = {f"{name}_ns": pa.array([each.total_ns for each in phases], pa.int64())}
    for share in ("blocked", "polling", "queued", "free"):
        columns[f"{name}_{share}"] = pa.array([getattr(each, share) for each in phases], pa.float64())
    columns[f"{name}_blocked_in"] = _texts([each.blocked_in for each in phases])
    columns[f"{name}_basis"] = _texts([each.basis.label for each in phases])
    return columns


_TABLES: dict[str, tuple[str, Callable[[Analysis], Iterator[pa.RecordBatch]]]] = {
    "calls": ("call", _calls),
    "operations": ("operation", _operations),
    "descriptors": ("descriptor", _descriptors),
    "matrix": ("matrix", _matrix),
}


class _Descriptors:
    """The words of all descriptors, made once: each stands once in its dictionary, or pandas refuses it."""

    def __init__(self, analysis: Analysis) -> None:
        found = list(analysis.descriptors)
        self._kinds = _texts([each.kind for each in found])
        self._names = _texts([clean(each.name) or None for each in found])

    def kinds(self, life: NDArray[np.int32]) -> pa.Array:
        """Return the kind of each life; null where it is -1."""
        return _lives(life, self._kinds)

    def named(self, life: NDArray[np.int32]) -> pa.Array:
        """Return the name of each life; null where it has none, or is -1."""
        return _lives(life, self._names)


def _lives(life: NDArray[np.int32], words: pa.DictionaryArray) -> pa.Array:
    place = np.r_[words.indices.fill_null(-1).to_numpy(), np.int32(-1)]  # of -1, its last
    return _words(place[life], words.dictionary)


def _where(values: NDArray[Any], null: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, mask=null)


def _texts(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.utf8()).dictionary_encode()


def _words(index: NDArray[Any], words: pa.Array) -> pa.Array:
    """Return ``words[index]``; null where the index is negative."""
    index = index.astype(np.int32, copy=False)
    return pa.DictionaryArray.from_arrays(pa.array(index, mask=index < 0), words)


def _errors(ret: NDArray[np.int64], pending: NDArray[np.bool_]) -> pa.Array:
    failed, index = np.unique(np.where((ret < 0) & ~pending, ret, 0), return_inverse=True)
    names = [error_name(int(each)) if each < 0 else "" for each in failed]
    return _words(np.where(failed[index] < 0, index, -1), pa.array(names, pa.utf8()))


def _code_of(codes: NDArray[np.uint16], row: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return (n,) the calls' codes at rows of the events; -1 where the row is -1 or no call of the table."""
    found = np.where(row >= 0, codes[np.maximum(row, 0)] if len(codes) else 0, len(CALLS)).astype(np.int32)
    return np.where(found < len(CALLS), found, -1).astype(np.int32)
