"""Programs of others that read exports in the browser: where ``tests/exporters/readers.sh`` puts them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.command import ROOT


def reader(package: str, file: str) -> Path:
    """Return a file of a package; skip where it was not fetched, fail in continuous integration."""
    path = ROOT / ".venv" / "readers" / package / file
    if path.exists():
        return path
    said = f"{package} is not here: tests/exporters/readers.sh fetches it"
    if os.environ.get("IOTRACE_REQUIRE_PROBES") == "1":
        pytest.fail(said)
    pytest.skip(said)
