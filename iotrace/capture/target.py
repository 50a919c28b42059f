"""What to run: from the command line's words to a command, and as whom."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from iotrace.invoking_user import invoking_user
from iotrace.language import _
from probes.contract import Command, TargetError


class Target(NamedTuple):
    """What the user asked for. ``script`` is the file of a ``SCRIPT.py``; ``name`` names the recording."""

    argv: tuple[str, ...]
    name: str
    script: Path | None = None


def script(path: str, arguments: tuple[str, ...]) -> Target:
    """Return a Python script as a target. Raises :class:`TargetError` if it cannot be read."""
    file = Path(path)
    if file.is_dir() and not (file / "__main__.py").is_file():
        raise _refused(_("{path} is a folder without __main__.py: give a script"), path, 126)
    if not file.exists():
        hint = _("{path}: no such file; a program is given after --: iotrace run -- {path}")
        raise _refused(hint if shutil.which(path) else _("{path}: no such file"), path, 127)
    if not os.access(file, os.R_OK):
        raise _refused(_("{path} cannot be read: check its permissions"), path, 126)
    if not file.is_dir() and file.suffix not in (".py", ".pyw") and not _is_python(file):
        raise _refused(_("{path} is not a Python script: a program is given after --"), path, 126)
    return Target((sys.executable, path, *arguments), file.stem, file)


def module(name: str, arguments: tuple[str, ...]) -> Target:
    """Return ``python -m name`` as a target."""
    return Target((sys.executable, "-m", name, *arguments), name)


def program(argv: tuple[str, ...]) -> Target:
    """Return any program as a target. Raises :class:`TargetError` (126 or 127)."""
    name = argv[0]
    if shutil.which(name) is None:
        path = Path(name)
        if "/" in name and path.exists():
            raise _refused(_("{path}: cannot be executed: check its permissions"), name, 126)
        raise _refused(
            _("{path}: no such file") if "/" in name else _("{path}: command not found"), name, 127
        )
    return Target(argv, Path(name).name)


def command(target: Target, environment: Mapping[str, str], as_root: bool = False) -> Command:
    """Return what a probe is to start. Under sudo the target is the invoking user's, unless ``as_root``."""
    owner = None if as_root else invoking_user(environment)
    if owner is None:
        return Command(target.argv, environment)
    uid, gid, groups = owner
    theirs = dict(environment)
    try:
        entry = pwd.getpwuid(uid)
        theirs |= {"HOME": entry.pw_dir, "USER": entry.pw_name, "LOGNAME": entry.pw_name}
    except KeyError:
        pass  # a user without an entry keeps what sudo passed on
    return Command(target.argv, theirs, uid, gid, groups)


def _refused(words: str, path: str, status: int) -> TargetError:
    return TargetError(words.format(path=path), status)


def _is_python(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            first = opened.read(2000)
    except OSError:
        return False
    if first.startswith(b"#!"):
        return b"python" in first.splitlines()[0]
    return b"\0" not in first and not first.startswith(b"\x7fELF")
