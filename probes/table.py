"""The table of system calls by which a process sets up, awaits, receives or sends I/O.

One row per call. Numbers are those of ``asm/unistd_64.h`` (x86-64) and of
``asm-generic/unistd.h`` (aarch64); ``-`` means that the architecture lacks the call. The columns
``fd``, ``a``, ``b`` and ``c`` name the argument (0 to 5) that a probe stores in the column of
that name. A prefix says that the argument must be decoded first:

``vlen:N``      argument N is an array of iovec, N+1 its length: store the total of iov_len
``msg:N``       argument N is a struct msghdr: store the total of its iov_len
``ms:N``        milliseconds (int, negative = for ever): store nanoseconds, -1 for ever
``timeval:N``   pointer to struct timeval, ``timespec:N`` to struct timespec: the same; NULL is -1

``decode`` says what else is read from the process's memory, and when:

``ADDRESS_IN``  a sockaddr given by the process, into ``blob``: connect, bind (argument 1, length
                argument 2), sendto (argument 4, length argument 5)
``ADDRESS_OUT`` a sockaddr returned by the kernel, into ``blob``, at the exit: accept, accept4
                (arguments 1, 2), recvfrom (arguments 4, 5)
``PATH:N``      a NUL-terminated path, into ``blob``, at the entry, at most 95 bytes of it
``PAIR:N``      two ints returned at argument N: ``c`` gets ``first | second << 32``
``WORD:N``      for ioctl FIONBIO and FIOASYNC: ``b`` gets the int that argument N points to
``MMSG``        an array of struct mmsghdr at argument 1: ``c`` gets the bytes over the messages done
``SELECT``, ``POLL``, ``EPOLL``, ``EPOLL_CTL``  a set, into ``watch``: see :mod:`probes.events`
``RING_PARAMS`` struct io_uring_params at argument 1, after the exit: ``b`` gets its flags
``RIGHTS:N``    struct msghdr at argument N, after the exit: the descriptors that it passes (SCM_RIGHTS), into
                ``watch``
"""

from __future__ import annotations

import platform
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple


class Role(IntEnum):
    """What a call is for. The values are stored in recordings' metadata by name only."""

    RECEIVE = 1
    SEND = 2
    ACCEPT = 3
    CONNECT = 4
    WAIT = 5  # for the readiness of descriptors
    SETUP = 6
    OPEN = 7  # makes a descriptor
    CLOSE = 8
    RING = 9  # submits or reaps asynchronous requests
    SIGNAL_WAIT = 10
    SLEEP = 11
    LOCK = 12
    CHILD_WAIT = 13
    TRANSFER = 14  # between descriptors, without passing through the process
    SYNC = 15
    TASK = 16
    RESTART = 17


class Decode(IntEnum):
    """What a probe reads from the process's memory besides the arguments."""

    NONE = 0
    ADDRESS_IN = 1
    ADDRESS_OUT = 2
    PATH = 3
    PAIR = 4
    WORD = 5
    MMSG = 6
    SELECT = 7
    POLL = 8
    EPOLL = 9
    EPOLL_CTL = 10
    RING_PARAMS = 11
    RIGHTS = 12


class Source(NamedTuple):
    """Where a stored value comes from: an argument, and how to read it.

    ``how`` is one of ``""`` (the argument itself), ``vlen``, ``msg``, ``ms``, ``timeval``, ``timespec``.
    """

    argument: int
    how: str = ""


class Call(NamedTuple):
    """One row of the table. ``code`` is its index in :data:`CALLS` and is stored in recordings."""

    code: int
    name: str
    role: Role
    x86_64: int | None
    aarch64: int | None
    fd: Source | None
    a: Source | None
    b: Source | None
    c: Source | None
    decode: Decode
    decode_argument: int | None


