"""Read a recording: whole, still growing, or cut off.

Damage is found before anything is opened (:mod:`iotrace.recording.framing`), so a broken file costs one
line and no memory.
"""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iotrace.columns import Events
from iotrace.language import _
from iotrace.recording import facts
from iotrace.recording.decoding import LazyColumns, columns_of, events_of, open_batches, wanted_columns
from iotrace.recording.framing import CONTINUATION, Damaged, Frames, walk
from iotrace.recording.layout import FORMAT, HEADER_KEY, RecordingError, arrow_fields

#: What every analysis looks at, read in one go; the other columns when they are asked for.
_AT_ONCE = frozenset(
    "enter_ns exit_ns kind code ret fd tid tgid flags asleep_ns queued_ns sleeps a b c ready_ns copy_ns"
    " running_ns watch blob".split()
)

#: What a picture of one operation looks at besides.
_TOGETHER = frozenset(("sleep_ns", "done_ns", "waker", "copies"))


def read(path: Path, columns: Collection[str] | None = None, most_rows: int | None = None) -> Events:
    """Read the recording at ``path``; only ``columns`` (names of Events, and "watch") where given.

    ``enter_ns``, ``kind`` and ``blob`` are always read. A file that was cut off gives its whole
    batches, and a note ``{"left_over_bytes": n}``. Of more than ``most_rows`` the first are read, in whole
    batches, the notes at the end too, and a note ``{"left_out_rows": n}``. Raises :class:`RecordingError`,
    and so does a column that is first asked for later.
    """
    data = _load(path)
    check_magic(path, data)
    with _damage_of(path):
        header = header_of(path, pa.ipc.open_stream(pa.py_buffer(data)).schema)
        frames = walk(data)
        source = pa.py_buffer(data[: frames.stop])
        if not frames.stop:
            raise Damaged("cut off in its header")
        wanted = wanted_columns(_AT_ONCE if columns is None else columns)
        rows = _first(frames.rows, most_rows)
        events = events_of(
            islice(open_batches(source, wanted), len(rows)), wanted, rows, header, frames.left_over
        )
        if len(rows) < len(frames.rows):
            events = replace(events, notes=(*events.notes, *_last_notes(source, frames, len(rows))))
    if columns is not None:
        return events
    enter = events["enter_ns"]

    def further(name: str) -> dict[str, NDArray[Any]]:
        with _damage_of(path):
            return columns_of(_TOGETHER if name in _TOGETHER else {name}, source, rows, enter)

    return replace(events, column=LazyColumns(dict(events.column), further))


def _first(rows: tuple[int, ...], most: int | None) -> tuple[int, ...]:
    """Return the sizes of the first batches: at least one, and all that fit."""
    if most is None or sum(rows) <= most:
        return rows
    return rows[: max(1, int(np.searchsorted(np.cumsum(rows), most, "right")))]


def _last_notes(source: pa.Buffer, frames: Frames, kept: int) -> Iterator[Mapping[str, Any]]:
    """Yield the notes of the batches that were not kept, and how many rows these hold."""
    wanted = wanted_columns(())
    batches = islice(open_batches(source, wanted), kept, None)
    yield from events_of(batches, wanted, frames.rows[kept:], {}).notes
    yield {"left_out_rows": sum(frames.rows[kept:])}


@contextmanager
def _damage_of(path: Path) -> Iterator[None]:
    try:
        yield
    except Damaged as error:
        raise damaged(path, str(error)) from None
    except (pa.ArrowException, ValueError, IndexError, OverflowError, MemoryError, OSError) as error:
        raise damaged(path, (str(error) or type(error).__name__).splitlines()[0][:120]) from None


def damaged(path: Path, cause: str) -> RecordingError:
    """Return what to say of a file that cannot be read."""
    words = _("{path} is damaged ({cause}): record the run again, or fetch a whole copy")
    return RecordingError(words.format(path=path, cause=cause))


def open_file(path: Path) -> int:
    """Open a recording for reading. Raises :class:`RecordingError` where it is none that could be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        words = _("{path} does not exist: `iotrace run SCRIPT.py` makes a recording")
        raise RecordingError(words.format(path=path)) from None
    except OSError as error:
        words = _("cannot open {path}: {error}")
        raise RecordingError(words.format(path=path, error=error.strerror)) from None
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        words = (
            _("{path} is a folder: give a recording, a file that ends in .iotrace")
            if stat.S_ISDIR(mode)
            else _("{path} is no regular file: give a recording, a file that ends in .iotrace")
        )
        raise RecordingError(words.format(path=path))
    return fd


def _load(path: Path) -> memoryview:
    fd = open_file(path)
    try:
        size = os.fstat(fd).st_size
        if not size:
            raise RecordingError(_("{path} is empty: record the run again").format(path=path))
        return memoryview(mmap.mmap(fd, size, prot=mmap.PROT_READ))
    except OSError as error:
        words = _("cannot read {path}: {error}")
        raise RecordingError(words.format(path=path, error=error.strerror)) from None
    finally:
        os.close(fd)


def check_magic(path: Path, data: memoryview) -> None:
    """Raise :class:`RecordingError` where ``data`` does not begin as an Arrow stream does."""
    if data[:4] != CONTINUATION:
        words = _("{path} is not a recording of iotrace: give a file that `iotrace run` wrote")
        raise RecordingError(words.format(path=path))


def header_of(path: Path, schema: pa.Schema) -> dict[str, Any]:
    """Return the header. Raises :class:`RecordingError` for another program's file, or a newer one."""
    text = (schema.metadata or {}).get(HEADER_KEY)
    if text is None:
        words = _("{path} is another program's Arrow stream: give a file that `iotrace run` wrote")
        raise RecordingError(words.format(path=path))
    header = facts.header(text)
    version = header.get("format", 0)
    if version < 1:
        raise Damaged("header")
    if version > FORMAT:
        words = _(
            "{path} has format {version}, this iotrace reads up to {known}: upgrade iotrace (it was written"
            " by {writer})"
        )
        writer = repr(str(header.get("iotrace", _("a newer one")))[:40])
        raise RecordingError(words.format(path=path, version=version, known=FORMAT, writer=writer))
    if [(f.name, f.type) for f in schema] != [(f.name, f.type) for f in arrow_fields()]:
        raise Damaged("columns")
    return header
