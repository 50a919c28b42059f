"""Under sudo the target and its clients are the invoking user's, and so is the recording."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iotrace.invoking_user import invoking_user
from iotrace.recording.layout import latest
from tests.command import COMMAND, LIMIT_S, environment
from tests.live import require

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: sudo is imitated")
SUDO = {"SUDO_UID": "65534", "SUDO_GID": "65534", "SUDO_USER": "nobody"}


@pytest.fixture(params=["bpf", "ptrace"])
def probe(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    require(name)
    return name


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [*COMMAND, "run", *words], cwd=folder, env=environment(**SUDO), capture_output=True, text=True,
        timeout=LIMIT_S, check=True,
    )  # fmt: skip
    return done.stdout


WHO = ("--", "sh", "-c", "id -u; id -g; id -G; echo $HOME $USER")


def test_the_target_is_the_invoking_users(tmp_path: Path, probe: str) -> None:
    assert run(tmp_path, "--probe", probe, *WHO).splitlines()[:4] == [
        "65534",
        "65534",
        "65534",
        "/nonexistent nobody",
    ]
    assert latest(tmp_path).stat().st_uid == 65534


def test_unless_it_is_to_be_root(tmp_path: Path, probe: str) -> None:
    assert run(tmp_path, "--probe", probe, "--as-root", *WHO).splitlines()[0] == "0"


def test_the_clients_are_too(tmp_path: Path, probe: str) -> None:
    """The server may not even see the port file unless both are the same user."""
    folder = tmp_path / "open"
    folder.mkdir()
    for path in (folder, tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)
    (folder / "manifest.toml").write_text(
        '[[demo]]\ntitle = "X"\nscript = "server.py"\nclients = [["client.py"]]\n'
    )
    (folder / "server.py").write_text(
        "import os, time\n"
        "name = os.environ['IOTRACE_DEMO_PORT_FILE']\n"
        "open(name + '.new', 'w').write('23')\n"
        "os.replace(name + '.new', name)\n"
        "print(os.getuid(), flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    (folder / "client.py").write_text("import os, sys; sys.exit(os.getuid() != 65534)")
    try:
        subprocess.run([sys.executable, "-c", ""], user=65534, check=True)
    except PermissionError:
        pytest.skip(f"{sys.executable} lies where another user cannot execute it")
    assert run(folder, "--probe", probe, "server.py").splitlines()[0] == "65534"


def test_who_called_sudo() -> None:
    assert invoking_user({}) is None
    assert invoking_user({"SUDO_UID": "0", "SUDO_GID": "0"}) is None
    assert invoking_user({"SUDO_UID": "x", "SUDO_GID": "1"}) is None
    assert invoking_user({"SUDO_UID": "65534", "SUDO_GID": "7"}) == (65534, 7, (7, 65534)) or invoking_user(
        {"SUDO_UID": "65534", "SUDO_GID": "7"}
    ) == (65534, 7, (7,))
