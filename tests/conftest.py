"""What every test finds: signals as a terminal's shell leaves them, and English, whatever the locale is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from iotrace import language


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
