"""Run a server under a tool, drive it with its kind of clients, and end it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.servers.catalogue import Server
from tests.servers.programs import BODY

CONNECTIONS, REQUESTS = 11, 7
THINK_S = {"json-rpc": 0.023}
_THINK_S = 0.003
PATIENCE_S = 15

#: These make a connection for each request.
ALONE = ("http/1.0", "json-rpc")

_CALL = b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"as it was sent"}}'
_ASKED = {
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "http/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "memcached": b"version\r\n",
    "line": b"as it was sent\n",
    "json-rpc": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(_CALL), _CALL),
}
_ENDS = {
    "http": BODY,
    "json-rpc": b'"result":"as it was sent"}',
    "redis": b"+PONG\r\n",
    "memcached": b"\r\n",
    "line": _ASKED["line"],
}


def accepts(server: Server) -> int:
    """How many connections its clients make."""
    return CONNECTIONS * (REQUESTS if server.speaks in ALONE else 1)


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


def drive(speaks: str, port: int) -> None:
    """Make all connections, all at once, and all requests on each; every answer must be right.

    ucall confuses connections that come or go at once: its clients come one after the other, and slowly.
    """
    with ThreadPoolExecutor(1 if speaks == "json-rpc" else CONNECTIONS) as pool:
        for done in [pool.submit(_client, speaks, port) for _ in range(CONNECTIONS)]:
            done.result()


def _client(speaks: str, port: int) -> None:
    alone = speaks in ALONE
    for _ in range(REQUESTS if alone else 1):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            for _ in range(1 if alone else REQUESTS):
                _request(speaks, connection)


def _request(speaks: str, connection: socket.socket) -> None:
    time.sleep(THINK_S.get(speaks, _THINK_S))
    connection.sendall(_ASKED[speaks])
    answer = b""
    end = _ENDS.get(speaks, BODY)
    while not answer.endswith(end):
        part = connection.recv(1 << 16)
        assert part, answer
        answer += part


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def await_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens, without connecting: the server would see that (proc(5), net/tcp)."""
    wanted = f":{port:04X} 00000000:0000 0A"
    deadline = time.monotonic() + PATIENCE_S
    while wanted not in Path("/proc/net/tcp").read_text():
        assert process.poll() is None, f"the server ended with {process.returncode}"
        assert time.monotonic() < deadline, "the server does not listen"
        time.sleep(0.02)
    time.sleep(0.3)  # workers are made after the socket: let them come to their wait
