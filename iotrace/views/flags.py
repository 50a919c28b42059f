"""The names of flags and constants, as the manual pages and strace write them.

Values are those of the asm-generic and linux/uapi headers; the few of open(2) that differ between
architectures are in tables of their own.
"""

from __future__ import annotations

import signal
from functools import lru_cache

# The name of a table, then `=` one of several, `|` flags that are joined, or `& mask`: those bits are one of
# the constants that follow, the others are the flags after `|`. Indented lines go on.
_TABLES = """
domain    = AF_UNSPEC=0 AF_UNIX=1 AF_INET=2 AF_INET6=10 AF_NETLINK=16 AF_PACKET=17 AF_ALG=38 AF_VSOCK=40
type      & 15 SOCK_STREAM=1 SOCK_DGRAM=2 SOCK_RAW=3 SOCK_RDM=4 SOCK_SEQPACKET=5 | SOCK_NONBLOCK=0o4000
            SOCK_CLOEXEC=0o2000000
protocol  = IPPROTO_IP=0 IPPROTO_ICMP=1 IPPROTO_TCP=6 IPPROTO_UDP=17 IPPROTO_ICMPV6=58 IPPROTO_SCTP=132
            IPPROTO_MPTCP=262
accept    | SOCK_NONBLOCK=0o4000 SOCK_CLOEXEC=0o2000000
how       = SHUT_RD=0 SHUT_WR=1 SHUT_RDWR=2
msg       | MSG_OOB=1 MSG_PEEK=2 MSG_DONTROUTE=4 MSG_CTRUNC=8 MSG_TRUNC=0x20 MSG_DONTWAIT=0x40 MSG_EOR=0x80
            MSG_WAITALL=0x100 MSG_CONFIRM=0x800 MSG_ERRQUEUE=0x2000 MSG_NOSIGNAL=0x4000 MSG_MORE=0x8000
            MSG_WAITFORONE=0x10000 MSG_ZEROCOPY=0x4000000 MSG_FASTOPEN=0x20000000
            MSG_CMSG_CLOEXEC=0x40000000
poll      | POLLIN=1 POLLPRI=2 POLLOUT=4 POLLERR=8 POLLHUP=0x10 POLLNVAL=0x20 POLLRDNORM=0x40
            POLLRDBAND=0x80 POLLWRNORM=0x100 POLLWRBAND=0x200 POLLMSG=0x400 POLLRDHUP=0x2000
epoll     | EPOLLIN=1 EPOLLPRI=2 EPOLLOUT=4 EPOLLERR=8 EPOLLHUP=0x10 EPOLLRDNORM=0x40 EPOLLRDBAND=0x80
            EPOLLWRNORM=0x100 EPOLLWRBAND=0x200 EPOLLMSG=0x400 EPOLLRDHUP=0x2000 EPOLLEXCLUSIVE=0x10000000
            EPOLLWAKEUP=0x20000000 EPOLLONESHOT=0x40000000 EPOLLET=0x80000000
epoll_op  = EPOLL_CTL_ADD=1 EPOLL_CTL_DEL=2 EPOLL_CTL_MOD=3
epoll_new | EPOLL_CLOEXEC=0o2000000
cloexec   | O_CLOEXEC=0o2000000
pipe      | O_NONBLOCK=0o4000 O_DIRECT=0o40000 O_CLOEXEC=0o2000000
eventfd   | EFD_SEMAPHORE=1 EFD_NONBLOCK=0o4000 EFD_CLOEXEC=0o2000000
signalfd  | SFD_NONBLOCK=0o4000 SFD_CLOEXEC=0o2000000
timerfd   | TFD_NONBLOCK=0o4000 TFD_CLOEXEC=0o2000000
timer_set | TFD_TIMER_ABSTIME=1 TFD_TIMER_CANCEL_ON_SET=2
inotify   | IN_NONBLOCK=0o4000 IN_CLOEXEC=0o2000000
pidfd     | PIDFD_NONBLOCK=0o4000
memfd     | MFD_CLOEXEC=1 MFD_ALLOW_SEALING=2 MFD_HUGETLB=4 MFD_NOEXEC_SEAL=8 MFD_EXEC=0x10
range     | CLOSE_RANGE_UNSHARE=2 CLOSE_RANGE_CLOEXEC=4
clock     = CLOCK_REALTIME=0 CLOCK_MONOTONIC=1 CLOCK_PROCESS_CPUTIME_ID=2 CLOCK_THREAD_CPUTIME_ID=3
            CLOCK_MONOTONIC_RAW=4 CLOCK_REALTIME_COARSE=5 CLOCK_MONOTONIC_COARSE=6 CLOCK_BOOTTIME=7
            CLOCK_REALTIME_ALARM=8 CLOCK_BOOTTIME_ALARM=9 CLOCK_TAI=11
sleep     | TIMER_ABSTIME=1
futex     & 127 FUTEX_WAIT=0 FUTEX_WAKE=1 FUTEX_FD=2 FUTEX_REQUEUE=3 FUTEX_CMP_REQUEUE=4 FUTEX_WAKE_OP=5
            FUTEX_LOCK_PI=6 FUTEX_UNLOCK_PI=7 FUTEX_TRYLOCK_PI=8 FUTEX_WAIT_BITSET=9 FUTEX_WAKE_BITSET=10
            FUTEX_WAIT_REQUEUE_PI=11 FUTEX_CMP_REQUEUE_PI=12 FUTEX_LOCK_PI2=13 | FUTEX_PRIVATE_FLAG=128
            FUTEX_CLOCK_REALTIME=256
wait      | WNOHANG=1 WUNTRACED=2 WEXITED=4 WCONTINUED=8 WNOWAIT=0x1000000 __WNOTHREAD=0x20000000
            __WALL=0x40000000 __WCLONE=0x80000000
splice    | SPLICE_F_MOVE=1 SPLICE_F_NONBLOCK=2 SPLICE_F_MORE=4 SPLICE_F_GIFT=8
lock      & 11 LOCK_SH=1 LOCK_EX=2 LOCK_UN=8 | LOCK_NB=4
clone     | CLONE_VM=0x100 CLONE_FS=0x200 CLONE_FILES=0x400 CLONE_SIGHAND=0x800 CLONE_PIDFD=0x1000
            CLONE_PTRACE=0x2000 CLONE_VFORK=0x4000 CLONE_PARENT=0x8000 CLONE_THREAD=0x10000
            CLONE_NEWNS=0x20000 CLONE_SYSVSEM=0x40000 CLONE_SETTLS=0x80000 CLONE_PARENT_SETTID=0x100000
            CLONE_CHILD_CLEARTID=0x200000 CLONE_UNTRACED=0x800000 CLONE_CHILD_SETTID=0x1000000
            CLONE_NEWCGROUP=0x2000000 CLONE_NEWUTS=0x4000000 CLONE_NEWIPC=0x8000000 CLONE_NEWUSER=0x10000000
            CLONE_NEWPID=0x20000000 CLONE_NEWNET=0x40000000 CLONE_IO=0x80000000
fcntl     = F_DUPFD=0 F_GETFD=1 F_SETFD=2 F_GETFL=3 F_SETFL=4 F_GETLK=5 F_SETLK=6 F_SETLKW=7 F_SETOWN=8
            F_GETOWN=9 F_SETSIG=10 F_GETSIG=11 F_SETOWN_EX=15 F_GETOWN_EX=16 F_OFD_GETLK=36 F_OFD_SETLK=37
            F_OFD_SETLKW=38 F_SETLEASE=1024 F_GETLEASE=1025 F_NOTIFY=1026 F_DUPFD_CLOEXEC=1030
            F_SETPIPE_SZ=1031 F_GETPIPE_SZ=1032 F_ADD_SEALS=1033 F_GET_SEALS=1034
fd        | FD_CLOEXEC=1
ioctl     = TCGETS=0x5401 TCSETS=0x5402 TCSETSW=0x5403 TCSETSF=0x5404 TIOCGPGRP=0x540f TIOCSPGRP=0x5410
            TIOCOUTQ=0x5411 TIOCGWINSZ=0x5413 TIOCSWINSZ=0x5414 FIONREAD=0x541b FIONBIO=0x5421
            FIONCLEX=0x5450 FIOCLEX=0x5451 FIOASYNC=0x5452
ring_new  | IORING_SETUP_IOPOLL=1 IORING_SETUP_SQPOLL=2 IORING_SETUP_SQ_AFF=4 IORING_SETUP_CQSIZE=8
            IORING_SETUP_CLAMP=0x10 IORING_SETUP_ATTACH_WQ=0x20 IORING_SETUP_R_DISABLED=0x40
            IORING_SETUP_SUBMIT_ALL=0x80 IORING_SETUP_COOP_TASKRUN=0x100 IORING_SETUP_TASKRUN_FLAG=0x200
            IORING_SETUP_SQE128=0x400 IORING_SETUP_CQE32=0x800 IORING_SETUP_SINGLE_ISSUER=0x1000
            IORING_SETUP_DEFER_TASKRUN=0x2000 IORING_SETUP_NO_MMAP=0x4000
            IORING_SETUP_REGISTERED_FD_ONLY=0x8000 IORING_SETUP_NO_SQARRAY=0x10000
ring      | IORING_ENTER_GETEVENTS=1 IORING_ENTER_SQ_WAKEUP=2 IORING_ENTER_SQ_WAIT=4 IORING_ENTER_EXT_ARG=8
            IORING_ENTER_REGISTERED_RING=16
ring_reg  = IORING_REGISTER_BUFFERS=0 IORING_UNREGISTER_BUFFERS=1 IORING_REGISTER_FILES=2
            IORING_UNREGISTER_FILES=3 IORING_REGISTER_EVENTFD=4 IORING_UNREGISTER_EVENTFD=5
            IORING_REGISTER_FILES_UPDATE=6 IORING_REGISTER_EVENTFD_ASYNC=7 IORING_REGISTER_PROBE=8
            IORING_REGISTER_PERSONALITY=9 IORING_UNREGISTER_PERSONALITY=10 IORING_REGISTER_RESTRICTIONS=11
            IORING_REGISTER_ENABLE_RINGS=12 IORING_REGISTER_FILES2=13 IORING_REGISTER_FILES_UPDATE2=14
            IORING_REGISTER_BUFFERS2=15 IORING_REGISTER_BUFFERS_UPDATE=16 IORING_REGISTER_IOWQ_AFF=17
            IORING_UNREGISTER_IOWQ_AFF=18 IORING_REGISTER_IOWQ_MAX_WORKERS=19 IORING_REGISTER_RING_FDS=20
            IORING_UNREGISTER_RING_FDS=21 IORING_REGISTER_PBUF_RING=22 IORING_UNREGISTER_PBUF_RING=23
ring_op   = nop=0 readv=1 writev=2 fsync=3 read_fixed=4 write_fixed=5 poll_add=6 poll_remove=7
            sync_file_range=8 sendmsg=9 recvmsg=10 timeout=11 timeout_remove=12 accept=13 async_cancel=14
            link_timeout=15 connect=16 fallocate=17 openat=18 close=19 files_update=20 statx=21 read=22
            write=23 fadvise=24 madvise=25 send=26 recv=27 openat2=28 epoll_ctl=29 splice=30
            provide_buffers=31 remove_buffers=32 tee=33 shutdown=34 renameat=35 unlinkat=36 mkdirat=37
            symlinkat=38 linkat=39 msg_ring=40 fsetxattr=41 setxattr=42 fgetxattr=43 getxattr=44 socket=45
            uring_cmd=46 send_zc=47 sendmsg_zc=48 read_multishot=49 waitid=50 futex_wait=51 futex_wake=52
            futex_waitv=53 fixed_fd_install=54 ftruncate=55 bind=56 listen=57
si_code   = SI_USER=0 SI_KERNEL=0x80 SI_QUEUE=-1 SI_TIMER=-2 SI_MESGQ=-3 SI_ASYNCIO=-4 SI_SIGIO=-5
            SI_TKILL=-6
SIGIO     = POLL_IN=1 POLL_OUT=2 POLL_MSG=3 POLL_ERR=4 POLL_PRI=5 POLL_HUP=6
SIGCHLD   = CLD_EXITED=1 CLD_KILLED=2 CLD_DUMPED=3 CLD_TRAPPED=4 CLD_STOPPED=5 CLD_CONTINUED=6
open      & 3 O_RDONLY=0 O_WRONLY=1 O_RDWR=2 O_ACCMODE=3 | O_CREAT=0o100 O_EXCL=0o200 O_NOCTTY=0o400
            O_TRUNC=0o1000 O_APPEND=0o2000 O_NONBLOCK=0o4000 O_SYNC=0o4010000 O_DSYNC=0o10000
            O_ASYNC=0o20000 O_NOATIME=0o1000000 O_CLOEXEC=0o2000000 O_PATH=0o10000000
"""
# O_TMPFILE contains O_DIRECTORY: it comes first.
_X86_64 = (
    "O_TMPFILE=0o20200000 O_DIRECT=0o40000 O_LARGEFILE=0o100000 O_DIRECTORY=0o200000 O_NOFOLLOW=0o400000"
)
_AARCH64 = (
    "O_TMPFILE=0o20040000 O_DIRECTORY=0o40000 O_NOFOLLOW=0o100000 O_DIRECT=0o200000 O_LARGEFILE=0o400000"
)

