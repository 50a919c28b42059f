"""Find and import bcc, which distributions install for their own Python only."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from probes.contract import ProbeError

#: bcc is pure Python over libbcc.so; Debian, Fedora and Arch put it here. The package of that name
#: on PyPI is something else, so only these places count.
PLACES = (
    "/usr/lib/python3/dist-packages",
    "/usr/lib/python3*/site-packages",
    "/usr/local/lib/python3*/*-packages",
)


@lru_cache(maxsize=1)
def location() -> Path | None:
    """Return bcc's folder, None where it is not installed."""
    for pattern in PLACES:
        for place in sorted(Path("/").glob(pattern.lstrip("/"))):
            if (place / "bcc" / "libbcc.py").is_file():
                return place / "bcc"
    return None


@lru_cache(maxsize=1)
def binding() -> ctypes.CDLL:
    """Return libbcc with the types of what is called (``libbpf.h`` of bcc). Raises :class:`ProbeError`."""
    try:
        lib = ctypes.CDLL(NAME, use_errno=True)
    except OSError as error:
        raise ProbeError(f"{NAME} does not load ({error}): sudo apt install python3-bpfcc") from error
    text, number, address = ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p
    lib.bcc_create_map.argtypes = [number, text, number, number, number, number]
    unsigned = ctypes.c_uint
    lib.bcc_prog_load.argtypes = [number, text, address, number, text, unsigned, number, address, unsigned]
    lib.bpf_attach_raw_tracepoint.argtypes = [number, text]
    lib.bpf_attach_tracepoint.argtypes = [number, text, text]
    lib.bpf_update_elem.argtypes = [number, address, address, ctypes.c_ulonglong]
    lib.bpf_lookup_elem.argtypes = [number, address, address]
    lib.bpf_get_first_key.argtypes = [number, address, ctypes.c_size_t]
    lib.bpf_get_next_key.argtypes = [number, address, address]
    return lib


def version() -> str:
    """Return what tells this libbcc from another: the file that is loaded, its size and its date."""
    binding()
    with open("/proc/self/maps") as maps:
        path = next((line.split()[-1] for line in maps if "libbcc.so" in line), NAME)
    status = os.stat(path)
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def load() -> ModuleType:
    """Import bcc from its own folder, with nothing else from beside it on ``sys.path``.

    Raises :class:`ProbeError` where it is missing or its library does not load.
    """
    if "bcc" in sys.modules and hasattr(sys.modules["bcc"], "BPF"):
        return sys.modules["bcc"]
    folder = location()
    if folder is None:
        raise ProbeError(MISSING)
    spec = importlib.util.spec_from_file_location(
        "bcc", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ProbeError(MISSING)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bcc"] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, OSError, AttributeError, SyntaxError) as error:
        del sys.modules["bcc"]
        raise ProbeError(
            f"bcc does not load ({error}): reinstall it, sudo apt install python3-bpfcc"
        ) from error
    return module


MISSING = "bcc is not installed: sudo apt install python3-bpfcc"
NAME = "libbcc.so.0"
