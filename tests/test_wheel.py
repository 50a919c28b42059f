"""The built wheel works outside of the checkout. No network: the dependencies are this environment's."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from iotrace import __version__

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def call(*words: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        words, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributions")
    call(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    (found,) = distributions.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own; return that environment's iotrace command."""
    folder = tmp_path_factory.mktemp("installed")
    call(sys.executable, "-m", "venv", "--without-pip", folder / "env", cwd=folder)
    python = folder / "env/bin/python"
    packages = Path(
        call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    )
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--no-deps",
        "--no-index",
        "--quiet",
    ]
    call(*pip, wheel, cwd=folder)
    # Ours came from the wheel. The dependencies are taken from here, without the links to the checkout
    # that an editable installation left: site-packages on PYTHONPATH reads no .pth file.
    assert (packages / "iotrace/__init__.py").is_file()
    return folder / "env/bin/iotrace"


def dependencies() -> str:
    return os.pathsep.join(dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]))


def test_wheel_holds_all_that_is_needed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    demos = {path.name for path in (ROOT / "demos").iterdir() if path.is_file()}
    assert {
        name.removeprefix("iotrace/shipped_demos/") for name in names if "shipped_demos/" in name
    } == demos
    bpf = {str(path.relative_to(ROOT)) for path in (ROOT / "probes/bpf").rglob("*") if path.is_file()}
    assert bpf
    assert bpf <= set(names)
    assert {"iotrace/py.typed", "probes/py.typed"} <= set(names)
    stories = {str(path.relative_to(ROOT)) for path in (ROOT / "iotrace/lessons_text").iterdir()}
    assert stories
    assert stories <= set(names)
    catalogues = {str(path.relative_to(ROOT)) for path in (ROOT / "iotrace/catalogues").rglob("*.mo")}
    assert catalogues
    assert catalogues <= set(names)
    top = {name.split("/")[0] for name in names}
    assert top == {"iotrace", "probes", f"iotrace_blocking-{__version__}.dist-info"}


def test_sdist_can_be_built_and_tested(distributions: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "README.md", "Makefile", "setup.sh", "demos/manifest.toml"} <= names
    assert {"tests/test_wheel.py", "iotrace/__init__.py", "probes/table.py"} <= names
    assert not any(name.startswith(".venv") for name in names)


def test_command_runs_outside_of_the_checkout(installed: Path, tmp_path: Path) -> None:
    assert "iotrace run" in call(installed, "--help", cwd=tmp_path, PYTHONPATH=dependencies())
    listed = call(installed, "demo", cwd=tmp_path, PYTHONPATH=dependencies())
    assert "select_chat" in listed
    assert "io_uring_echo" in listed
    assert __version__ in call(installed, "--version", cwd=tmp_path, PYTHONPATH=dependencies())


def test_installed_probes_and_demos_are_the_wheels_own(installed: Path, tmp_path: Path) -> None:
    where = "import iotrace, probes; print(iotrace.__file__, probes.__file__)"
    python = installed.parent / "python"
    said = call(python, "-c", where, cwd=tmp_path, PYTHONPATH=dependencies())
    assert str(ROOT) not in said


def test_an_installed_demo_can_be_recorded(installed: Path, tmp_path: Path) -> None:
    said = call(
        installed,
        "demo",
        "blocking_echo",
        "--probe",
        "ptrace",
        cwd=tmp_path,
        PYTHONPATH=dependencies(),
        HOME=str(tmp_path),
    )
    assert "blocking" in said.lower()