Words = tuple[tuple[int, str], ...]


class _Table:
    """``mask`` bits are one of ``constants``, the others are ``flags``."""

    def __init__(self, kind: str, words: str) -> None:
        first, _, flags = words.partition("|")
        self.mask = -1 if kind == "=" else 0
        if kind == "&":
            mask, _, first = first.strip().partition(" ")
            self.mask = int(mask)
        elif kind == "|":
            first, flags = "", words
        self.constants = dict(_pairs(first))
        self.flags = tuple(_pairs(flags))


def _pairs(words: str) -> Words:
    named = (word.partition("=") for word in words.split())
    return tuple((int(value, 0), name) for name, _, value in named)


def _tables() -> dict[str, _Table]:
    found = {}
    for line in _TABLES.replace("\n ", " ").strip().splitlines():
        name, kind, words = line.split(None, 2)
        found[name] = _Table(kind, words)
        if name == "open":
            found["open"] = _Table(kind, f"{words} {_X86_64}")
            found["open.aarch64"] = _Table(kind, f"{words} {_AARCH64}")
    return found


_BY_KIND = _tables()


@lru_cache(maxsize=4096)
def named(kind: str, value: int) -> str:
    """Write a value with the names of one table: ``O_RDWR|O_CLOEXEC``; what has no name as a number."""
    table = _BY_KIND[kind]
    if table.mask == -1:
        return table.constants.get(value) or (str(value) if -4096 < value < 4096 else hex(value))
    left = value & 0xFFFFFFFF
    words = []
    if table.mask:
        low = left & table.mask
        if low in table.constants:
            words.append(table.constants[low])
            left ^= low
    for bits, name in table.flags:
        if bits & left == bits and bits:
            words.append(name)
            left &= ~bits
    if left or not words:
        words.append(hex(left) if left else "0")
    return "|".join(words)


def signal_name(number: int) -> str:
    """Return ``SIGIO``; real-time signals as strace names them: ``SIGRT_1``."""
    if 32 <= number <= 64:
        return f"SIGRT_{number - 32}"
    try:
        return signal.Signals(number).name.replace("SIGPOLL", "SIGIO").replace("SIGCLD", "SIGCHLD")
    except ValueError:
        return f"SIG_{number}"
