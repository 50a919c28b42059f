"""The kernel's type information: what it says of members, and files that are none."""

from __future__ import annotations

import os
import platform
import re
import struct
from pathlib import Path

import pytest

from probes.ebpf import programs, tracefs
from probes.ebpf.btf import Types
from tests.live import require

STRUCT, TYPEDEF = 4, 8


def written(path: Path, types: list[int], names: bytes) -> Path:
    """Write a BTF file of these words and names."""
    body = struct.pack(f"<{len(types)}I", *types)
    path.write_bytes(
        struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body), len(names)) + body + names
    )
    return path


NAMES = b"\0task\0pid\0flags\0other\0"
TASK, PID, FLAGS, OTHER = 1, 6, 10, 16


def test_a_member_has_its_offset(tmp_path: Path) -> None:
    words = [TASK, STRUCT << 24 | 2, 16, FLAGS, 1, 0, PID, 1, 64]
    types = Types(written(tmp_path / "btf", words, NAMES))
    assert types.offset("task", "pid") == 8
    assert types.offset("task", "flags") == 0
    assert types.offset("task", "other") is None
    assert types.offset("task", "never") is None
    assert types.offset("other", "pid") is None
    assert types.offset("never", "pid") is None


def test_a_bit_field_has_no_offset_in_bytes(tmp_path: Path) -> None:
    words = [TASK, 1 << 31 | STRUCT << 24 | 2, 16, FLAGS, 1, 3 << 24 | 35, PID, 1, 64]
    types = Types(written(tmp_path / "btf", words, NAMES))
    assert types.offset("task", "flags") is None
    assert types.offset("task", "pid") == 8


def test_a_word_that_equals_the_name_need_not_be_the_structure(tmp_path: Path) -> None:
    words = [OTHER, TYPEDEF << 24, TASK, 0, 0, 0, TASK, STRUCT << 24 | 1, 16, PID, 1, 32, TASK]
    types = Types(written(tmp_path / "btf", words, NAMES))
    assert types.offset("task", "pid") == 4


@pytest.mark.parametrize("damage", ["empty", "magic", "short"])
def test_another_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = written(tmp_path / "btf", [TASK, STRUCT << 24 | 1, 16, PID, 1, 32], NAMES)
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "magic": b"\0" + data[1:], "short": data[:-5]}[damage])
    with pytest.raises(ValueError, match="BTF"):
        Types(path)


def test_this_kernel_s_switches_are_taken_from_its_own_arguments() -> None:
    require("bpf")
    folder = tracefs.events()
    assert folder is not None
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    assert release is not None
    if tuple(map(int, release.groups())) < programs.TYPED_SINCE or not os.path.exists(
        "/sys/kernel/btf/vmlinux"
    ):
        pytest.skip("a kernel from before, or without type information")
    typed = [program for program in programs.plan(folder).programs if program.typed]
    assert [program.raw for program in typed] == [True] * 7
    assert "on_sched_switch" in [program.function for program in typed]
    withheld = programs.plan(folder, frozenset({programs.TYPES}))
    assert not any(program.raw for program in withheld.programs if program.typed)
