"""Who called sudo, and doing something with what that user may do to files, and no more.

Under sudo a process is root; what it writes is the invoking user's, and often in a folder which that user, or
everybody, can change meanwhile. So files are opened, renamed and removed by a thread whose file-system
identity is the user's (setfsuid(2), of one thread): wherever a symbolic link leads, the kernel asks
whether the *user* may go there.
"""

from __future__ import annotations

import ctypes
import os
import platform
import pwd
from collections.abc import Callable, Mapping
from threading import Thread
from typing import NamedTuple, TypeVar

_Result = TypeVar("_Result")
_SETGROUPS = {"x86_64": 116, "aarch64": 159}  # the system call is of one thread, setgroups(3) of all


class User(NamedTuple):
    """A user, with the group and the supplementary groups."""

    uid: int
    gid: int
    groups: tuple[int, ...]


def invoking_user(environment: Mapping[str, str]) -> User | None:
    """Return the user, group and groups of who called sudo; None outside sudo."""
    uid, gid = environment.get("SUDO_UID", ""), environment.get("SUDO_GID", "")
    if os.geteuid() != 0 or not _is_id(uid) or not _is_id(gid) or int(uid) == 0:
        return None
    try:
        groups = os.getgrouplist(pwd.getpwuid(int(uid)).pw_name, int(gid))
    except KeyError:
        groups = [int(gid)]
    return User(int(uid), int(gid), tuple(groups))


def acting_as(user: User | None, action: Callable[[], _Result]) -> _Result:
    """Return what ``action`` returns, or raise what it raises, done with ``user``'s rights to files.

    None: with ours. Raises ``PermissionError`` where the kernel lets us not.
    """
    if user is None:
        return action()
    results: list[_Result] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            _become(user)
            results.append(action())
        except BaseException as error:  # raised again in the thread that asked
            problems.append(error)

    thread = Thread(target=run, name="iotrace-as-user")
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
    return results[0]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) < 2**32 - 1


def _become(user: User) -> None:
    """Take the user's file-system identity on, in this thread: it loses the capabilities over files."""
    libc = ctypes.CDLL(None, use_errno=True)
    groups = (ctypes.c_uint32 * len(user.groups))(*user.groups)
    if libc.syscall(ctypes.c_long(_SETGROUPS[platform.machine()]), ctypes.c_long(len(groups)), groups) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    for change, wanted in ((libc.setfsgid, user.gid), (libc.setfsuid, user.uid)):
        change.argtypes = [ctypes.c_uint32]
        change(wanted)
        if change(2**32 - 1) & 0xFFFFFFFF != wanted:  # it tells the former one, and no failure
            raise PermissionError(1, os.strerror(1))
