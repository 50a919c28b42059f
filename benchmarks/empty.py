"""Run a command while empty programs sit on the tracepoints of the eBPF probe: the floor of its cost.

``python -m benchmarks.empty COMMAND…``
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from probes.ebpf import library, programs, tracefs


def _events() -> Path:
    folder = tracefs.events()
    if folder is None:
        raise SystemExit("no tracefs: mount -t tracefs tracefs /sys/kernel/tracing")
    return folder


def main(command: list[str]) -> int:
    """Attach, run, detach; return the command's status."""
    chosen = programs.plan(_events())
    text = "".join(f"int {program.function}(void *ctx) {{ return 0; }}\n" for program in chosen.programs)
    os.environ["BCC_KERNEL_SOURCE"] = str(programs.SOURCES)
    bcc = library.load()
    architecture = "x86" if platform.machine() == "x86_64" else "arm64"
    flags = [f"-I{programs.SOURCES / 'include'}", f"-D__TARGET_ARCH_{architecture}", "-Wno-everything"]
    bpf = bcc.BPF(text="#include <linux/types.h>\n" + text, cflags=flags)
    for program in chosen.programs:
        if program.raw:
            bpf.attach_raw_tracepoint(tp=program.tracepoint.split(":")[1], fn_name=program.function)
        else:
            bpf.attach_tracepoint(tp=program.tracepoint, fn_name=program.function)
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        bpf.cleanup()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
