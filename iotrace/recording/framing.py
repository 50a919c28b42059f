"""Where the messages of an Arrow IPC stream begin and end, and what they would cost to open.

Arrow's reader trusts the sizes that a file claims: a flipped bit makes it ask for terabytes.
This walk looks at every claim first and opens nothing. Layout: Arrow's "Encapsulated message
format" (format/Message.fbs) and the FlatBuffers internals (vtables, relative offsets).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from iotrace.recording.layout import CHECK_KEY, MAX_BATCH_BYTES, MAX_ROWS

CONTINUATION = b"\xff\xff\xff\xff"
_END = CONTINUATION + bytes(4)
_MAX_METADATA = 16 << 20

#: Real recordings pack to a fiftieth (a row to 4 of 190 bytes); a file that unpacks to more than this times
#: its size was made to fill the memory. So much is always allowed: sets of waits that repeat pack well.
_PACKED, _ANYWAY = 200, 384 << 20

_SCHEMA, _DICTIONARY, _RECORD_BATCH = 1, 2, 3


class Damaged(Exception):
    """The bytes are not what was written. The message says where."""


class Frames(NamedTuple):
    """What a piece of a file holds.

    ``rows`` of each record batch, the end of the first batch and of the last whole one, the bytes after
    it, and whether the stream was closed. Ends are counted from the begin of the piece. ``claimed``: how
    many bytes its columns have when they are unpacked.
    """

    rows: tuple[int, ...]
    first: int
    stop: int
    left_over: int
    closed: bool
    claimed: int


def walk(data: memoryview) -> Frames:
    """Check every message of a stream that is to be read whole. Raises :class:`Damaged`."""
    frames = Walk().feed(data)
    if frames.claimed > max(_ANYWAY, _PACKED * len(data)):
        raise Damaged(f"{len(data)} bytes that unpack to {frames.claimed >> 20} MB")
    return frames


class Walk:
    """Checks a stream piece by piece, as it grows."""

    def __init__(self) -> None:
        self.at = 0  # how much of the file has been taken: up to the end of its last whole batch
        self._check = 0

    def feed(self, data: memoryview) -> Frames:
        """Check the messages of ``data``, which begins at byte :attr:`at` of the file.

        What follows its last whole batch is not taken: feed it again when there is more.
        Raises :class:`Damaged`.
        """
        rows: list[int] = []
        stop = batch_end = first = 0
        closed = False
        claimed = 0
        for message in _messages(data, self.at):
            if message is None:
                closed = True
                stop = batch_end + len(_END)
                break
            kind, start, stop, table, crc, size = message
            claimed += size
            if (kind == _SCHEMA) != (start + self.at == 0):
                raise Damaged(f"message at byte {self.at + start}")
            if kind == _RECORD_BATCH:
                if crc != str(self._check).encode():
                    raise Damaged(f"checksum before byte {self.at + batch_end}")
                self._check = zlib.crc32(data[batch_end:stop], self._check)
                rows.append(_rows(table))
                batch_end = stop
                first = first or stop
        self.at += batch_end
        whole = stop if closed else batch_end
        return Frames(tuple(rows), first, batch_end, len(data) - whole, closed, claimed)


class _Message(NamedTuple):
    kind: int
    start: int
    stop: int
    table: _Table
    crc: bytes
    claimed: int


def _messages(data: memoryview, base: int) -> Iterator[_Message | None]:
    """Yield each whole message; None for the end of the stream. ``base``: where ``data`` begins."""
    at = 0
    while at + 8 <= len(data):
        if data[at : at + 4] != CONTINUATION:
            raise Damaged(f"message at byte {base + at}")
        (length,) = struct.unpack_from("<i", data, at + 4)
        if length == 0:
            yield None
            return
        if not 0 < length <= _MAX_METADATA:
            raise Damaged(f"message length at byte {base + at}")
        body = at + 8 + length
        if body > len(data):
            return
        try:
            message = _Table.root(data[at + 8 : body])
            body_length = message.number("<q", 3)
            if body_length < 0:
                raise Damaged(f"body length at byte {base + at}")
            stop = body + body_length
            if stop > len(data):
                return
            kind = message.number("<B", 1)
            header = message.table(2)
            claimed = 0
            if kind in (_DICTIONARY, _RECORD_BATCH):
                batch = header if kind == _RECORD_BATCH else header.table(1)
                claimed = _check_buffers(batch, data[body:stop])
                header = batch
            elif kind != _SCHEMA or body_length:
                raise Damaged(f"message kind at byte {base + at}")
            crc = message.text_pair(4, CHECK_KEY.encode())
        except (struct.error, ValueError, IndexError):
            raise Damaged(f"message at byte {base + at}") from None
        yield _Message(kind, at, stop, header, crc, claimed)
        at = stop


def _rows(batch: _Table) -> int:
    return batch.number("<q", 0)


def _check_buffers(batch: _Table, body: memoryview) -> int:
    """Check that a batch's claims fit its body, and that opening it allocates no more than agreed.

    Return how much that is, in bytes.
    """
    if not 0 <= _rows(batch) <= MAX_ROWS:
        raise Damaged("rows of a batch")
    if any(not 0 <= length <= MAX_BATCH_BYTES for length, _ in batch.pairs(1)):
        raise Damaged("rows of a column")
    total = 0
    for offset, length in batch.pairs(2):
        if offset < 0 or length < 0 or offset + length > len(body):
            raise Damaged("buffer of a column")
        if length:
            (claim,) = struct.unpack_from("<q", body, offset)
            total += length if claim == -1 else claim
            if claim < -1 or total > MAX_BATCH_BYTES:
                raise Damaged("size of a column")
    return total


class _Table:
    """A FlatBuffers table: fields by number, through its vtable."""

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self._at = at
        self._vtable = at - struct.unpack_from("<i", data, at)[0]
        if not 0 <= self._vtable < len(data):
            raise ValueError
        (self._size,) = struct.unpack_from("<H", data, self._vtable)

    @classmethod
    def root(cls, data: memoryview) -> _Table:
        return cls(data, struct.unpack_from("<I", data, 0)[0])

    def number(self, code: str, field: int) -> int:
        at = self._field(field)
        return int(struct.unpack_from(code, self._data, at)[0]) if at else 0

    def table(self, field: int) -> _Table:
        return _Table(self._data, self._target(field))

    def pairs(self, field: int) -> Iterator[tuple[int, int]]:
        """Yield the structs of two int64 of a vector."""
        if self._field(field):
            at = self._target(field)
            (count,) = struct.unpack_from("<I", self._data, at)
            yield from struct.iter_unpack("<qq", self._slice(at + 4, 16 * count))

    def text_pair(self, field: int, key: bytes) -> bytes:
        """Return the value of ``key`` in a vector of KeyValue tables; empty if it is not there."""
        if not self._field(field):
            return b""
        at = self._target(field)
        (count,) = struct.unpack_from("<I", self._data, at)
        if 4 * count > len(self._data):
            raise ValueError
        for place in range(at + 4, at + 4 + 4 * count, 4):
            pair = _Table(self._data, place + struct.unpack_from("<I", self._data, place)[0])
            if pair._text(0) == key:
                return pair._text(1)
        return b""

    def _text(self, field: int) -> bytes:
        at = self._target(field)
        (length,) = struct.unpack_from("<I", self._data, at)
        return bytes(self._slice(at + 4, length))

    def _slice(self, at: int, length: int) -> memoryview:
        if at + length > len(self._data):
            raise ValueError
        return self._data[at : at + length]

    def _field(self, field: int) -> int:
        place = 4 + 2 * field
        if place + 2 > self._size:
            return 0
        (offset,) = struct.unpack_from("<H", self._data, self._vtable + place)
        return self._at + int(offset) if offset else 0

    def _target(self, field: int) -> int:
        at = self._field(field)
        if not at:
            raise ValueError
        return at + int(struct.unpack_from("<I", self._data, at)[0])
