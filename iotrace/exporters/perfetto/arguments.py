"""What the arguments are called that a recording keeps in its columns ``a``, ``b`` and ``c``.

The names are those of the manual pages; timeouts are nanoseconds, -1 for ever, and ``length`` is the sum
where the call takes several buffers. ``-``: nothing is recorded, or it would tell a reader nothing. Which
argument is in which column says :mod:`probes.table`.
"""

from __future__ import annotations

from probes.table import CALLS

#: Where nothing was asked for, nothing is said.
SILENT_AT_ZERO = "flags"

_ROWS = """
read               length        -            -
readv              length        iovcnt       -
pread64            length        offset       -
preadv             length        offset       -
preadv2            length        offset       -
recvfrom           length        flags        -
recvmsg            length        flags        -
recvmmsg           vlen          flags        bytes
write              length        -            -
writev             length        iovcnt       -
pwrite64           length        offset       -
pwritev            length        offset       -
pwritev2           length        offset       -
sendto             length        flags        -
sendmsg            length        flags        -
sendmmsg           vlen          flags        bytes
accept             -             -            -
accept4            -             flags        -
connect            -             -            -
bind               -             -            -
listen             backlog       -            -
shutdown           how           -            -
socket             domain        type         protocol
socketpair         domain        type         -
select             nfds          -            timeout_ns
pselect6           nfds          -            timeout_ns
poll               nfds          -            timeout_ns
ppoll              nfds          -            timeout_ns
epoll_create       size          -            -
epoll_create1      flags         -            -
epoll_ctl          op            target       -
epoll_wait         maxevents     -            timeout_ns
epoll_pwait        maxevents     -            timeout_ns
epoll_pwait2       maxevents     -            timeout_ns
fcntl              op            arg          -
ioctl              op            -            -
dup                -             -            -
dup2               newfd         -            -
dup3               newfd         flags        -
pipe               -             -            -
pipe2              flags         -            -
open               flags         -            -
openat             flags         -            -
openat2            -             -            -
creat              -             -            -
close              -             -            -
close_range        first         last         flags
eventfd            initval       -            -
eventfd2           initval       flags        -
signalfd           -             -            -
signalfd4          -             flags        -
timerfd_create     clockid       flags        -
timerfd_settime    flags         -            -
inotify_init       -             -            -
inotify_init1      flags         -            -
pidfd_open         pid           flags        -
memfd_create       flags         -            -
io_uring_setup     entries       flags        -
io_uring_enter     to_submit     min_complete flags
io_uring_register  opcode        nr_args      -
io_setup           nr_events     -            -
io_submit          nr            -            -
io_getevents       min_nr        nr           timeout_ns
io_pgetevents      min_nr        nr           timeout_ns
rt_sigtimedwait    -             -            timeout_ns
pause              -             -            -
rt_sigsuspend      -             -            -
nanosleep          -             -            duration_ns
clock_nanosleep    clockid       flags        duration_ns
futex              op            val          -
futex_waitv        nr_futexes    flags        -
wait4              pid           options      -
waitid             id            options      -
sendfile           out_fd        count        -
splice             fd_out        length       flags
tee                fd_out        length       flags
vmsplice           nr_segs       flags        -
copy_file_range    fd_out        length       -
fsync              -             -            -
fdatasync          -             -            -
flock              op            -            -
fork               -             -            -
vfork              -             -            -
clone              flags         -            -
clone3             size          -            -
execve             -             -            -
execveat           -             -            -
restart_syscall    -             -            -
"""


def _names() -> dict[str, tuple[str, ...]]:
    rows = {name: names for name, *names in map(str.split, _ROWS.strip().splitlines())}
    columns = zip(*(rows[call.name] for call in CALLS), strict=True)
    return {
        column: tuple(name.strip("-") for name in names) for column, names in zip("abc", columns, strict=True)
    }


#: {column: its name by the call's code}; "" where it says nothing.
NAMES = _names()
