"""Runs a demo's clients beside the traced server, then ends the server. A process of its own.

``python supervisor.py SPEC``: it leaves its parent at once (a second fork), for a probe's ``wait4``
must meet none but the target's processes; it is in no traced tree, and imports nothing of ours.

SPEC is JSON: ``clients`` (argv lists, ``{port}`` is replaced), ``port_file``, ``patience_s``,
``uid``, ``gid``, ``groups`` (or null). Its standard input is a pipe: one line with the server's pid;
when it ends, the tracer is gone, and the clients end too. Its standard output is a pipe for one
JSON object: ``statuses`` (of each client), ``output`` (the tail of what they said), ``problem``
(one sentence, or null), ``ended`` ("SIGTERM", "SIGKILL", "itself": how the server ended).
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

OUTPUT_BYTES = 8192
#: prctl(2): the clients get no capability that was granted to the tracer.
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
#: The server is to see its last client leave before it is ended.
SETTLE_MS = 100
SERVER_PATIENCE_S = 2.0


def main() -> None:
    """Do one run's work; never returns."""
    spec = json.loads(sys.argv[1])
    if os.fork():
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if spec["uid"] is not None:
        os.setgroups(spec["groups"])
        os.setgid(spec["gid"])
        os.setuid(spec["uid"])
    line = _first_line(0)
    if not line:
        os._exit(0)
    server = int(line)
    try:
        pidfd = os.pidfd_open(server)
    except ProcessLookupError:
        report: dict[str, Any] = _report([], "", "the server ended before its clients began", "itself")
    else:
        report = _conduct(spec, pidfd)
    os.write(1, json.dumps(report).encode())
    os._exit(0)


def _conduct(spec: dict[str, Any], server: int) -> dict[str, Any]:
    problem = _await_port(spec, server)
    statuses: list[int] = []
    output = ""
    if problem is None:
        port = _port(spec["port_file"])
        with tempfile.TemporaryFile() as said:
            clients = [
                subprocess.Popen(
                    [word.replace("{port}", port) for word in argv],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                )
                for argv in spec["clients"]
            ]
            problem = _await_clients(clients, server, spec["patience_s"])
            statuses = [client.wait() for client in clients]
            said.seek(max(0, said.seek(0, os.SEEK_END) - OUTPUT_BYTES))
            output = said.read().decode(errors="replace")
    return _report(statuses, output, problem, _end(server))


def _await_port(spec: dict[str, Any], server: int) -> str | None:
    """Wait until the server has written its port; return what went wrong, or None."""
    deadline = time.monotonic() + spec["patience_s"]
    while not _port(spec["port_file"]):
        if time.monotonic() > deadline:
            return "the server did not say its port in time"
        ready = _poll([0, server], 10)
        if 0 in ready:
            return "the tracer ended"
        if server in ready:
            return "the server ended before its clients began"
    return None


def _port(path: str) -> str:
    try:
        with open(path) as file:
            text = file.read()
    except OSError:
        return ""
    return text.strip() if text.endswith("\n") or text.strip().isdecimal() else ""


def _await_clients(clients: list[subprocess.Popen[bytes]], server: int, patience_s: float) -> str | None:
    """Wait for the clients; end them when the server, the tracer or the time has ended."""
    pidfds = [os.pidfd_open(client.pid) for client in clients]
    left = set(pidfds)
    problem = None
    deadline = time.monotonic() + patience_s
    while left:
        ready = _poll([0, server, *left], max(0, int(1000 * (deadline - time.monotonic()))))
        left -= set(ready)
        if not left:
            break
        if 0 in ready:
            problem = "the tracer ended"
        elif server in ready:
            # They may be about to end for that very reason, with a better message than ours.
            _poll(list(left), 500)
            problem = "the server ended while its clients were at work"
        elif not ready:
            problem = f"the clients were not done after {patience_s:g} s"
        else:
            continue
        for client in clients:
            client.terminate()
        _poll(list(left), 500)
        for client in clients:
            client.kill()
        break
    for pidfd in pidfds:
        os.close(pidfd)
    return problem


def _end(server: int) -> str:
    if server in _poll([server], SETTLE_MS):
        return "itself"
    for number, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGKILL, "SIGKILL")):
        try:
            signal.pidfd_send_signal(server, number)
        except ProcessLookupError:
            return "itself"
        if server in _poll([server], int(1000 * SERVER_PATIENCE_S)):
            return name
    return "SIGKILL"


def _poll(descriptors: list[int], timeout_ms: int) -> list[int]:
    poll = select.poll()
    for fd in descriptors:
        poll.register(fd, select.POLLIN)
    return [fd for fd, _ in poll.poll(timeout_ms)]


def _first_line(fd: int) -> str:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(fd, 1)
        if not piece:
            return ""
        line += piece
    return line.decode().strip()


def _report(statuses: list[int], output: str, problem: str | None, ended: str) -> dict[str, Any]:
    return {"statuses": statuses, "output": output, "problem": problem, "ended": ended}


if __name__ == "__main__":
    main()
