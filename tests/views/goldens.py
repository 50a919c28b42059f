"""Compare a picture with the one that a reviewer accepted."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"


def assert_golden(name: str, actual: str) -> None:
    """Fail where ``actual`` differs from the golden ``name``; save it, and say how to accept it."""
    golden = FOLDER / f"{name}.txt"
    fresh = golden.with_suffix(".txt.new")
    expected = golden.read_text(encoding="utf-8") if golden.exists() else ""
    if actual == expected:
        fresh.unlink(missing_ok=True)
        return
    fresh.write_text(actual, encoding="utf-8")
    new, old = (os.path.relpath(path) for path in (fresh, golden))
    lines = difflib.unified_diff(
        expected.splitlines(), actual.splitlines(), "golden", "now", n=1, lineterm=""
    )
    changes = "\n".join(lines)
    pytest.fail(f"{changes}\n\nthe picture differs from {old}. To accept it: mv {new} {old}", pytrace=False)
