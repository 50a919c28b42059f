"""Choose and compile the programs that this kernel can run, and say what it cannot."""

from __future__ import annotations

import mmap
import os
import platform
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from probes.contract import ProbeError
from probes.ebpf import btf, library, tracefs
from probes.ebpf.image import Image, of_module

SOURCES = Path(__file__).parent.parent / "bpf"
FILES = (
    "event.h",
    "core.c",
    "sched.c",
    "calls.c",
    "arguments.c",
    "memory.c",
    "sets.c",
    "tasks.c",
    "sockets.c",
    "rings.c",
    "signals.c",
)

TASKS, SOCKETS, REQUESTS = 16384, 16384, 8192  # entries of the maps, all allocated at once


class Program(NamedTuple):
    """One program: the function in the sources, where it attaches, the evidence it gives.

    ``needs`` are fields of the tracepoint that it reads, ``uses`` those that it reads where the kernel
    has them; ``raw`` programs take the kernel function's own arguments, which costs less, and are not
    passed over while their CPU is inside a bpf(2); ``typed`` ones are raw where the kernel tells the
    places of its structures' members.
    """

    function: str
    tracepoint: str
    evidence: str
    raw: bool = False
    typed: bool = False
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


PROGRAMS = (
    Program("on_sys_enter", "raw_syscalls:sys_enter", "calls", raw=True),
    Program("on_sys_exit", "raw_syscalls:sys_exit", "calls", raw=True),
    Program(
        "on_sched_switch",
        "sched:sched_switch",
        "sleep",
        typed=True,
        needs=("prev_pid", "prev_state", "next_pid"),
    ),
    Program("on_sched_waking", "sched:sched_waking", "waker", typed=True, needs=("pid",)),
    Program("on_task_newtask", "task:task_newtask", "tasks", typed=True, needs=("pid", "clone_flags")),
    Program(
        "on_sched_process_exec",
        "sched:sched_process_exec",
        "tasks",
        typed=True,
        needs=("filename", "pid", "old_pid"),
    ),
    Program("on_sched_process_exit", "sched:sched_process_exit", "tasks", typed=True, uses=("group_dead",)),
    Program("on_sk_data_ready", "sock:sk_data_ready", "ready", raw=True),
    Program("on_skb_copy_datagram_iovec", "skb:skb_copy_datagram_iovec", "copy", raw=True),
    Program("on_sock_recv_length", "sock:sock_recv_length", "done", raw=True),
    Program(
        "on_inet_sock_set_state",
        "sock:inet_sock_set_state",
        "connection",
        needs=(
            "skaddr",
            "oldstate",
            "newstate",
            "sport",
            "dport",
            "family",
            "saddr",
            "daddr",
            "saddr_v6",
            "daddr_v6",
        ),
    ),
    Program(
        "on_signal_generate",
        "signal:signal_generate",
        "signal",
        typed=True,
        needs=("sig", "code", "pid", "group", "result"),
    ),
    Program(
        "on_signal_deliver",
        "signal:signal_deliver",
        "signal",
        typed=True,
        needs=("sig", "code", "sa_handler"),
    ),
    Program(
        "on_io_uring_submit",
        "io_uring:io_uring_submit_req",
        "ring",
        needs=("ctx", "req", "user_data", "opcode"),
    ),
    Program("on_io_uring_file_get", "io_uring:io_uring_file_get", "ring", needs=("req", "fd")),
    Program("on_io_uring_poll_arm", "io_uring:io_uring_poll_arm", "ring", needs=("req",)),
    Program("on_io_uring_queue_async_work", "io_uring:io_uring_queue_async_work", "ring", needs=("req",)),
    Program(
        "on_io_uring_complete",
        "io_uring:io_uring_complete",
        "ring",
        needs=("ctx", "req", "user_data", "res", "cflags"),
    ),
)

REQUIRED = ("calls", "sleep", "tasks")

#: Members that typed programs read: name in the sources, and the way to it (structure, member).
MEMBERS = {
    "TASK_PID": (("task_struct", "pid"),),
    "BINPRM_FILENAME": (("linux_binprm", "filename"),),
    "ACTION_HANDLER": (("k_sigaction", "sa"), ("sigaction", "sa_handler")),
}

#: From this release on sched_switch passes what the typed program takes; before it less, or in another order.
TYPED_SINCE = (6, 0)

#: What may be withheld beside evidence: with it goes the kernel's type information.
TYPES = "types"

#: Names that a tracepoint had on other kernels, with the same fields.
FORMER = {"io_uring:io_uring_submit_req": ("io_uring:io_uring_submit_sqe",)}


@dataclass
class Plan:
    """What to attach on this kernel. ``missing``: evidence this kernel lacks, with the reason."""

    programs: list[Program] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    defines: list[str] = field(default_factory=list)
    structures: str = ""  # C, for the tracepoints' records as this kernel lays them out


