"""What is written is what is read, by us and by others."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotrace.analysis import analyse
from iotrace.columns import FIELDS, Events, from_batches
from iotrace.numbers import grouped
from iotrace.recording import layout
from iotrace.recording.layout import RecordingError, default_path, latest
from iotrace.recording.reading import read
from iotrace.recording.writing import Writer
from iotrace.views.glyphs import Pen
from iotrace.views.header import draw
from probes.events import EVENT, Batch, Flag, Kind, batch
from probes.table import BY_NAME, CALLS

TIMES = st.one_of(st.just(0), st.integers(0, 2**62))


def value(name: str) -> st.SearchStrategy[int]:
    if name == "kind":
        return st.sampled_from([int(kind) for kind in Kind if kind is not Kind.NOTE])
    if name == "parts":
        return st.just(0)
    if name.endswith("_ns"):
        return TIMES
    if name in ("tid", "tgid", "waker"):
        return st.integers(0, 1 << 22)
    limits = np.iinfo(EVENT[name])
    return st.integers(int(limits.min), int(limits.max))


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    size = draw(st.integers(0, 5))
    rows = np.zeros(size, EVENT)
    for row in range(size):
        for name in EVENT.names or ():
            rows[name][row] = draw(value(name))
    rows["exit_ns"] = np.where(
        rows["kind"] == Kind.CALL, np.maximum(rows["exit_ns"], rows["enter_ns"]), rows["exit_ns"]
    )
    indices = st.integers(0, size - 1) if size else st.nothing()
    watch = draw(st.dictionaries(indices, st.lists(st.integers(0, 2**64 - 1), max_size=4)))
    blob = draw(st.dictionaries(indices, st.binary(max_size=9)))
    return batch(rows, watch, blob)


def write(path: Path, written: list[Batch], header: dict[str, Any] | None = None) -> None:
    writer = Writer(path, header or {}, force=True)
    for rows in written:
        writer.write(rows)
    writer.close()
    assert writer.failure is None


def assert_equal(first: Events, second: Events) -> None:
    for name in FIELDS:
        np.testing.assert_array_equal(first[name], second[name], name)
        assert first[name].dtype == second[name].dtype
    for name in ("watch_offsets", "watch", "blob_offsets", "blob"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), name)


@settings(max_examples=60, deadline=None)
@given(st.lists(batches(), max_size=4))
def test_arbitrary_events_come_back(tmp_path_factory: pytest.TempPathFactory, written: list[Batch]) -> None:
    path = tmp_path_factory.mktemp("recording") / "r.iotrace"
    write(path, written)
    assert_equal(read(path), from_batches(written))


def loop(count: int) -> Batch:
    """A loop of sends and receives as a probe sees it, with jitter in every time."""
    random = np.random.default_rng(23)
    rows = np.zeros(count, EVENT)
    receive = np.arange(count) % 2 == 1
    took = random.gamma(6, 60, count).astype(np.int64) + 200
    enter = 10**14 + np.cumsum(took + random.gamma(4, 120, count).astype(np.int64) + 300)
    rows["kind"] = Kind.CALL
    rows["enter_ns"], rows["exit_ns"] = enter, enter + took
    rows["code"] = np.where(receive, BY_NAME["recvfrom"].code, BY_NAME["sendto"].code)
    rows["ready_ns"] = np.where(receive, enter - random.integers(200, 900, count), 0)
    rows["copy_ns"] = np.where(receive, enter + took * 2 // 5 + random.integers(0, 60, count), 0)
    rows["done_ns"] = np.where(receive, enter + took * 4 // 5 + random.integers(0, 40, count), 0)
    rows["fd"] = np.where(receive, 4, 3)
    rows["tid"] = rows["tgid"] = 4711
    rows["ret"] = rows["a"] = 64
    rows["copied"], rows["copies"] = np.where(receive, 64, 0), receive
    rows["sk"] = np.where(receive, 0xFFFF888012345678, 0xFFFF888012345ABC)
    return batch(rows)


def test_a_saturated_loop_costs_at_most_twelve_bytes_an_event(tmp_path: Path) -> None:
    path = tmp_path / "r.iotrace"
    written = loop(230_000)
    write(path, [written])
    assert path.stat().st_size <= 12 * 230_000
    assert_equal(read(path), from_batches([written]))


def test_of_more_rows_than_fit_the_first_are_read_and_the_end_is_known(tmp_path: Path) -> None:
    path = tmp_path / "r.iotrace"
    writer = Writer(path, {"options": {}}, force=True)
    for _ in range(3):
        writer.write(loop(1009))
    writer.note({"produced": 3027, "lost": 5})
    writer.close()
    whole, first = read(path), read(path, most_rows=2100)
    assert len(whole) == 3 * 1009 + 1
    assert 1009 <= len(first) <= 2100  # whole batches
    assert first.notes == ({"produced": 3027, "lost": 5}, {"left_out_rows": len(whole) - len(first)})
    for name in FIELDS:  # also those that are read when they are asked for
        np.testing.assert_array_equal(first[name], whole[name][: len(first)], name)
    assert read(path, most_rows=len(whole)).notes == whole.notes
    said = "".join(str(line) for line in draw(analyse(first), 200, Pen()))
    assert f"the first {grouped(len(first))} of {grouped(len(whole))} rows" in said
    assert "5 events" in said
    assert "no end" not in said


def test_only_the_columns_asked_for_are_read(tmp_path: Path) -> None:
    path = tmp_path / "r.iotrace"
    write(path, [loop(23)])
    events = read(path, ["exit_ns", "code"])
    assert set(events.column) == {"enter_ns", "kind", "exit_ns", "code"}
    np.testing.assert_array_equal(events["exit_ns"], loop(23).rows["exit_ns"].astype(np.int64))


def test_long_sets_are_parted_into_batches_that_a_reader_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iotrace.recording.writing._RAGGED_LIMIT", 64)
    path = tmp_path / "r.iotrace"
    written = batch(np.zeros(23, EVENT), {row: list(range(row)) for row in range(23)}, {7: b"x" * 100})
    written.rows["kind"] = Kind.CALL
    write(path, [written])
    assert_equal(read(path), from_batches([written]))
    assert len(list(pa.ipc.open_stream(path))) > 10


def test_header_and_notes_come_back(tmp_path: Path) -> None:
    path = tmp_path / "r.iotrace"
    writer = Writer(path, {"argv": ["server", "\udcff"], "format": 99})
    writer.note({"exit_status": 3})
    writer.close()
    writer.close()
    events = read(path)
    assert events.header == {"argv": ["server", "\udcff"], "format": layout.FORMAT}
    assert events.notes == ({"exit_status": 3},)
    assert events["kind"].tolist() == [Kind.NOTE]


def test_the_file_is_whole_as_soon_as_it_exists(tmp_path: Path) -> None:
    path = tmp_path / "r.iotrace"
    writer = Writer(path, {"pid": 23})
    assert read(path).header["pid"] == 23
    assert len(read(path)) == 0
    writer.close()


def sample() -> Batch:
    rows = loop(4).rows.copy()
    rows["exit_ns"][3] = 0
    rows["kind"][3] = Kind.PENDING
    rows["kind"][0] = Kind.SIGNAL
    rows["flags"][1] = Flag.FOREIGN
    return batch(rows, {2: [5, 6]}, {0: b"\x1b[31m"})


def test_pyarrow_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "r.iotrace"
    write(path, [sample()])
    table = pa.ipc.open_stream(path).read_all()
    table.validate(full=True)
    assert json.loads(table.schema.metadata[b"iotrace"])["format"] == layout.FORMAT
    assert table["kind"].to_pylist() == ["signal", "call", "call", "pending"]
    assert table["call"].to_pylist() == [None, None, "sendto", "recvfrom"]
    assert table["duration_ns"].to_pylist()[3] is None
    assert table["ready_after_ns"].to_pylist()[1] < 0
    assert table["watch"].to_pylist() == [[], [], [5, 6], []]
    assert table["blob"].to_pylist()[0] == b"\x1b[31m"


def test_polars_reads_it(tmp_path: Path) -> None:
    import polars

    path = tmp_path / "r.iotrace"
    write(path, [loop(46)])
    frame = polars.read_ipc_stream(path)
    counts = dict(frame.group_by("call").agg(polars.len()).rows())
    assert counts == {"recvfrom": 23, "sendto": 23}
    assert frame["copy_after_ns"].null_count() == 23


def test_duckdb_reads_it(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "r.iotrace"
    write(path, [loop(46)])
    events = pa.ipc.open_stream(path).read_all()
    query = "select call, count(*), max(duration_ns) > 0 from events group by call order by call"
    connection = duckdb.connect()
    connection.register("events", events)
    assert connection.execute(query).fetchall() == [("recvfrom", 23, True), ("sendto", 23, True)]


def test_every_call_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "r.iotrace"
    rows = np.zeros(len(CALLS), EVENT)
    rows["kind"] = Kind.CALL
    rows["code"] = np.arange(len(CALLS))
    write(path, [batch(rows)])
    assert pa.ipc.open_stream(path).read_all()["call"].to_pylist() == [call.name for call in CALLS]


def test_a_file_is_its_owners_and_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "r.iotrace"
    Writer(path, {"run": 1}).close()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(RecordingError, match=r"exists: .*--force"):
        Writer(path, {"run": 2})
    assert read(path).header["run"] == 1
    Writer(path, {"run": 2}, force=True).close()
    assert read(path).header["run"] == 2


def test_no_link_is_followed_and_no_folder_replaced(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    link = tmp_path / "link.iotrace"
    link.symlink_to(victim)
    for path in (link, tmp_path):
        with pytest.raises(RecordingError):
            Writer(path, {}, force=True)
    assert victim.read_text() == "precious"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file or directory"):
        Writer(tmp_path / "nowhere" / "r.iotrace", {})


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: files are given away")
def test_under_sudo_the_file_is_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "1235")
    path = tmp_path / "r.iotrace"
    Writer(path, {}).close()
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1235)


def test_names(tmp_path: Path) -> None:
    assert default_path("chat server\x1b", 7).name == "iotrace-chat_server_.7.iotrace"
    with pytest.raises(RecordingError, match="no recording"):
        latest(tmp_path)
    for age, name in enumerate(["b.iotrace", "a.iotrace", "c.txt"]):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (age, age))
    assert latest(tmp_path).name == "a.iotrace"


def test_rows_that_stay_alone_reach_the_file_in_time(tmp_path: Path) -> None:
    """A probe that has nothing more to say calls nobody: the writer flushes by itself."""
    path = tmp_path / "r.iotrace"
    writer = Writer(path, {})
    for row in range(3):  # the first goes out at once, the others are held back
        writer.write(batch(loop(3).rows[row : row + 1]))
    deadline = time.monotonic() + 10
    while len(read(path)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    writer.close()


def test_a_disk_that_is_full_from_the_start_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    path = tmp_path / "r.iotrace"
    with monkeypatch.context() as patch:
        patch.setattr("iotrace.recording.writing.os.write", full)
        with pytest.raises(RecordingError, match="No space left on device"):
            Writer(path, {})
    assert not path.exists()
