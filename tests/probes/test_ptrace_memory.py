"""Reading another process's memory, tried on our own."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator

import pytest

from probes.ptrace import memory

PAGE = mmap.PAGESIZE
PROT_NONE = 0


@pytest.fixture(params=["process_vm_readv", "/proc/PID/mem"])
def end_of_mapping(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Return the address after the last readable byte of a page that ends in ``path``."""
    monkeypatch.setattr(memory, "_refused", request.param != "process_vm_readv")
    with mmap.mmap(-1, 3 * PAGE) as pages:
        pages[: 2 * PAGE] = bytes(2 * PAGE - 5) + b"path\0"
        view = ctypes.c_char.from_buffer(pages)
        end = ctypes.addressof(view) + 2 * PAGE
        libc = ctypes.CDLL(None, use_errno=True)
        libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t) + (ctypes.c_int,) * 3 + (ctypes.c_long,)
        libc.mmap.restype = ctypes.c_void_p
        # The third page is gone: nothing, not even /proc/PID/mem, reads there.
        assert libc.munmap(end, PAGE) == 0
        yield end
        assert libc.mmap(end, PAGE, PROT_NONE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10, -1, 0) == end
        del view


def test_a_string_at_the_end_of_a_mapping(end_of_mapping: int) -> None:
    assert memory.read(os.getpid(), end_of_mapping - 5, 96) == b"path\0"


def test_all_or_nothing(end_of_mapping: int) -> None:
    assert memory.read_exactly(os.getpid(), end_of_mapping - 5, 5) == b"path\0"
    assert memory.read_exactly(os.getpid(), end_of_mapping - 5, 6) is None


def test_across_pages(end_of_mapping: int) -> None:
    assert memory.read(os.getpid(), end_of_mapping - PAGE - 3, PAGE) == bytes(PAGE - 2) + b"pa"


@pytest.mark.parametrize("address", [0, 1, -8, (1 << 64) - 8, 1 << 62])
def test_what_is_not_memory(end_of_mapping: int, address: int) -> None:
    assert memory.read(os.getpid(), address, 8) == b""
    assert memory.read(os.getpid(), address, 0) == b""
