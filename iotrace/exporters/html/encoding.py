"""Columns of whole numbers in little room: bytes of one weight together, deflated, base64.

A browser undoes it without a library (DecompressionStream, atob). Of neighbouring calls the high bytes are
mostly equal, so planes of bytes deflate several times better than whole numbers do.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEVEL = 6


class Columns:
    """Columns as they are added, and what the page must know to read them back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._index: dict[str, list[int]] = {}

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Add a column (n,) of whole numbers >= 0 below 2^53. One that is all zero takes no room."""
        most = int(values.max(initial=0))
        assert int(values.min(initial=0)) >= 0, name
        assert most < 1 << 53, name
        width = (most.bit_length() + 7) // 8
        self._index[name] = [len(values), width, 0]
        if width:
            whole = np.ascontiguousarray(values, "<u8").view(np.uint8).reshape(-1, 8)
            planes = np.ascontiguousarray(whole[:, :width].T)
            self._parts.append(zlib.compress(planes.tobytes(), _LEVEL))
            self._index[name][2] = len(self._parts[-1])

    def add_signed(self, name: str, values: NDArray[Any]) -> None:
        """Add a column of any whole numbers: 0, -1, 1, -2 … become 0, 1, 2, 3 …"""
        values = values.astype(np.int64, copy=False)
        self.add(name, (values << 1) ^ (values >> 63))

    @property
    def index(self) -> dict[str, list[int]]:
        """{name: [numbers, bytes a number, bytes deflated]}, in the order in which they lie."""
        return self._index

    def text(self) -> bytes:
        """Return all columns as base64, four signs at a time, for the page."""
        return base64.b64encode(b"".join(self._parts))
