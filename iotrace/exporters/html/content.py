"""What the page is told of a recording: the calls and operations as columns, all else as JSON.

Times are nanoseconds since the begin of the recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from iotrace import wording
from iotrace.analysis.model import Act, Analysis, Descriptor
from iotrace.analysis.statistics import error_name
from iotrace.escape import clean
from iotrace.exporters.html.encoding import Columns
from iotrace.figures.lanes import LOW, name_of
from iotrace.figures.meanings import OF_WHAT, WORDS
from iotrace.language import _
from iotrace.numbers import grouped
from iotrace.theme import THEMES, Meaning, Theme
from iotrace.timeline import Lane, What, alive_until, cuts
from iotrace.timeline.descriptors import DescriptorLanes
from iotrace.timeline.lanes import Ints
from iotrace.timeline.threads import lives_of, worker_lanes
from iotrace.views.arguments import meaning
from probes.table import CALLS

#: Of a name from the target so much is shown; the rest is said to be missing.
_LONGEST = 300

#: Bits of a call's flags, as ``data.js`` reads them; the low five bits are what it slept as.
_FAILING, _RECEIVES, _ACCOUNTED, _GUESSED, _SLEPT, _READY, _PENDING = (1 << bit for bit in range(5, 12))

#: Columns of an operation that go as they are.
_PLAIN = ("bytes", "tries", "act", "model", "free_ns", "polling_ns", "queued_ns", "in_wait_ns",
          "in_transfer_ns", "in_signal_ns", "in_ring_ns", "in_other_ns")  # fmt: skip


def content(analysis: Analysis, columns: Columns) -> dict[str, Any]:
    """Fill ``columns``, and return the rest as JSON-able facts. All strings are clean."""
    begin = analysis.begin_ns
    threads, tids = _calls(analysis, columns)
    lanes = [*threads, *_workers(analysis, columns), *_descriptors(analysis, columns, tids)]
    return {
        "span_ns": max(1, alive_until(analysis) - begin),
        "lanes": lanes,
        "tids": tids,
        "calls": [call.name for call in CALLS],
        "errors": _errors(analysis),
        "descriptors": [[each.fd, short(meaning(each.kind, each.name))] for each in analysis.descriptors],
        "gaps": [[first - begin, last - begin, rows] for first, last, rows in analysis.gaps],
        "levels": list(_levels(analysis, columns)),
        "whats": {what.name: int(what) for what in What},
        "looks": {
            int(what): [meaning, _(WORDS[meaning]), LOW.get(meaning, 1)] for what, meaning in OF_WHAT.items()
        },
        "themes": {theme.name: _colours(theme) for theme in THEMES},
        "acts": {int(act): _(words) for act, words in wording.ACTS.items()},
        "act": {act.name: int(act) for act in Act},
        "models": {int(model): _(words) for model, words in wording.MODELS.items()},
        "columns": columns.index,
    }


def _calls(analysis: Analysis, columns: Columns) -> tuple[list[dict[str, Any]], list[int]]:
    """Add the calls, sorted by thread and begin; return the threads' lanes, and all thread numbers used."""
    work = cuts.prepare(analysis)
    cut = cuts.of_all(work)
    calls, events = work.calls, analysis.events
    row, tid = calls.row[cut.mine], calls.tid[cut.mine]
    heads = np.flatnonzero(np.r_[True, tid[1:] != tid[:-1]]) if len(tid) else np.zeros(0, np.int64)
    before = np.r_[analysis.begin_ns, cut.exit[:-1]][: len(tid)]
    before[heads] = analysis.begin_ns
    columns.add("gap", np.maximum(cut.enter - before, 0))
    columns.add("entry", cut.sleep - cut.enter)
    columns.add("asleep", cut.waking - cut.sleep)
    columns.add("waking", cut.running - cut.waking)
    columns.add("running", cut.copy - cut.running)
    columns.add("copy", cut.exit - cut.copy)
    columns.add("code", calls.code[cut.mine])
    columns.add_signed("ret", calls.ret[cut.mine])
    columns.add("life", analysis.lives[row].astype(np.int64) + 1)
    columns.add("fd", np.maximum(calls.fd[cut.mine].astype(np.int64) + 1, 0))
    ready = events["ready_ns"][row].astype(np.int64)
    seen = ready > 0
    columns.add_signed("ready", np.where(seen, ready - cut.enter, 0))
    waker = events["waker"][row]
    tids = [0, *np.unique(np.r_[waker, analysis.operations["tid"], analysis.operations["waiter"]]).tolist()]
    columns.add("waker", _places(waker, tids))
    columns.add(
        "flags",
        cut.asleep_as
        + cut.failing * _FAILING
        + cut.receives * _RECEIVES
        + cut.bounded * _ACCOUNTED
        + cut.guessed * _GUESSED
        + cut.slept * _SLEPT
        + seen * _READY
        + calls.pending[cut.mine] * _PENDING,
    )
    first = dict(zip(tid[heads].tolist(), heads.tolist(), strict=True))
    count = dict(zip(tid[heads].tolist(), np.diff(np.r_[heads, len(tid)]).tolist(), strict=True))
    lives = lives_of(analysis)
    lanes = []
    for tgid, each, _name in analysis.threads:
        lane = Lane("thread", tgid, each, -1, What.OWN, *lives[each], ())
        lanes.append(_lane(lane, analysis, first.get(each, 0), count.get(each, 0)))
    return lanes, tids


