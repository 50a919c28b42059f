"""Protocol buffers as columns: a message a row, encoded for thousands of rows at once.

Every row's message has the same fields in the same order, and a field may be missing in some rows. A
field's bytes are a matrix, left-aligned, with the number of bytes that count in each row; :func:`join` lays
the matrices side by side and takes what counts, row by row. No step is made per row in Python.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Chosen = NDArray[np.bool_]

#: Wire types.
VARINT, FIXED64, BYTES = 0, 1, 2

#: Bytes of the longest varint, of 64 bits.
_LONGEST = 10


class Part(NamedTuple):
    """Bytes of every row: (n, width), or (1, width) where all have the same.

    ``used`` (n,) of each row's bytes count (None: all). Where rows have very different numbers of bytes,
    ``data`` is (bytes,): those of all rows, end to end.
    """

    data: Bytes
    used: NDArray[np.int64] | None = None


# One message, in Python's own types: for what there is little of.


def varint(value: int) -> bytes:
    """Encode a whole number; a negative one as its 64-bit two's complement."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(field: int, kind: int) -> bytes:
    """Return what stands before a field's value."""
    return varint(field << 3 | kind)


def number(field: int, value: int) -> bytes:
    """Return a field of a whole number."""
    return tag(field, VARINT) + varint(value)


def nested(field: int, *parts: bytes) -> bytes:
    """Return a field that holds a message, or bytes."""
    data = b"".join(parts)
    return tag(field, BYTES) + varint(len(data)) + data


def text(field: int, words: str) -> bytes:
    """Return a field of text."""
    return nested(field, words.encode())


# A message a row, as columns.


def constant(data: bytes) -> Part:
    """Return the same bytes for every row."""
    return Part(np.frombuffer(data, np.uint8)[None])


def varints(values: NDArray[Any]) -> Part:
    """Encode a column (n,) of whole numbers; negative ones as their 64-bit two's complement."""
    rest = values.astype(np.int64, copy=False).view(np.uint64)
    width = max(1, (int(rest.max(initial=0)).bit_length() + 6) // 7)
    if width == 1:
        return Part(rest.astype(np.uint8)[:, None])
    data = np.empty((len(rest), width), np.uint8)
    used = np.ones(len(rest), np.int64)
    for at in range(width):
        low = (rest & np.uint64(0x7F)).astype(np.uint8)
        rest = rest >> np.uint64(7)
        more = rest > 0
        data[:, at] = low | (more.astype(np.uint8) << np.uint8(7))
        used += more
    return Part(data, used)


def fixed64s(values: NDArray[Any]) -> Part:
    """Encode a column (n,) as 8 bytes each."""
    return Part(np.ascontiguousarray(values, "<u8").view(np.uint8).reshape(-1, 8))


def repeated_fixed64s(field: int, values: NDArray[Any], count: NDArray[np.int64]) -> list[Part]:
    """Return a field that stands ``count`` (n,) times in each row; ``values`` lie end to end."""
    before = np.frombuffer(tag(field, FIXED64), np.uint8)
    each = np.hstack([np.tile(before, (len(values), 1)), fixed64s(values).data])
    return [Part(each.ravel(), count * each.shape[1])] if len(values) else []


def numbers(field: int, values: NDArray[Any]) -> list[Part]:
    """Return a field with a whole number in each row."""
    return [constant(tag(field, VARINT)), varints(values)]


def messages(field: int, parts: Sequence[Part]) -> list[Part]:
    """Return a field that holds the message made of ``parts``."""
    size = sum((part.data.shape[-1] if part.used is None else part.used for part in parts), start=0)
    if isinstance(size, int):
        return [constant(tag(field, BYTES) + varint(size)), *parts]
    return [constant(tag(field, BYTES)), varints(size), *parts]


def only(chosen: Chosen, parts: Iterable[Part]) -> list[Part]:
    """Return the parts in the chosen rows (n,), nothing in the others."""
    if chosen.all():
        return list(parts)
    if not chosen.any():
        return []
    found = []
    for data, used in parts:
        if data.ndim == 1 and used is not None:
            data = data[np.repeat(chosen, used)]
        found.append(Part(data, np.where(chosen, data.shape[-1] if used is None else used, 0)))
    return found


def join(parts: Sequence[Part], rows: int) -> bytes:
    """Return the messages of all rows, one after the other."""
    wide = [part for part in parts if part.data.ndim == 2]
    width = sum(part.data.shape[1] for part in wide)
    data = np.empty((rows, width), np.uint8)
    counts = np.empty((rows, width), bool)
    at = 0
    for part, used in wide:
        until = at + part.shape[1]
        data[:, at:until] = part
        counts[:, at:until] = True if used is None else np.arange(part.shape[1]) < used[:, None]
        at = until
    flat = data[counts]
    return flat.tobytes() if len(wide) == len(parts) else _with_ragged(flat, counts, parts).tobytes()


def _with_ragged(flat: Bytes, counts: Chosen, parts: Sequence[Part]) -> Bytes:
    """Insert what lies end to end into the rows, each at its place among the other parts."""
    begin = np.cumsum(counts.sum(axis=1)) - counts.sum(axis=1)
    at, places, inserted = 0, [], []
    for data, used in parts:
        if data.ndim == 2:
            at += data.shape[1]
        elif used is not None:
            places.append(np.repeat(begin + counts[:, :at].sum(axis=1), used))
            inserted.append(data)
    return np.insert(flat, np.concatenate(places), np.concatenate(inserted))
