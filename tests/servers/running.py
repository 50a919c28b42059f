"""Run a server under a tool, have its kind of clients drive it, and end it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.servers.catalogue import Server
from tests.servers.clients import PATIENCE_S, drive


def run(
    server: Server,
    folder: Path,
    tool: list[str],
    inside: int = 0,
    during: Callable[[int, int], None] | None = None,
) -> int:
    """Run the server under ``tool`` (words before its own), drive it, end it; return the tool's status.

    ``inside``: how many children down from the tool the one is that gets SIGTERM: strace would let go of the
    server, iotrace hands the signal on. ``during``: what to do instead of driving it, given the
    process and the port.
    """
    port = free_port()
    command = [*tool, *server.command(folder, port)]
    with (folder / "said.txt").open("ab") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[2]), str(folder)))},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            await_listening(port, process)
            if during is None:
                drive(server.speaks, port)
            else:
                during(process.pid, port)
        except BaseException:
            _kill(process)
            raise
        server_pid = process.pid
        for _ in range(inside):
            server_pid = _child_of(server_pid)
        os.kill(server_pid, signal.SIGTERM)
        try:
            return process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the tool and the server: what a killed strace leaves behind still listens."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def await_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens, without connecting: the server would see that (proc(5), net/tcp)."""
    wanted = (("tcp", f":{port:04X} 00000000:0000 0A"), ("udp", f":{port:04X} 00000000:0000 07"))
    deadline = time.monotonic() + PATIENCE_S
    while not any(line in Path("/proc/net", name).read_text() for name, line in wanted):
        assert process.poll() is None, f"the server ended with {process.returncode}"
        assert time.monotonic() < deadline, "the server does not listen"
        time.sleep(0.02)
    time.sleep(0.3)  # workers are made after the socket: let them come to their wait
