"""Write files that a command makes: nothing is replaced unasked, nothing half-written is left behind.

A file is written beside its place under another name, and gets its own when it is whole. Its mode is what
the umask leaves of 0666, and under sudo it belongs to the user who called it (:mod:`iotrace.creation`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from iotrace.cli.screen import say
from iotrace.creation import Folder
from iotrace.language import _


class OutputError(Exception):
    """A file cannot be written. One line: the cause, then the next step."""


def check(path: Path, force: bool) -> None:
    """Raise :class:`OutputError` where a file cannot be made at ``path``, or would replace another."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _cannot(path, error) from None
    _refuse(path, mode, force)


def _refuse(path: Path, mode: int, force: bool) -> None:
    if stat.S_ISDIR(mode):
        raise OutputError(_("{path} is a folder: give the name of a file in it").format(path=path))
    if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        words = _("{path} is no regular file: `-o -` writes to standard output")
        raise OutputError(words.format(path=path))
    if not force:
        words = _("{path} exists: give another name, or --force to replace it")
        raise OutputError(words.format(path=path))


@contextmanager
def new_file(path: Path, force: bool) -> Iterator[BinaryIO]:
    """Open a file that appears at ``path`` when the block ends well. Raises :class:`OutputError`.

    A symbolic link at ``path`` is replaced by the file, never followed.
    """
    check(path, force)
    partial = f".{path.name[:200]}.{os.getpid()}"
    try:
        with Folder(path.parent) as folder:
            fd = folder.create(partial, 0o666)
            try:
                with os.fdopen(fd, "wb", buffering=1 << 20) as out:
                    yield out
                with suppress(FileNotFoundError):
                    _refuse(path, folder.status(path.name).st_mode, force)
                folder.replace(path.name, partial)
            except BaseException:
                with suppress(OSError):
                    folder.remove(partial)
                raise
    except OSError as error:
        raise _cannot(path, error) from error


def write_files(files: Sequence[tuple[Path, bytes]], force: bool) -> None:
    """Write all files, or none. Raises :class:`OutputError`."""
    paths = [path for path, content in files]
    for path in paths:
        check(path, force)
    with ExitStack() as stack:
        for path, content in files:
            out = stack.enter_context(new_file(path, force))
            out.write(content)
            out.flush()
    for path in paths:
        say(_("wrote {path}").format(path=path))


def _cannot(path: Path, error: OSError) -> OutputError:
    words = _("{path} cannot be written: {error}")
    return OutputError(words.format(path=path, error=error.strerror))