# Append only: a call's place in this table is its code in every recording ever written.
_ROWS = """
# name               role         x86-64 arm64   fd  a         b   c             decode
read               RECEIVE          0    63   0   2       -   -           -
readv              RECEIVE         19    65   0   vlen:1  2   -           -
pread64            RECEIVE         17    67   0   2       3   -           -
preadv             RECEIVE        295    69   0   vlen:1  3   -           -
preadv2            RECEIVE        327   286   0   vlen:1  3   -           -
recvfrom           RECEIVE         45   207   0   2       3   -           ADDRESS_OUT
recvmsg            RECEIVE         47   212   0   msg:1   2   -           RIGHTS:1
recvmmsg           RECEIVE        299   243   0   2       3   -           MMSG
write              SEND             1    64   0   2       -   -           -
writev             SEND            20    66   0   vlen:1  2   -           -
pwrite64           SEND            18    68   0   2       3   -           -
pwritev            SEND           296    70   0   vlen:1  3   -           -
pwritev2           SEND           328   287   0   vlen:1  3   -           -
sendto             SEND            44   206   0   2       3   -           ADDRESS_IN
sendmsg            SEND            46   211   0   msg:1   2   -           RIGHTS:1
sendmmsg           SEND           307   269   0   2       3   -           MMSG
accept             ACCEPT          43   202   0   -       -   -           ADDRESS_OUT
accept4            ACCEPT         288   242   0   -       3   -           ADDRESS_OUT
connect            CONNECT         42   203   0   2       -   -           ADDRESS_IN
bind               SETUP           49   200   0   2       -   -           ADDRESS_IN
listen             SETUP           50   201   0   1       -   -           -
shutdown           SETUP           48   210   0   1       -   -           -
socket             OPEN            41   198   -   0       1   2           -
socketpair         OPEN            53   199   -   0       1   -           PAIR:3
select             WAIT            23     -   -   0       -   timeval:4   SELECT
pselect6           WAIT           270    72   -   0       -   timespec:4  SELECT
poll               WAIT             7     -   -   1       -   ms:2        POLL
ppoll              WAIT           271    73   -   1       -   timespec:2  POLL
epoll_create       OPEN           213     -   -   0       -   -           -
epoll_create1      OPEN           291    20   -   0       -   -           -
epoll_ctl          SETUP          233    21   0   1       2   -           EPOLL_CTL
epoll_wait         WAIT           232     -   0   2       -   ms:3        EPOLL
epoll_pwait        WAIT           281    22   0   2       -   ms:3        EPOLL
epoll_pwait2       WAIT           441   441   0   2       -   timespec:3  EPOLL
fcntl              SETUP           72    25   0   1       2   -           WORD:2
ioctl              SETUP           16    29   0   1       2   -           WORD:2
dup                OPEN            32    23   0   -       -   -           -
dup2               OPEN            33     -   0   1       -   -           -
dup3               OPEN           292    24   0   1       2   -           -
pipe               OPEN            22     -   -   -       -   -           PAIR:0
pipe2              OPEN           293    59   -   1       -   -           PAIR:0
open               OPEN             2     -   -   1       -   -           PATH:0
openat             OPEN           257    56   -   2       -   -           PATH:1
openat2            OPEN           437   437   -   -       -   -           PATH:1
creat              OPEN            85     -   -   -       -   -           PATH:0
close              CLOSE            3    57   0   -       -   -           -
close_range        CLOSE          436   436   -   0       1   2           -
eventfd            OPEN           284     -   -   0       -   -           -
eventfd2           OPEN           290    19   -   0       1   -           -
signalfd           OPEN           282     -   0   2       -   -           -
signalfd4          OPEN           289    74   0   2       3   -           -
timerfd_create     OPEN           283    85   -   0       1   -           -
timerfd_settime    SETUP          286    86   0   1       -   -           -
inotify_init       OPEN           253     -   -   -       -   -           -
inotify_init1      OPEN           294    26   -   0       -   -           -
pidfd_open         OPEN           434   434   -   0       1   -           -
memfd_create       OPEN           319   279   -   1       -   -           -
io_uring_setup     OPEN           425   425   -   0       -   -           RING_PARAMS
io_uring_enter     RING           426   426   0   1       2   3           -
io_uring_register  SETUP          427   427   0   1       3   -           -
io_setup           SETUP          206     0   -   0       -   -           -
io_submit          RING           209     2   -   1       -   -           -
io_getevents       RING           208     4   -   1       2   timespec:4  -
io_pgetevents      RING           333   292   -   1       2   timespec:4  -
rt_sigtimedwait    SIGNAL_WAIT    128   137   -   -       -   timespec:2  -
pause              SIGNAL_WAIT     34     -   -   -       -   -           -
rt_sigsuspend      SIGNAL_WAIT    130   133   -   -       -   -           -
nanosleep          SLEEP           35   101   -   -       -   timespec:0  -
clock_nanosleep    SLEEP          230   115   -   0       1   timespec:2  -
futex              LOCK           202    98   -   1       2   timespec:3  -
futex_waitv        LOCK           449   449   -   1       2   -           -
wait4              CHILD_WAIT      61   260   -   0       2   -           -
waitid             CHILD_WAIT     247    95   -   1       3   -           -
sendfile           TRANSFER        40    71   1   0       3   -           -
splice             TRANSFER       275    76   0   2       4   5           -
tee                TRANSFER       276    77   0   1       2   3           -
vmsplice           TRANSFER       278    75   0   2       3   -           -
copy_file_range    TRANSFER       326   285   0   2       4   -           -
fsync              SYNC            74    82   0   -       -   -           -
fdatasync          SYNC            75    83   0   -       -   -           -
flock              LOCK            73    32   0   1       -   -           -
fork               TASK            57     -   -   -       -   -           -
vfork              TASK            58     -   -   -       -   -           -
clone              TASK            56   220   -   0       -   -           -
clone3             TASK           435   435   -   1       -   -           -
execve             TASK            59   221   -   -       -   -           PATH:0
execveat           TASK           322   281   -   -       -   -           PATH:1
restart_syscall    RESTART        219   128   -   -       -   -           -
"""


def _source(text: str) -> Source | None:
    if text == "-":
        return None
    how, _, argument = text.rpartition(":")
    return Source(int(argument), how)


def _parse(code: int, line: str) -> Call:
    fields = line.split()
    name, role, x86_64, aarch64, fd, a, b, c, decode = fields
    kind, _, argument = decode.partition(":")
    return Call(
        code,
        name,
        Role[role],
        None if x86_64 == "-" else int(x86_64),
        None if aarch64 == "-" else int(aarch64),
        _source(fd),
        _source(a),
        _source(b),
        _source(c),
        Decode.NONE if kind == "-" else Decode[kind],
        int(argument) if argument else None,
    )


_LINES = [line for line in _ROWS.splitlines() if line and not line.startswith("#")]
CALLS: tuple[Call, ...] = tuple(_parse(code, line) for code, line in enumerate(_LINES))
BY_NAME: dict[str, Call] = {call.name: call for call in CALLS}


@lru_cache(maxsize=2)
def by_number(machine: str | None = None) -> dict[int, Call]:
    """Map system call numbers of ``machine`` (default: this one) to rows.

    Raises ``KeyError`` with the machine's name for an architecture that the table lacks.
    """
    machine = machine or platform.machine()
    if machine not in ("x86_64", "aarch64"):
        raise KeyError(machine)
    numbers = ((getattr(call, machine), call) for call in CALLS)
    return {number: call for number, call in numbers if number is not None}
