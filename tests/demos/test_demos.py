"""Every demo keeps the protocol of its manifest, untraced: the clients check the answers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import tomllib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "demos"
DEMOS: list[dict[str, Any]] = tomllib.loads((FOLDER / "manifest.toml").read_text())["demo"]
SERVERS = [demo for demo in DEMOS if "clients" in demo]
PROGRAMS = [demo for demo in DEMOS if "clients" not in demo]
#: Those that answer the same clients, whatever their model.
ECHOES = [demo for demo in SERVERS if demo["clients"][0][0] == "echo_clients.py"]
#: Those that echo any bytes, of any length.
BYTE_ECHOES = ("select_echo_queues.py", "poll_echo.py", "selectors_echo.py", "coroutine_echo.py")
MESSAGE = 1 << 20
HURRY = ["--think-ms", "5"]
LIMIT_S = 30


@contextmanager
def serving(script: str, tmp_path: Path, tracer: tuple[str, ...] = ()) -> Iterator[int]:
    """Run a server by the protocol and yield its port; it must end with status 0 on SIGTERM."""
    port_file = tmp_path / "port"
    server = subprocess.Popen(
        [*tracer, sys.executable, str(FOLDER / script)],
        env=os.environ | {"IOTRACE_DEMO_PORT_FILE": str(port_file)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + LIMIT_S
        while not port_file.exists():
            assert server.poll() is None, server.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.005)
        port = int(port_file.read_text())
        yield port
        os.kill(target_of(server.pid) if tracer else server.pid, signal.SIGTERM)
        said, _ = server.communicate(timeout=5)
        assert server.returncode == 0, said
        assert said.startswith(f"listening on 127.0.0.1:{port}\n")
    finally:
        server.kill()
        print(server.communicate()[0])


def target_of(tracer: int) -> int:
    return int(Path(f"/proc/{tracer}/task/{tracer}/children").read_text().split()[0])


def clients(demo: dict[str, Any], port: int, *more: str) -> None:
    for script, *arguments in demo["clients"]:
        words = [word.replace("{port}", str(port)) for word in arguments]
        done = subprocess.run(
            [sys.executable, str(FOLDER / script), *words, *more],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        assert (done.returncode, done.stderr) == (0, "")


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)


def reset(port: int, farewell: bytes) -> None:
    """Connect, send, and leave with a reset instead of an end: the server's calls on it then fail."""
    with connect(port) as leaves:
        leaves.sendall(farewell)
        leaves.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def name_of(demo: dict[str, Any]) -> str:
    return str(demo["name"])


@pytest.mark.parametrize("demo", SERVERS, ids=name_of)
def test_demo_answers_rightly_and_ends(demo: dict[str, Any], tmp_path: Path) -> None:
    with serving(demo["script"], tmp_path) as port:
        clients(demo, port, *(HURRY if "think_ms" in demo else ()))


@pytest.mark.parametrize("demo", PROGRAMS, ids=name_of)
def test_program_without_clients_ends_by_itself(demo: dict[str, Any]) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / demo["script"])],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("demo", ECHOES, ids=name_of)
def test_many_clients_without_a_pause(demo: dict[str, Any], tmp_path: Path) -> None:
    with serving(demo["script"], tmp_path) as port:
        clients(demo, port, "--clients", "3", "--messages", "7", "--think-ms", "0")


