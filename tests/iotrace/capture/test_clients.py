"""A demo's clients: started when the server listens, in no traced tree; then the server is ended."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.command import LIMIT_S, ending, iotrace, recorded, start
from tests.live import require

SERVER = """
import os, signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = socket.create_server(("127.0.0.1", 0))
name = os.environ["IOTRACE_DEMO_PORT_FILE"]
with open(name + ".new", "w") as file:
    file.write(str(server.getsockname()[1]))
os.replace(name + ".new", name)
while True:
    connection, _ = server.accept()
    connection.sendall(b"x" * 23)
    connection.close()
"""
CLIENT = """
import os, socket, sys
open("client.pid", "w").write(str(os.getpid()))
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
received = b""
while piece := connection.recv(100):
    received += piece
assert received == b"x" * 23
"""


@pytest.fixture(params=["bpf", "ptrace"])
def probe(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    require(name)
    return name


def demo(folder: Path, server: str = SERVER, client: str = CLIENT, limit_s: float = 20) -> None:
    (folder / "server.py").write_text(server)
    (folder / "client.py").write_text(client)
    (folder / "manifest.toml").write_text(
        f'[[demo]]\nname = "x"\ntitle = "X"\nscript = "server.py"\n'
        f'clients = [["client.py", "{{port}}"]]\nlimit_s = {limit_s}\n'
    )


def test_clients_run_beside_the_traced_tree(tmp_path: Path, probe: str) -> None:
    demo(tmp_path)
    done = iotrace(tmp_path, "run", "--probe", probe, "server.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    events = recorded(tmp_path)
    facts = ending(events)
    assert (facts["clients"], facts["ended_by"], facts["exit_status"]) == ([0], "clients", 0)
    assert int((tmp_path / "client.pid").read_text()) not in events["tgid"]
    assert set(events["tgid"].tolist()) <= {0, int(events.header["pid"])}


def test_a_client_that_fails_is_said(tmp_path: Path) -> None:
    require("ptrace")
    demo(tmp_path, client="import sys; sys.exit('no \\x1b[31manswer')")
    done = iotrace(tmp_path, "run", "--probe", "ptrace", "server.py")
    assert done.returncode == 125
    assert done.stderr == "iotrace: 1 of 1 clients failed: no \\x1b[31manswer\n"
    assert ending(recorded(tmp_path))["clients"] == [1]


def test_a_server_that_crashes_keeps_its_status(tmp_path: Path, probe: str) -> None:
    demo(tmp_path, server="import sys; sys.exit(3)")
    done = iotrace(tmp_path, "run", "--probe", probe, "server.py")
    assert done.returncode == 3
    assert "the server ended before its clients began" in done.stderr
    assert ending(recorded(tmp_path))["ended_by"] == "target"


def test_a_server_that_dies_under_its_clients(tmp_path: Path) -> None:
    require("ptrace")
    dies = SERVER.replace("connection.sendall", "os.kill(os.getpid(), 11); connection.sendall")
    demo(tmp_path, server=dies, client=CLIENT + "\nimport time; time.sleep(60)")
    done = iotrace(tmp_path, "run", "--probe", "ptrace", "server.py")
    assert done.returncode == -signal.SIGSEGV


def test_a_server_that_ignores_sigterm_is_killed(tmp_path: Path, probe: str) -> None:
    demo(tmp_path, server=SERVER.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN"))
    done = iotrace(tmp_path, "run", "--probe", probe, "server.py")
    assert done.returncode == 0
    assert "did not end within 2 s of SIGTERM" in done.stderr
    assert ending(recorded(tmp_path))["signal"] == signal.SIGKILL


def test_children_of_the_server_do_not_outlive_the_demo(tmp_path: Path, probe: str) -> None:
    forks = SERVER.replace("while True:", "if not os.fork(): signal.signal(15, signal.SIG_IGN)\nwhile True:")
    demo(tmp_path, server=forks)
    done = iotrace(tmp_path, "run", "--probe", probe, "server.py")
    assert done.returncode == 0, done.stderr
    children = set(recorded(tmp_path)["tgid"].tolist()) - {0}
    assert len(children) == 2
    assert not [pid for pid in children if runs(pid)]


def runs(pid: int) -> bool:
    """Whether a process runs; what nobody has waited for does not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def test_clients_have_a_limit(tmp_path: Path) -> None:
    require("ptrace")
    demo(tmp_path, client="import time; time.sleep(60)", limit_s=1)
    done = iotrace(tmp_path, "run", "--probe", "ptrace", "server.py")
    assert done.returncode == 125
    assert "the clients were not done after 1 s" in done.stderr


def test_without_clients(tmp_path: Path) -> None:
    require("ptrace")
    demo(tmp_path, server="import os; print(os.environ.get('IOTRACE_DEMO_PORT_FILE'))")
    done = iotrace(tmp_path, "run", "--probe", "ptrace", "--no-clients", "server.py")
    assert done.returncode == 0
    assert done.stdout.startswith("None\n")
    assert not (tmp_path / "client.pid").exists()


def test_a_program_that_needs_no_clients(tmp_path: Path, probe: str) -> None:
    (tmp_path / "program.py").write_text("import os; print(os.environ.get('IOTRACE_DEMO_PORT_FILE'))")
    (tmp_path / "manifest.toml").write_text('[[demo]]\nscript = "program.py"\ntitle = "X"\n')
    done = iotrace(tmp_path, "run", "--probe", probe, "program.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("None\n")
    facts = ending(recorded(tmp_path))
    assert (facts["clients"], facts["ended_by"], facts["exit_status"]) == (None, "target", 0)


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    demo(tmp_path)
    for text in (
        "demo = 3",
        "[[demo]]\nname = 'x'",
        "[[",
        "[[demo]]\nscript='server.py'\ntitle='x'\nclients=[[]]",
    ):
        (tmp_path / "manifest.toml").write_text(text)
        done = iotrace(tmp_path, "run", "server.py")
        assert done.returncode == 125
        assert "manifest.toml" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_clients_end_with_a_tracer_that_is_killed(tmp_path: Path, probe: str) -> None:
    demo(tmp_path, client=CLIENT + "\nimport time; time.sleep(60)")
    run = start(tmp_path, "run", "--probe", probe, "server.py")
    client = tmp_path / "client.pid"
    deadline = time.monotonic() + LIMIT_S
    while not (client.exists() and client.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    pid = int(client.read_text())
    pidfd = os.pidfd_open(pid)
    run.kill()
    try:
        assert select.select([pidfd], [], [], 10)[0], "the client outlived its tracer"
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.close(pidfd)
        run.communicate(timeout=LIMIT_S)
