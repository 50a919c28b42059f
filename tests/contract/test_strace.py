"""strace counts the same calls, in a run of its own of the same deterministic server."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from iotrace.analysis.model import Analysis
from probes.events import Kind
from probes.table import CALLS
from tests.contract.conftest import ENVIRONMENT

ROOT = Path(__file__).parents[2]
Record = Callable[[str, str], Analysis]

#: Who arrives first at the end decides these: a futex, a nap, and what SIGTERM interrupts.
RACY = {"futex", "clock_nanosleep", "restart_syscall", "rt_sigreturn"}


def by_strace(demo: str, folder: Path) -> Counter[str]:
    """Run a demo with its clients under strace; return how often each call of the table ended."""
    log, port_file = folder / f"{demo}.strace", folder / f"{demo}.port"
    names = ",".join("?" + call.name for call in CALLS if call.name != "restart_syscall")
    command = ["strace", "-f", "--seccomp-bpf", "-o", str(log), "-e", f"trace={names}"]
    environment = ENVIRONMENT | {"IOTRACE_DEMO_PORT_FILE": str(port_file)}
    clients = "select_chat_clients.py" if demo == "select_chat" else "echo_clients.py"
    server = subprocess.Popen(
        [*command, sys.executable, str(ROOT / "demos" / f"{demo}.py")],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,  # as in the recordings: what a stream is decides the calls on it
        text=True,
    )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        port = line.rpartition(":")[2].strip()
        talk = [sys.executable, str(ROOT / "demos" / clients), "--port", port]
        subprocess.run(talk, check=True, timeout=30)
        child = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0]
        os.kill(int(child), signal.SIGTERM)
        assert server.wait(10) == 0
    finally:
        if server.poll() is None:
            server.kill()
        for stream in (server.stdout, server.stderr):
            if stream is not None:
                stream.close()
    ended = Counter[str]()
    for text in log.read_text(errors="replace").splitlines():
        found = re.match(r"\d+ +(?:<\.\.\. )?(\w+)(?: resumed>|\()", text)
        if found and "<unfinished" not in text and " = ?" not in text:
            ended[found[1]] += 1
    ended["execve"] -= 1  # the one that made the server: iotrace begins after it
    return +ended


@pytest.mark.parametrize("demo", ["blocking_echo", "epoll_echo", "select_chat"])
def test_strace_agrees_on_every_count(recorded: Record, probe: str, demo: str, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("no strace: sudo apt install strace")
    events = recorded(probe, demo).events
    rows = np.flatnonzero((events["kind"] == Kind.CALL) & (events["ret"] > -512))
    ours = Counter(CALLS[code].name for code in events["code"][rows])
    theirs = by_strace(demo, tmp_path)
    for name in RACY:
        ours.pop(name, None)
        theirs.pop(name, None)
    assert ours == theirs
