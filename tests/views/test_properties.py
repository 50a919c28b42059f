"""Whatever was recorded: no line is too wide, no segment overlaps another, nothing harmful passes."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import RenderableType

from iotrace import views
from iotrace.analysis import Analysis, analyse
from iotrace.timeline import What, build, rasterise
from iotrace.timeline.raster import edges_of
from probes.contract import EVIDENCE
from probes.events import Flag, Kind
from tests.story import Story, at

NAMES = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["\x1b]0;owned\x07", "[/bold]", "数据服务器.py", "a\u202eb", "e\u0301" * 4, "\x9b31m", "new\nline"]
)
#: Names of calls that differ in role, with results from errors to bytes.
CALLS = ("select", "recvfrom", "accept4", "epoll_wait", "sendto", "read", "clock_nanosleep", "futex", "close")
STEP = st.tuples(
    st.sampled_from([11, 12, 13]),
    st.sampled_from(CALLS),
    st.integers(0, 5_000),
    st.integers(0, 200_000),
    st.floats(0, 1.2),
    st.integers(0, 400),
    st.sampled_from([-11, -4, 0, 1, 64, 1 << 20, 3 << 30]),
    st.integers(3, 9),
)


@st.composite
def recordings(draw: st.DrawFn) -> Analysis:
    """Threads that make any calls in any order, with accounts or events, and perhaps losses."""
    story = Story(11, draw(st.booleans()))
    story.server(3, 8801)
    clock = dict.fromkeys((11, 12, 13), 100)
    for tid, name, idle, length, share, queued, ret, fd in draw(st.lists(STEP, max_size=40)):
        begin = clock[tid] + idle
        asleep = min(length * share, length)
        boundaries = {"ready": begin + asleep, "copy": begin + length * 0.9} if ret > 0 else {}
        if name == "select":
            story.select(begin, begin + length, [3, fd], [fd] if ret > 0 else [], asleep=asleep, tid=tid)
        elif name == "accept4":
            fresh = fd + 1 if ret > 0 else ret
            story.accept(3, fresh, begin, begin + length, 50_000 + fd, asleep=asleep, queued=queued, tid=tid)
        else:
            story.call(name, begin, begin + length, ret, asleep, queued, fd=fd, tid=tid, **boundaries)
        clock[tid] = begin + length + 1
    if draw(st.booleans()):
        story.row(Kind.GAP, enter_ns=at(1_000), exit_ns=at(50_000), a=12_345)
    if draw(st.booleans()):
        story.row(
            Kind.RING, enter_ns=at(100), exit_ns=at(900), copy_ns=at(500), done_ns=at(800), fd=5, ret=99,
            waker=77, flags=Flag.BY_WORKER,
        )  # fmt: skip
    argv = [draw(NAMES), draw(NAMES)]
    missing = {"copy": draw(NAMES)} if draw(st.booleans()) else {}
    return analyse(story.events(argv=argv, evidence=list(EVIDENCE), missing=missing, stop_cost_ns=31_000))


def drawn(view: RenderableType, width: int, ascii: bool) -> str:
    file = io.StringIO()
    views.console("never", ascii, width, file).print(view)
    return file.getvalue()


many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(recordings(), st.integers(60, 220), st.booleans())
def test_every_line_fits_and_none_is_harmful(analysis: Analysis, width: int, ascii: bool) -> None:
    for view in (views.report(analysis), views.show(analysis), views.summary(analysis)):
        text = drawn(view, width, ascii)
        for line in text.split("\n"):
            assert cell_len(line) <= width, line
            assert all(char.isprintable() or char == "\u202f" for char in line), ascii
        assert text.isascii() or not ascii


@many
@given(recordings(), st.integers(0, 100_000_000), st.integers(1, 500_000_000), st.integers(60, 220))
def test_any_window_can_be_shown(analysis: Analysis, first: int, length: int, width: int) -> None:
    text = drawn(views.show(analysis, (first, first + length)), width, False)
    assert all(cell_len(line) <= width for line in text.split("\n"))


@many
@given(recordings())
def test_segments_neither_overlap_nor_run_backwards(analysis: Analysis) -> None:
    for lane in build(analysis).lanes:
        begin = np.concatenate([track.begin_ns for track in lane.tracks] or [np.zeros(0, np.int64)])
        end = np.concatenate([track.end_ns for track in lane.tracks] or [np.zeros(0, np.int64)])
        order = np.argsort(begin, kind="stable")
        assert np.all(end > begin)
        assert np.all(begin[order][1:] >= end[order][:-1])
        for track in lane.tracks:
            assert np.all(np.diff(track.begin_ns) >= 0)


@many
@given(recordings(), st.integers(8, 200))
def test_a_cell_shows_what_fills_it_and_never_loses_a_copy(analysis: Analysis, width: int) -> None:
    """The vectorised shares against a plain loop over segments and cells."""
    timeline = build(analysis)
    edges = edges_of(timeline.from_ns, timeline.to_ns, width)
    for lane in timeline.lanes:
        raster = rasterise(lane, timeline.from_ns, timeline.to_ns, width)
        for cell in range(width):
            shares = dict.fromkeys(What, 0)
            copies = 0
            for track in lane.tracks:
                for begin, end in zip(track.begin_ns.tolist(), track.end_ns.tolist(), strict=True):
                    shares[track.what] += max(0, min(end, edges[cell + 1]) - max(begin, edges[cell]))
                    copies += track.what == What.COPY and edges[cell] <= begin < edges[cell + 1]
            inside = max(0, min(lane.end_ns, edges[cell + 1]) - max(lane.begin_ns, edges[cell]))
            busy = sum(shares.values())
            shares[lane.base] += max(0, inside - busy)
            shares[What.ABSENT] += max(0, edges[cell + 1] - edges[cell] - max(inside, busy))
            assert shares[What(int(raster.what[cell]))] == max(shares.values())
            marked = [mark.count for mark in raster.marks if mark.cell == cell and mark.what == What.COPY]
            assert sum(marked) == copies