@pytest.mark.parametrize("demo", ECHOES, ids=name_of)
def test_who_leaves_in_the_middle_disturbs_nobody(demo: dict[str, Any], tmp_path: Path) -> None:
    message = b"m" * MESSAGE
    with serving(demo["script"], tmp_path) as port:
        for farewell in (b"", message[: MESSAGE // 2], message):
            reset(port, farewell)
        with connect(port) as stays:
            stays.sendall(message)
            for farewell in (b"", b"x"):
                reset(port, farewell)
            assert stays.recv(8, socket.MSG_WAITALL) == struct.pack("!II", MESSAGE, zlib.crc32(message))


@pytest.mark.parametrize("demo", ECHOES, ids=name_of)
def test_a_message_in_two_halves_is_one_message(demo: dict[str, Any], tmp_path: Path) -> None:
    message = os.urandom(MESSAGE)
    with serving(demo["script"], tmp_path) as port, connect(port) as client:
        client.sendall(message[:1000])
        time.sleep(0.05)
        client.sendall(message[1000:])
        assert client.recv(8, socket.MSG_WAITALL) == struct.pack("!II", MESSAGE, zlib.crc32(message))


@pytest.mark.parametrize("script", BYTE_ECHOES)
def test_byte_echo_survives_who_resets_and_who_reads_late(script: str, tmp_path: Path) -> None:
    document = os.urandom(4 << 20)
    with serving(script, tmp_path) as port, connect(port) as stays:
        for farewell in (b"", b"x", document[:100_000]):
            reset(port, farewell)
        stays.sendall(b"hello")
        assert stays.recv(100) == b"hello"
        sender = threading.Thread(target=stays.sendall, args=(document,))
        sender.start()
        time.sleep(0.1)  # all buffers on the way are full
        received = bytearray()
        while len(received) < len(document) and (piece := stays.recv(1 << 16)):
            received += piece
        sender.join(LIMIT_S)
        assert received == document


def test_chat_survives_one_who_resets(tmp_path: Path) -> None:
    with serving("select_chat.py", tmp_path) as port, connect(port) as stays:
        reset(port, b"and gone\n")
        stays.sendall(b"half of ")
        time.sleep(0.05)
        stays.sendall(b"a line\n")
        assert stays.recv(100) == b"answer for client 1\n"


def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed")
    return found


@pytest.mark.parametrize(
    "demo", [d for d in SERVERS if "messages" in d and d["name"] != "nonblocking_echo"], ids=name_of
)
def test_one_message_is_one_receive(demo: dict[str, Any], tmp_path: Path) -> None:
    """The manifest's numbers, as strace counts them. (How often nonblocking_echo asks is up to its clock.)"""
    log = tmp_path / "strace"
    with serving(demo["script"], tmp_path, (strace(), "-f", "-o", str(log), "-e", "trace=recvfrom")) as port:
        clients(demo, port, "--think-ms", "20")
    results = [int(result) for result in re.findall(r"\) += (-?\d+)", log.read_text())]
    received = [result for result in results if result > 0]
    if demo["model"] == "asynchronous":
        assert results == []
    else:
        assert len(received) == demo["messages"]
        assert sum(received) == demo["bytes"]
    assert -11 not in results


def test_wrong_answers_fail_the_clients(tmp_path: Path) -> None:
    def answer_wrongly(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            for _ in range(2):
                connection.recv(MESSAGE, socket.MSG_WAITALL)
                connection.sendall(bytes(8))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer_wrongly, args=(server,))
        thread.start()
        done = subprocess.run(
            [
                sys.executable,
                str(FOLDER / "echo_clients.py"),
                f"--port={server.getsockname()[1]}",
                "--messages=2",
            ],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        thread.join(LIMIT_S)
    assert done.returncode == 1
    assert done.stderr == "2 of 2 answers were wrong\n"


def test_lost_server_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for script in ("echo_clients.py", "select_chat_clients.py"):
        done = subprocess.run(
            [sys.executable, str(FOLDER / script), "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("a client lost the server:")
        assert done.stderr.count("\n") == 1


def test_manifest_is_consistent() -> None:
    servers = {path.name for path in FOLDER.glob("*.py") if not path.stem.endswith("_clients")}
    assert servers == {demo["script"] for demo in DEMOS}
    assert len({demo["name"] for demo in DEMOS}) == len(DEMOS)
    for demo in SERVERS:
        assert all((FOLDER / words[0]).is_file() for words in demo["clients"])
    for demo in ECHOES:
        assert demo["bytes"] == demo["messages"] * MESSAGE
    models = {demo["model"] for demo in ECHOES}
    assert models == {"blocking", "nonblocking", "multiplexing", "signal_driven", "asynchronous"}


def test_readme_names_every_demo() -> None:
    lines = (FOLDER / "README.md").read_text().splitlines()
    listed = [line.split("`")[1] for line in lines if line.startswith("| `")]
    assert listed == [demo["name"] for demo in DEMOS]
