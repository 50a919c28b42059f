"""What every test finds: signals as a shell leaves them, and English; each recording it made is checked."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from iotrace import language
from iotrace.recording.layout import RecordingError
from tests.orderly import check_file


def pytest_configure() -> None:
    """Undo what a script's ``&`` or nohup(1) ignores: the programs under test would inherit it."""
    for number in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["LC_ALL"] = "C.UTF-8"  # also of the programs that tests start
    os.environ.pop("LANGUAGE", None)


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    """Undo what a test chose: the language is one for the process."""
    yield
    language.use("en")


@pytest.fixture(autouse=True)
def recordings_are_orderly(request: pytest.FixtureRequest, checked: set[Path]) -> Iterator[None]:
    """Check every recording that the test made in its folder, but those that it damaged on purpose."""
    yield
    folder = request.node.funcargs.get("tmp_path")
    if isinstance(folder, Path):
        _check(folder, checked)


@pytest.fixture(scope="session")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[Path]]:
    """Have the recordings that were checked; at the end check those in folders that several tests share."""
    done: set[Path] = set()
    yield done
    _check(tmp_path_factory.getbasetemp(), done)


def _check(folder: Path, checked: set[Path]) -> None:
    for path in sorted(set(folder.rglob("*.iotrace")) - checked):
        checked.add(path)
        try:
            check_file(path)
        except RecordingError:
            continue
        except AssertionError as error:
            error.add_note(f"in {path}")
            raise
