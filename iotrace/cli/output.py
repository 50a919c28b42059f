"""Write files that a command makes: nothing is replaced unasked, nothing half-written is left behind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from iotrace.cli.screen import say


class OutputError(Exception):
    """A file cannot be written. One line: the cause, then the next step."""


def write_files(files: Sequence[tuple[Path, bytes]], force: bool) -> None:
    """Write all files, or none: each beside its place first. Raises :class:`OutputError`."""
    taken = next((path for path, _ in files if not force and os.path.lexists(path)), None)
    if taken is not None:
        raise OutputError(f"{taken} exists: give another name, or --force to replace it")
    beside = [(path, path.with_name(f".{path.name}.{os.getpid()}")) for path, _ in files]
    try:
        for (_, partial), (_, content) in zip(beside, files, strict=True):
            partial.write_bytes(content)
        for path, partial in beside:
            partial.replace(path)
    except OSError as error:
        raise OutputError(f"{error.filename or files[0][0]} cannot be written: {error.strerror}") from error
    finally:
        for _, partial in beside:
            partial.unlink(missing_ok=True)
    for path, _ in files:
        say(f"wrote {path}")