def plan(folder: Path, withhold: frozenset[str] = frozenset()) -> Plan:
    """Choose the programs for the tracepoints under ``folder`` (tracefs ``events``).

    Raises :class:`ProbeError` where one that is required is missing.
    """
    result = Plan()
    places = {} if TYPES in withhold else _places()
    result.defines += [f"-D{name}={offset}" for name, offset in places.items()]
    names = list(dict.fromkeys(program.evidence for program in PROGRAMS))
    for name in names:
        chosen, problem = _choose(folder, [program for program in PROGRAMS if program.evidence == name])
        if name in REQUIRED and problem:
            raise ProbeError(
                f"this kernel {problem}, which the eBPF probe cannot do without: use --probe ptrace"
            )
        if problem:
            result.missing[name] = f"this kernel {problem}"
        elif name not in withhold or name in REQUIRED:
            result.programs += [one._replace(raw=True) if one.typed and places else one for one in chosen]
            result.evidence.append(name)
            result.defines.append(f"-DHAVE_{name.upper()}")
    result.structures = "".join(_structure(folder, program) for program in result.programs if not program.raw)
    if "group_dead" in (tracefs.fields(folder, "sched:sched_process_exit") or ()):
        result.defines.append("-DHAVE_GROUP_DEAD")
    return result


def _places() -> dict[str, int]:
    """Return the offsets of :data:`MEMBERS`; empty where one of them is not to be had."""
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    if release is None or tuple(map(int, release.groups())) < TYPED_SINCE:
        return {}
    try:
        types = btf.Types()
    except (OSError, ValueError):
        return {}
    result = {}
    for name, way in MEMBERS.items():
        offsets = [types.offset(*step) for step in way]
        if None in offsets:
            return {}
        result[name] = sum(offset for offset in offsets if offset is not None)
    return result


def _structure(folder: Path, program: Program) -> str:
    present = tracefs.fields(folder, program.tracepoint) or {}
    needed = (field for name, field in present.items() if name in (*program.needs, *program.uses))
    return tracefs.structure(f"{program.function.removeprefix('on_')}_fields", needed)


def _choose(folder: Path, programs: list[Program]) -> tuple[list[Program], str | None]:
    chosen = []
    for program in programs:
        for name in (program.tracepoint, *FORMER.get(program.tracepoint, ())):
            present = tracefs.fields(folder, name)
            if present is not None:
                break
        else:
            return [], f"has no tracepoint {program.tracepoint}"
        lacking = [need for need in program.needs if need not in present]
        if lacking:
            return [], f"has {name} without the field {lacking[0]}"
        chosen.append(program._replace(tracepoint=name))
    return chosen, None


def source(structures: str) -> bytes:
    """Return all programs as one text: bcc rewrites map accesses in its main file only."""
    parts = ["#include <linux/types.h>\n#define offsetof(type, member) __builtin_offsetof(type, member)\n"]
    parts.append(structures)
    for name in FILES:
        parts.append(f'#line 1 "{SOURCES / name}"\n{(SOURCES / name).read_text()}\n')
    return "".join(parts).encode()


def pids() -> int:
    """Return the bound of process numbers (proc(5): /proc/sys/kernel/pid_max)."""
    return int(Path("/proc/sys/kernel/pid_max").read_text())


def flags(chosen: Plan, buffer_bytes: int, cpus: int) -> list[str]:
    """Return the compiler's flags: the machine, the maps' sizes, and what evidence there is."""
    return [
        f"-I{SOURCES / 'include'}",
        f"-D__TARGET_ARCH_{'x86' if platform.machine() == 'x86_64' else 'arm64'}",
        f"-DRING_PAGES={buffer_bytes // mmap.PAGESIZE}",
        f"-DPAGE_SIZE={mmap.PAGESIZE}",
        f"-DCPUS={cpus}",
        "-DCALL_NUMBERS=1024",
        f"-DTASKS={TASKS}",
        f"-DPIDS={pids()}",
        f"-DSOCKETS={SOCKETS}",
        f"-DREQUESTS={REQUESTS}",
        "-Wno-everything",
        "-g0",  # no BTF of our own: a tenth of the time
        *chosen.defines,
    ]


def compiled(text: bytes, words: list[str]) -> Image:
    """Compile with bcc. Raises :class:`ProbeError` with the compiler's word."""
    bcc = library.load()
    previous = os.environ.get("BCC_KERNEL_SOURCE")
    os.environ["BCC_KERNEL_SOURCE"] = str(SOURCES)
    try:
        module = bcc.BPF(text=text, cflags=words)
        try:
            return of_module(bcc.lib, module.module)
        finally:
            module.cleanup()
    except Exception as error:  # bcc raises nothing more exact
        raise ProbeError(f"the eBPF programs do not compile ({error}): use --probe ptrace") from error
    finally:
        if previous is None:
            del os.environ["BCC_KERNEL_SOURCE"]
        else:
            os.environ["BCC_KERNEL_SOURCE"] = previous
