"""Compiled programs as data: what clang made of the sources, to be loaded again without it.

bcc compiles in the process that loads, which takes half a second, each time the same result. An
image is that result: the maps' shapes and each program's instructions, in which a reference to a
map (BPF_LD_IMM64 with BPF_PSEUDO_MAP_FD, ``include/uapi/linux/bpf.h``) holds the map's place in the image
instead of a file descriptor. The kernel's verifier checks it at every load, as it does fresh code.

Images are kept in a folder that only the invoking user can write, under a name that is a hash of
everything they depend on: the sources, the flags, the kernel's release, bcc's version.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

_LD_IMM64 = 0x18
_PSEUDO_MAP_FD = 1
_INSTRUCTION = 8
_FORMAT = 1
_MOST = 8  # images kept: one for each buffer size and each set of withheld evidence in use


class MapShape(NamedTuple):
    """What bpf(BPF_MAP_CREATE) wants to know of one map."""

    name: str
    type: int
    key_size: int
    value_size: int
    entries: int
    flags: int


class Image(NamedTuple):
    """Maps, and instructions by function name with the maps' places in ``imm``."""

    maps: tuple[MapShape, ...]
    programs: dict[str, bytes]


def of_module(lib: Any, module: Any) -> Image:
    """Take the image out of a module that bcc compiled (and whose maps it has made)."""
    _declare(lib)
    count = lib.bpf_num_tables(module)
    maps = tuple(
        MapShape(
            lib.bpf_table_name(module, index).decode(),
            lib.bpf_table_type_id(module, index),
            lib.bpf_table_key_size_id(module, index),
            lib.bpf_table_leaf_size_id(module, index),
            lib.bpf_table_max_entries_id(module, index),
            lib.bpf_table_flags_id(module, index),
        )
        for index in range(count)
    )
    places = {lib.bpf_table_fd_id(module, index): index for index in range(count)}
    programs = {}
    for index in range(lib.bpf_num_functions(module)):
        name = lib.bpf_function_name(module, index)
        start, size = lib.bpf_function_start(module, name), lib.bpf_function_size(module, name)
        programs[name.decode()] = _with(ctypes.string_at(start, size), places)
    return Image(maps, programs)


def _declare(lib: Any) -> None:
    """Give ctypes the types that bcc's own binding leaves out (``bcc_common.h``)."""
    lib.bpf_num_tables.restype = ctypes.c_size_t
    lib.bpf_num_tables.argtypes = [ctypes.c_void_p]
    lib.bpf_table_name.restype = ctypes.c_char_p
    for name in ("name", "fd_id", "type_id", "key_size_id", "leaf_size_id", "max_entries_id", "flags_id"):
        getattr(lib, f"bpf_table_{name}").argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def linked(code: bytes, descriptors: list[int]) -> bytes:
    """Return instructions with the maps' file descriptors in place of their places."""
    return _with(code, dict(enumerate(descriptors)))


def _with(code: bytes, values: dict[int, int]) -> bytes:
    """Replace what each reference to a map holds. Raises ``KeyError`` for one that is not in ``values``."""
    result = bytearray(code)
    at = 0
    while at < len(result):
        operation, registers = result[at], result[at + 1]
        if operation == _LD_IMM64:
            if registers >> 4 == _PSEUDO_MAP_FD:
                held = int.from_bytes(result[at + 4 : at + 8], "little")
                result[at + 4 : at + 8] = values[held].to_bytes(4, "little")
            at += _INSTRUCTION  # it is two instructions long
        at += _INSTRUCTION
    return bytes(result)


def key(text: bytes, flags: list[str], version: str) -> str:
    """Return the name under which the image of these sources is kept."""
    parts = [str(_FORMAT), platform.release(), platform.version(), platform.machine(), version, *flags]
    return hashlib.sha256("\0".join(parts).encode() + b"\0" + text).hexdigest()[:32]


def folder() -> Path:
    """Return where this user's images are kept."""
    if os.geteuid() == 0:
        return Path("/var/cache/iotrace")
    given = Path(
        os.environ.get("XDG_CACHE_HOME", "")
    )  # one that is not absolute counts as none (basedir-spec)
    return (given if given.is_absolute() else Path.home() / ".cache") / "iotrace"


def distrusted() -> str | None:
    """Return why what is in the folder is not used, in one line; None where it may be, or there is none."""
    place = folder()
    try:
        status = os.lstat(place)
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode) and _is_mine(status):
        return None
    if not stat.S_ISDIR(status.st_mode):
        problem = "is no folder"
    elif status.st_uid != os.geteuid():
        problem = f"belongs to user {status.st_uid}"
    else:
        problem = "can be written by others"
    return f"compiled programs are not kept: {place}, which {problem}; remove it, and iotrace makes it anew"


def load(name: str) -> Image | None:
    """Return a kept image; None where there is none that this user alone could have written."""
    try:
        with _opened() as place:
            fd = os.open(f"{name}.json", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
            with os.fdopen(fd, "rb") as file:
                return _of_json(file.read()) if _is_mine(os.fstat(fd)) else None
    except OSError:
        return None


def store(name: str, image: Image) -> None:
    """Keep an image for the next run; where that is impossible, the next run compiles again."""
    data = {"maps": image.maps, "programs": {key: code.hex() for key, code in image.programs.items()}}
    new = f"{name}.{os.getpid()}"
    with suppress(OSError):
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened() as place:
            _tidy(place)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(new, flags, 0o600, dir_fd=place)
            try:
                with os.fdopen(fd, "w") as file:
                    json.dump(data, file)
                os.rename(new, f"{name}.json", src_dir_fd=place, dst_dir_fd=place)
            except BaseException:
                os.unlink(new, dir_fd=place)
                raise


@contextmanager
def _opened() -> Iterator[int]:
    """Open the folder, through no link. Raises ``OSError`` where others could write in it."""
    place = os.open(folder(), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not _is_mine(os.fstat(place)):
            raise PermissionError
        yield place
    finally:
        os.close(place)


def _tidy(place: int) -> None:
    """Leave room for one more: the oldest go."""
    kept = [name for name in os.listdir(place) if name.endswith(".json")]
    kept.sort(key=lambda name: os.lstat(name, dir_fd=place).st_mtime_ns, reverse=True)
    for old in kept[_MOST - 1 :]:
        os.unlink(old, dir_fd=place)


def _of_json(text: bytes) -> Image | None:
    try:
        data = json.loads(text)
        maps = tuple(MapShape(*shape) for shape in data["maps"])
        return Image(maps, {key: bytes.fromhex(code) for key, code in data["programs"].items()})
    except (ValueError, KeyError, TypeError):
        return None


def _is_mine(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o022
