"""Read a recording batch by batch: as long as it is, or as long as it grows.

Nothing of it stays in memory but the batch at hand. The file is read, not mapped: its writer may cut
a torn batch off while we look.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from iotrace.columns import Events
from iotrace.language import _
from iotrace.recording.decoding import events_of, open_batches, wanted_columns
from iotrace.recording.framing import Damaged, Walk
from iotrace.recording.layout import MAX_BATCH_BYTES, RecordingError
from iotrace.recording.reading import check_magic, damaged, header_of, open_file

#: So much of a long file is looked at before its first rows are handed out.
_PIECE = 4 << 20


class Stream:
    """An open recording. ``header`` is None until the file holds it; ``closed``: its writer has ended it.

    ``left_over`` counts the bytes of a torn batch at its present end. Raises :class:`RecordingError`,
    here and in :meth:`batches`.
    """

    def __init__(self, path: Path) -> None:
        self.header: dict[str, Any] | None = None
        self.closed = False
        self.left_over = 0
        self.path = path
        self._walk = Walk()
        self._begin = b""  # schema, dictionaries and the first, empty batch: before any later piece
        self._fd = open_file(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Events]:
        """Yield the batches that are there and were not yielded yet; call it again when the file has grown.

        ``columns`` as in :func:`iotrace.recording.reading.read`.
        """
        wanted = wanted_columns(columns)
        size = _PIECE
        try:
            while not self.closed:
                data = memoryview(os.pread(self._fd, size, self._walk.at))
                if not self._walk.at and len(data) >= 4:
                    check_magic(self.path, data)
                before = self._walk.at
                frames = self._walk.feed(data)
                self.closed, self.left_over = frames.closed, frames.left_over
                if not frames.stop and len(data) == size:
                    size *= 2  # one batch is longer than the piece
                    if size > 4 * MAX_BATCH_BYTES:
                        raise Damaged(f"message after byte {before}")
                    continue
                if frames.stop and not before:
                    self._begin = data[: frames.first].tobytes()
                    self.header = header_of(self.path, pa.ipc.open_stream(pa.py_buffer(data)).schema)
                    source = data[: frames.stop]
                else:
                    source = memoryview(self._begin + data[: frames.stop])
                if frames.stop:
                    reader = open_batches(pa.py_buffer(source), wanted)
                    if before:
                        reader.read_next_batch()
                    for rows in frames.rows:
                        events = events_of(islice(reader, 1), wanted, (rows,), self.header or {})
                        if rows:
                            yield events
                if len(data) < size:
                    return
                size = _PIECE
        except Damaged as error:
            raise damaged(self.path, str(error)) from None
        except (pa.ArrowException, ValueError, IndexError, OverflowError, MemoryError) as error:
            raise damaged(self.path, (str(error) or type(error).__name__).splitlines()[0][:120]) from None
        except OSError as error:
            words = _("cannot read {path}: {error}")
            raise RecordingError(words.format(path=self.path, error=error.strerror)) from None

    @property
    def is_written(self) -> bool:
        """Whether somebody may still write to the file, as far as the kernel tells.

        A read lease is granted only on a file that nobody has open for writing (fcntl(2)); where we may
        ask for none, or the file system knows none, it counts as written to.
        """
        try:
            fcntl.fcntl(self._fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError:
            return True
        fcntl.fcntl(self._fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False
