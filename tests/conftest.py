"""What every test finds: signals as a terminal's shell leaves them."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Undo what a script's ``&`` or nohup(1) ignores: the programs under test would inherit it."""
    for number in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
