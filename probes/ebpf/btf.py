"""Where the running kernel's structures have their members: its own type information (BTF).

The layout is that of Documentation/bpf/btf.rst. Only what is at the top level of a structure is found:
no type has to be followed for it, so nothing has to be read from the first type to the last.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

KERNEL = Path("/sys/kernel/btf/vmlinux")

_MAGIC, _STRUCT = 0xEB9F, 4
_HEADER = struct.Struct("<HBBIIIII")


class Types:
    """The types of one BTF file. Raises ``OSError`` where it cannot be read, ``ValueError`` for another."""

    def __init__(self, path: Path = KERNEL) -> None:
        data = path.read_bytes()
        if len(data) < _HEADER.size:
            raise ValueError("too short for BTF")
        magic, _, _, header, types_at, types, names_at, names = _HEADER.unpack_from(data)
        end = header + max(types_at + types, names_at + names)
        if magic != _MAGIC or types_at % 4 or header % 4 or end > len(data):
            raise ValueError("not BTF")
        self._names = data[header + names_at : header + names_at + names]
        self._words: NDArray[np.uint32] = np.frombuffer(data, "<u4", types // 4, header + types_at)

    def offset(self, structure: str, member: str) -> int | None:
        """Return the offset in bytes of a member at the top level of a structure; None where it is not."""
        tag = self._name(structure)
        if tag is None:
            return None
        for at in np.flatnonzero(self._words[:-2] == tag).tolist():
            found = self._member(at, member)
            if found is not None:
                return found
        return None

    def _name(self, text: str) -> int | None:
        place = self._names.find(b"\0" + text.encode() + b"\0")
        return None if place < 0 else place + 1

    def _text(self, place: int) -> bytes:
        return self._names[place : self._names.index(b"\0", place)]

    def _member(self, at: int, name: str) -> int | None:
        """Return a member's offset, if the word that equals the name begins a structure: any word may."""
        info, size = int(self._words[at + 1]), int(self._words[at + 2])
        count, kind, has_bit_fields = info & 0xFFFF, info >> 24 & 0x1F, info >> 31
        if kind != _STRUCT or at + 3 + 3 * count > len(self._words):
            return None
        members = self._words[at + 3 : at + 3 + 3 * count].reshape(count, 3)
        bits = members[:, 2] & 0xFFFFFF if has_bit_fields else members[:, 2]
        if not np.all(members[:, 0] < len(self._names)) or not np.all(bits <= 8 * size):
            return None
        for place, bit in zip(members[:, 0].tolist(), bits.tolist(), strict=True):
            if self._text(place) == name.encode() and bit % 8 == 0:
                return int(bit) // 8
        return None
