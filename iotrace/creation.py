"""Make files where nobody else can lead us astray: exclusively, through no link, as the user's who asked.

A folder is opened once, and what is done in it is done through that descriptor: to put a link in its place
changes nothing then. Under sudo it is the invoking user who opens it, makes files in it, renames and removes
them (:mod:`iotrace.invoking_user`). A folder where that user may not write is used only where nobody but
root could have changed the way to it: no link, each folder root's, and only root may rename what is in it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from iotrace.invoking_user import User, acting_as, invoking_user

_Result = TypeVar("_Result")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Folder:
    """The folder of an output, held open. Raises ``OSError``, here and in each method."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = invoking_user(os.environ)
        self._user: User | None = self._owner
        try:
            self._fd = acting_as(self._user, lambda: os.open(path, _FOLDER))
        except PermissionError:
            self._fd = self._as_root()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let it go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def create(self, name: str, mode: int) -> int:
        """Make a file that was not there; return its descriptor for writing."""
        fd = self._make(lambda: os.open(name, _NEW, mode, dir_fd=self._fd))
        if self._owner is not None and self._user is None:
            with suppress(OSError):  # a file system without owners: it stays root's
                os.fchown(fd, self._owner.uid, self._owner.gid)
        return fd

    def make_folder(self, name: str) -> None:
        """Make a folder in it, if there is none."""
        try:
            self._make(lambda: os.mkdir(name, dir_fd=self._fd))
        except FileExistsError:
            return
        if self._owner is not None and self._user is None:
            os.chown(name, self._owner.uid, self._owner.gid, dir_fd=self._fd, follow_symlinks=False)

    def status(self, name: str) -> os.stat_result:
        """Return what is there, a link itself and not what it leads to."""
        return os.stat(name, dir_fd=self._fd, follow_symlinks=False)

    def replace(self, name: str, by: str) -> None:
        """Give the file ``by`` the name ``name``."""
        self._allow(name)
        self._do(lambda: os.rename(by, name, src_dir_fd=self._fd, dst_dir_fd=self._fd))

    def remove(self, name: str) -> None:
        """Remove a file, or a link."""
        self._allow(name)
        self._do(lambda: os.unlink(name, dir_fd=self._fd))

    def _do(self, action: Callable[[], _Result]) -> _Result:
        return acting_as(self._user, action)

    def _make(self, action: Callable[[], _Result]) -> _Result:
        """Do it as the invoking user; where that user may not, as root, if nobody else could have meddled."""
        try:
            return self._do(action)
        except PermissionError:
            fd = self._as_root()
            os.close(self._fd)
            self._fd = fd
        return action()

    def _as_root(self) -> int:
        """Open the folder for root. Raises ``PermissionError`` where others could have laid the way to it."""
        fd = -1 if self._user is None else _of_root(self._path)
        if fd < 0:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        self._user = None
        return fd

    def _allow(self, name: str) -> None:
        """Refuse to replace what is not the invoking user's, where it is root who would do it."""
        if self._owner is None or self._user is not None:
            return
        with suppress(FileNotFoundError):
            if self.status(name).st_uid != self._owner.uid:
                raise PermissionError(errno.EPERM, "it belongs to another user")


def make_folders(path: Path) -> None:
    """Make a folder and what is missing above it. Raises ``OSError``."""
    path = Path(os.path.abspath(path))
    for folder in reversed((path, *path.parents)):
        if not folder.is_dir():
            with Folder(folder.parent) as parent:
                parent.make_folder(folder.name)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def _of_root(path: Path) -> int:
    """Open a folder to which only root could have laid the way; -1 where it is none."""
    here = os.open("/", _FOLDER)
    for part in Path(os.path.abspath(path)).parts[1:]:
        if not _is_roots(here):
            os.close(here)
            return -1
        try:
            there = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
        except NotADirectoryError:  # a link, with these flags
            os.close(here)
            return -1
        except OSError:
            os.close(here)
            raise
        os.close(here)
        here = there
    if _is_roots(here) and not os.fstat(here).st_mode & 0o022:
        return here
    os.close(here)
    return -1


def _is_roots(folder: int) -> bool:
    """Return whether only root can rename what root has put there."""
    status = os.fstat(folder)
    return status.st_uid == 0 and (not status.st_mode & 0o022 or bool(status.st_mode & stat.S_ISVTX))