def _workers(analysis: Analysis, columns: Columns) -> Iterator[dict[str, Any]]:
    """Add the copies that kernel threads made; return their lanes."""
    lanes = worker_lanes(analysis)
    first = 0
    begin, end, size = [], [], []
    for lane in lanes:
        (track,) = lane.tracks
        begin.append(track.begin_ns - analysis.begin_ns)
        end.append(track.end_ns - track.begin_ns)
        size.append(track.value)
        yield _lane(lane, analysis, first, len(track))
        first += len(track)
    empty = [np.zeros(0, np.int64)]
    columns.add("worker_begin", np.maximum(np.concatenate([*empty, *begin]), 0))
    columns.add("worker_copy", np.concatenate([*empty, *end]))
    columns.add("worker_bytes", np.concatenate([*empty, *size]))


def _descriptors(analysis: Analysis, columns: Columns, tids: list[int]) -> Iterator[dict[str, Any]]:
    """Add the operations, sorted by descriptor and end; return the descriptors' lanes."""
    op = analysis.operations
    life = op["life"]
    mine = np.lexsort((op["end_ns"], life))
    mine = mine[life[mine] >= 0]
    op, life = op[mine], life[mine]
    heads = np.flatnonzero(np.r_[True, life[1:] != life[:-1]]) if len(life) else np.zeros(0, np.int64)
    end = op["end_ns"]
    before = np.r_[analysis.begin_ns, end[:-1]][: len(end)]
    before[heads] = analysis.begin_ns
    columns.add("op_end", np.maximum(end - before, 0))
    columns.add("op_copy", end - op["copy_ns"])
    columns.add("op_taken", op["copy_ns"] - op["ready_ns"])
    columns.add("op_wait", op["ready_ns"] - op["begin_ns"])
    arrived = op["arrived_ns"]
    columns.add("op_early", np.where((arrived > 0) & (arrived < op["begin_ns"]), op["begin_ns"] - arrived, 0))
    for name in _PLAIN:
        columns.add(f"op_{name}", np.maximum(op[name], 0))
    for name in ("tid", "waiter"):
        columns.add(f"op_{name}", _places(op[name], tids))
    bases = sum(
        op[f"{name}_basis"].astype(np.int64) << 2 * at
        for at, name in enumerate(("begin", "ready", "copy", "end"))
    )
    columns.add("op_bases", np.asarray(bases))
    columns.add("op_how", op["at_once"] * 1 + op["by_worker"] * 2)
    counts = np.diff(np.r_[heads, len(life)])
    lanes = DescriptorLanes(analysis)
    order = {int(life[head]): (int(head), int(count)) for head, count in zip(heads, counts, strict=True)}
    for each in lanes.weights():
        opened, closed = lanes.life_of(each)
        lane = Lane("descriptor", analysis.descriptors[each].tgid, 0, each, What.OPEN, opened, closed, ())
        yield _lane(lane, analysis, *order[each])


def _levels(analysis: Analysis, columns: Columns) -> Iterator[dict[str, Any]]:
    """Add how full each buffer was over time; return their lanes."""
    for number, level in enumerate(analysis.levels):
        writer, reader = analysis.descriptors[level.writer], analysis.descriptors[level.reader]
        time = np.maximum(level.time_ns - analysis.begin_ns, 0)
        columns.add(f"level_time_{number}", np.diff(time, prepend=0))
        columns.add(f"level_bytes_{number}", level.bytes)
        yield {"name": _buffer(writer, reader), "most": level.most}


def _buffer(writer: Descriptor, reader: Descriptor) -> str:
    name = _("buffer fd {writer} → {reader} {kind}")
    return clean(name.format(writer=writer.fd, reader=reader.fd, kind=writer.kind))


def _lane(lane: Lane, analysis: Analysis, first: int, count: int) -> dict[str, Any]:
    full = ""
    if lane.life >= 0:
        what = analysis.descriptors[lane.life]
        full = f"fd {what.fd} {meaning(what.kind, what.name)}"
    return {
        "kind": lane.kind,
        "name": short(name_of(lane, analysis)),
        "full": short(full),
        "tgid": lane.tgid,
        "tid": lane.tid,
        "life": lane.life,
        "begin": max(0, lane.begin_ns - analysis.begin_ns),
        "end": max(0, lane.end_ns - analysis.begin_ns),
        "first": first,
        "count": count,
    }


def _places(values: Ints, tids: Sequence[int]) -> Ints:
    """Return where each thread number stands in ``tids``, whose first is 0 and whose rest is sorted."""
    if len(tids) == 1:
        return np.zeros(len(values), np.int64)
    found: Ints = np.searchsorted(np.array(tids[1:]), values) + 1
    return np.where(values == 0, 0, found)


def _errors(analysis: Analysis) -> dict[int, str]:
    failed = np.unique(analysis.events["ret"][analysis.events["ret"] < 0])
    return {int(number): error_name(int(number)) for number in failed if number > -4096}


def short(words: str) -> str:
    """Clean words that may come from the target, and cut them where they are too long to be read."""
    words = clean(words)
    return (
        words
        if len(words) <= _LONGEST
        else _("{begin}… ({n} signs)").format(begin=words[:_LONGEST], n=grouped(len(words)))
    )


def _colours(theme: Theme) -> dict[str, Any]:
    swatches = {meaning: theme[meaning] for meaning in Meaning}
    return {
        meaning: [each.fill, each.stroke, each.edge, each.ink, each.word, each.hatch.value]
        for meaning, each in swatches.items()
    }
