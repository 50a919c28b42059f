"""Where tracefs is, and which tracepoints this kernel has."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PLACES = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))


def events() -> Path | None:
    """Return the readable ``events`` folder of tracefs, None where there is none.

    Its files belong to root and to the group of its mount, and are not for others.
    """
    for place in PLACES:
        folder = place / "events"
        if os.access(folder / _ONE_OF_ALL, os.R_OK, effective_ids=True):  # capabilities count: not access(2)
            return folder
    return None


def mountable() -> bool:
    """Return whether tracefs could be mounted: the place exists and this process is root."""
    return os.geteuid() == 0 and PLACES[0].is_dir()


def unreadable() -> str:
    """Return why there is no readable tracefs, and what to do."""
    options = f"gid={os.getegid()},mode=750"
    if os.path.ismount(PLACES[0]):
        return f"tracefs is not readable: sudo mount -o remount,{options} {PLACES[0]}, or CAP_DAC_READ_SEARCH"
    return f"tracefs is not mounted: sudo mount -t tracefs -o {options} tracefs {PLACES[0]}"


def mount() -> str | None:
    """Mount tracefs; return None, or why the kernel refused (mount(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tracefs", str(PLACES[0]).encode(), b"tracefs", 0, None) == 0:
        return None
    return os.strerror(ctypes.get_errno())


class Field(NamedTuple):
    """One field of a tracepoint's record. ``size`` in bytes; ``length`` 0: no array."""

    name: str
    offset: int
    size: int
    length: int
    signed: bool


def fields(folder: Path, tracepoint: str) -> dict[str, Field] | None:
    """Return the fields of a tracepoint (``category:event``) by name, None where the kernel lacks it.

    The format is that of Documentation/trace/events.rst.
    """
    category, event = tracepoint.split(":")
    try:
        text = (folder / category / event / "format").read_text()
    except OSError:
        return None
    found = (
        Field(name, int(offset), int(size), int(length or 0), signed == "1")
        for name, length, offset, size, signed in _FIELD.findall(text)
    )
    return {field.name: field for field in found}


def structure(tag: str, needed: Iterable[Field]) -> str:
    """Return a C structure with the ``needed`` fields of a tracepoint's record at their places."""
    lines, end = [], 0
    for field in sorted(needed, key=lambda field: field.offset):
        if field.offset > end:
            lines.append(f"    u8 skipped_{end}[{field.offset - end}];")
        if field.length:
            lines.append(f"    u{8 * field.size // field.length} {field.name}[{field.length}];")
        else:
            lines.append(f"    {'s' if field.signed else 'u'}{8 * field.size} {field.name};")
        end = field.offset + field.size
    body = "\n".join(lines) or "    u64 skipped;"
    return f"struct {tag} {{\n{body}\n}};\n"


_ONE_OF_ALL = "sched/sched_switch/format"

_FIELD = re.compile(
    r"field:[^;]*?(\w+)(?:\[(\d+)\])?;\s*offset:(\d+);\s*size:(\d+);\s*signed:([01]);",
)
