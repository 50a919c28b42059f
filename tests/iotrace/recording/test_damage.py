"""A file that is not whole costs one line, never a traceback, a wrong number or the machine's memory."""

from __future__ import annotations

import functools
import os
import random
import resource
import stat
import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotrace.columns import Events
from iotrace.recording import layout, writing
from iotrace.recording.framing import Damaged, walk
from iotrace.recording.layout import RecordingError
from iotrace.recording.reading import read
from iotrace.recording.writing import Writer
from probes.events import EVENT, Kind, batch

COUNTS = (2, 3, 5)


@functools.cache
def whole() -> bytes:
    """The bytes of a recording of three batches, of 2, 3 and 5 rows, and a note."""
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"iotrace-test-{os.getpid()}.iotrace"
    writer = Writer(path, {"argv": ["server"]}, force=True)
    at = 0
    for count in COUNTS:
        rows = np.zeros(count, EVENT)
        rows["kind"] = Kind.CALL
        rows["enter_ns"] = np.arange(at, at + count) + 1000
        rows["exit_ns"] = rows["enter_ns"] + 23
        at += count
        writer.write(batch(rows, {0: [1, 2, 3]}, {1: b"path"}))
        with writer._lock:
            writer._flush()
    writer.note({"exit_status": 0})
    writer.close()
    data = path.read_bytes()
    path.unlink()
    return data


def read_bytes(folder: Path, data: bytes) -> Events:
    path = folder / "r.iotrace"
    path.write_bytes(data)
    return read(path)


def check_one_line(error: Exception) -> None:
    assert len(str(error).splitlines()) == 1


def test_every_cut_gives_a_prefix_or_one_line() -> None:
    data = whole()
    rows = set()
    for size in range(len(data)):
        try:
            rows.add(sum(walk(memoryview(data[:size])).rows))
        except Damaged as error:
            check_one_line(error)
    assert rows == {0, 2, 5, 10, 11}


def test_a_cut_file_reads_as_its_beginning(tmp_path: Path) -> None:
    data = whole()
    seen = set()
    for size in range(0, len(data), 41):
        try:
            events = read_bytes(tmp_path, data[:size])
        except RecordingError as error:
            check_one_line(error)
            continue
        assert (events["enter_ns"][: sum(COUNTS)] == np.arange(len(events))[: sum(COUNTS)] + 1000).all()
        seen.add(len(events))
        left_over = events.notes[-1].get("left_over_bytes", 0) if events.notes else 0
        assert 0 <= left_over < size
    assert seen == {0, 2, 5, 10, 11}


def test_what_is_left_over_is_counted(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, whole()).notes == ({"exit_status": 0},)
    assert read_bytes(tmp_path, whole() + b"abc").notes[-1] == {"left_over_bytes": 3}


def test_flipped_bits_are_found(tmp_path: Path) -> None:
    """All but those of the seal, the empty batch at the end, change a checksum that is looked at."""
    data = whole()
    sealed = len(data) - len(walk_back(data))
    picked = random.Random(23)
    for _ in range(400):
        bit = picked.randrange(8 * sealed)
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            events = read_bytes(tmp_path, bytes(damaged))
        except RecordingError as error:
            check_one_line(error)
        else:  # a flip in a length can cut the file: then it says so
            assert events.notes[-1]["left_over_bytes"] > 0


def walk_back(data: bytes) -> bytes:
    """Return the last batch and the end mark."""
    start = data.rindex(b"\xff\xff\xff\xff", 0, len(data) - 8)
    return data[start:]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6))
def test_no_damage_is_worse_than_one_line(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(whole())
    for place, byte in changes:
        data[int(place * len(data))] = byte
    folder = tmp_path_factory.mktemp("damage")
    try:
        read_bytes(folder, bytes(data))
    except RecordingError as error:
        check_one_line(error)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_foreign_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    with pytest.raises(RecordingError):
        read_bytes(tmp_path_factory.mktemp("foreign"), data)
    with pytest.raises(RecordingError):
        read_bytes(tmp_path_factory.mktemp("foreign"), b"\xff\xff\xff\xff" + data)


def test_a_claim_of_terabytes_allocates_nothing() -> None:
    """The size that a compressed column claims is looked at before Arrow believes it."""
    data = bytearray(whole())
    magic = struct.pack("<I", 0xFD2FB528)  # of a zstd frame; the claim is in the eight bytes before it
    places = [at for at in range(len(data)) if data[at : at + 4] == magic]
    assert places
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for at in places[:: len(places) // 7]:
        broken = bytearray(data)
        broken[at - 8 : at] = struct.pack("<q", 1 << 42)
        with pytest.raises(Damaged):
            walk(memoryview(bytes(broken)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_newer_format_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "FORMAT", layout.FORMAT + 1)
    path = tmp_path / "r.iotrace"
    Writer(path, {"iotrace": "9.9"}).close()
    with pytest.raises(RecordingError, match=r"format 2, this iotrace reads up to 1: upgrade .*'9\.9'"):
        read(path)


def test_another_programs_arrow_stream_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.arrow"
    table = pa.table({"x": [1, 2, 3]})
    with pa.ipc.new_stream(path, table.schema) as stream:
        stream.write_table(table)
    with pytest.raises(RecordingError, match="another program"):
        read(path)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "fifo")
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)
    for name, words in {
        "": "a folder",
        "empty": "is empty",
        "fifo": "no regular",
        "no": "does not exist",
    }.items():
        with pytest.raises(RecordingError, match=words):
            read(tmp_path / name)


def test_the_checksum_covers_all_before_the_last_batch() -> None:
    data = whole()
    frames = walk(memoryview(data))
    assert frames.rows == (0, *COUNTS, 1, 0)
    assert frames.closed
    assert frames.left_over == 0
    seal = walk_back(data)
    assert str(zlib.crc32(data[: -len(seal)])).encode() in seal
