"""The file of a new recording: made before Arrow is imported, and readable for nobody but its owner."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from iotrace.creation import Folder
from iotrace.language import _
from iotrace.recording.layout import RecordingError

_MODE = 0o600


def create(path: Path, force: bool) -> int:
    """Make the file of a recording and return its descriptor; replace a regular file there if ``force``.

    Raises :class:`RecordingError`.
    """
    try:
        with Folder(path.parent) as folder:
            if not force or not _is_file(folder, path.name):
                return folder.create(path.name, _MODE)
            new = f".{path.name[:200]}.{os.getpid()}"
            fd = folder.create(new, _MODE)
            try:
                folder.replace(path.name, new)
            except BaseException:
                os.close(fd)
                with suppress(OSError):
                    folder.remove(new)
                raise
            return fd
    except FileExistsError:
        words = _("{path} exists: choose another with -o, or replace it with --force")
        raise RecordingError(words.format(path=path)) from None
    except OSError as error:
        words = _("cannot create {path}: {error}; choose another with -o")
        raise RecordingError(words.format(path=path, error=error.strerror)) from None


def remove(path: Path) -> None:
    """Remove the file of a recording of which nothing could be written."""
    with suppress(OSError), Folder(path.parent) as folder:
        folder.remove(path.name)


def _is_file(folder: Folder, name: str) -> bool:
    with suppress(FileNotFoundError):
        return stat.S_ISREG(folder.status(name).st_mode)
    return False
