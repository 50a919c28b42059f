"""Programs in the kernel: their maps made, their instructions loaded, attached to their tracepoints."""

from __future__ import annotations

import ctypes
import os
import re
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from numpy.typing import NDArray

from probes.contract import ProbeError
from probes.ebpf import image, library, programs

_TRACEPOINT, _RAW_TRACEPOINT = 5, 17  # enum bpf_prog_type, include/uapi/linux/bpf.h
_LICENCE = b"GPL"

#: The parts of the entry and the exit that are reached by a tail call: place in the map, function.
_PARTS = ((1, "exit_memory"), (2, "exit_sets"), (3, "exit_watch"), (4, "enter_memory"))


class Loaded:
    """Maps and programs of one run. ``lib`` is libbcc; ``plan`` learns what could not be attached."""

    def __init__(self, chosen: programs.Plan, buffer_bytes: int, cpus: int) -> None:
        """Make and load everything, attach nothing yet. Raises :class:`ProbeError` with the kernel's word."""
        self.plan = chosen
        self.lib = library.binding()
        self._maps: dict[str, int] = {}
        self._programs: dict[str, int] = {}
        self._attached: dict[str, int] = {}
        text, words = programs.source(chosen.structures), programs.flags(chosen, buffer_bytes, cpus)
        name = image.key(text, words, library.version())
        kept = image.load(name)
        try:
            if kept is None or not self._takes(kept):
                kept = programs.compiled(text, words)
                self._make(kept)
                image.store(name, kept)
        except BaseException:
            self._free()
            raise

    def _takes(self, kept: image.Image) -> bool:
        """Load a kept image; return false, with nothing left behind, where the kernel refuses it."""
        try:
            self._make(kept)
        except (ProbeError, KeyError):
            self._free()
            return False
        return True

    def _make(self, code: image.Image) -> None:
        for shape in code.maps:
            fd = self.lib.bcc_create_map(
                shape.type, shape.name.encode(), shape.key_size, shape.value_size, shape.entries, shape.flags
            )
            if fd < 0:
                raise ProbeError(
                    f"the kernel refuses the map {shape.name} ({os.strerror(ctypes.get_errno())}):"
                    " use a smaller --buffer, or --probe ptrace"
                )
            self._maps[shape.name] = fd
        raw = {program.function: program.raw for program in self.plan.programs}
        for function, instructions in code.programs.items():
            kind = _RAW_TRACEPOINT if raw.get(function, True) else _TRACEPOINT
            linked = image.linked(instructions, list(self._maps.values()))
            self._programs[function] = self._load(function, kind, linked)
        for slot, function in _PARTS:
            key, value = ctypes.c_int(slot), ctypes.c_int(self._programs[function])
            if self.lib.bpf_update_elem(self._maps["parts"], ctypes.byref(key), ctypes.byref(value), 0) < 0:
                raise ProbeError(f"the kernel refuses the program {function}: use --probe ptrace")

    def _load(self, function: str, kind: int, code: bytes) -> int:
        fd = self.lib.bcc_prog_load(kind, function.encode()[:15], code, len(code), _LICENCE, 0, 0, None, 0)
        if fd < 0:
            reason = os.strerror(ctypes.get_errno())
            raise ProbeError(f"the kernel refuses the program {function} ({reason}): use --probe ptrace")
        return int(fd)

    def map_fd(self, name: str) -> int:
        """Return the file descriptor of a map. It stays owned by this object."""
        return self._maps[name]

    def update(self, name: str, key: NDArray[Any], value: NDArray[Any], only_new: bool = False) -> int:
        """Set one entry of a map; negative where the kernel refuses, or ``only_new`` and it is there."""
        fd, flags = self.map_fd(name), 1 if only_new else 0  # BPF_NOEXIST
        return int(self.lib.bpf_update_elem(fd, key.ctypes.data, value.ctypes.data, flags))

    def look_up(self, name: str, key: NDArray[Any], value: NDArray[Any]) -> int:
        """Read one entry of a map into ``value``; negative where there is none."""
        return int(self.lib.bpf_lookup_elem(self.map_fd(name), key.ctypes.data, value.ctypes.data))

    def delete(self, name: str, key: NDArray[Any]) -> int:
        """Remove one entry of a map; negative where there is none."""
        return int(self.lib.bpf_delete_elem(self.map_fd(name), key.ctypes.data))

    def attach(self) -> None:
        """Attach every program; what fails and is not required becomes missing evidence."""
        for program in list(self.plan.programs):
            try:
                self._attach(program)
            except ProbeError as error:
                if program.evidence in programs.REQUIRED:
                    raise
                self.plan.missing.setdefault(program.evidence, str(error))
                if program.evidence in self.plan.evidence:
                    self.plan.evidence.remove(program.evidence)

    def _attach(self, program: programs.Program) -> None:
        category, _, name = program.tracepoint.partition(":")
        fd = self._programs[program.function]
        if program.raw:
            attached = self.lib.bpf_attach_raw_tracepoint(fd, name.encode())
        else:
            attached = self.lib.bpf_attach_tracepoint(fd, category.encode(), name.encode())
        if attached < 0:
            reason = os.strerror(ctypes.get_errno())
            raise ProbeError(f"attaching to {program.tracepoint} failed ({reason})")
        self._attached[program.function] = int(attached)

    def passed_over(self) -> dict[str, int]:
        """Return how often the kernel passed over programs, by the evidence that they give.

        It does so for those on a tracepoint's record while their CPU is inside a bpf(2) (proc_pid_fdinfo(5),
        ``recursion_misses``, from Linux 5.12 on). The kernel counts for the whole host.
        """
        counts: dict[str, int] = {}
        for program in self.plan.programs:
            with suppress(OSError, KeyError):
                text = Path(f"/proc/self/fdinfo/{self._programs[program.function]}").read_text()
                if (found := _MISSES.search(text)) and int(found[1]):
                    counts[program.evidence] = counts.get(program.evidence, 0) + int(found[1])
        return counts

    def detach_raw(self) -> None:
        """Detach the programs for which that takes no time."""
        for program in self.plan.programs:
            if program.raw and program.function in self._attached:
                os.close(self._attached.pop(program.function))

    def close(self) -> None:
        """Detach and unload everything, in a thread: for each tracepoint the kernel waits some 40 ms."""
        thread = Thread(target=self._free, name="iotrace-detach")
        thread.start()
        _closing.append(thread)

    def _free(self) -> None:
        for fds in (self._attached, self._programs, self._maps):
            while fds:
                _, fd = fds.popitem()
                with suppress(OSError):
                    os.close(fd)


def finish_closing() -> None:
    """Wait for former sessions to be gone."""
    while _closing:
        _closing.pop().join()


_MISSES = re.compile(r"^recursion_misses:\s*(\d+)", re.MULTILINE)

_closing: list[Thread] = []
