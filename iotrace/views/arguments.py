"""The arguments of each call in words: one line a call, as strace writes them.

What is not recorded is written ``…`` and never guessed: buffers, and pointers whose target was not read.
Sources: the manual page of each call; :mod:`probes.table` says what its columns hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from iotrace.analysis import sockets
from iotrace.analysis.open_files import OpenFiles
from iotrace.analysis.rows import Row
from iotrace.escape import clean
from iotrace.views.flags import named, signal_name
from probes.events import Flag
from probes.table import BY_NAME

UNSEEN = "…"
_UNSEEN_TWICE = f"{UNSEEN}, {UNSEEN}"

# One token an argument, in the call's own order:
#   …                     not recorded; at the end also: whatever follows
#   fd                    the column fd, with what the descriptor is;  a:fd  the same of column a
#   a b c                 a number (a:int where the call takes an int);  a:bytes  so many bytes of vectors
#   a:KIND                by the names of iotrace.views.flags
#   address path pair     from blob, or c
#   sets poll events event  from watch
#   timeval timespec ms   the timeout in c
#   fcntl ioctl futex     what depends on the command;  mode  with O_CREAT
_CALLS = """
read               fd … a
readv              fd a:bytes b
pread64            fd … a b
preadv             fd a:bytes … b
preadv2            fd a:bytes … b …
recvfrom           fd … a b:msg address …
recvmsg            fd a:bytes b:msg
recvmmsg           fd … a b:msg …
write              fd … a
writev             fd a:bytes b
pwrite64           fd … a b
pwritev            fd a:bytes … b
pwritev2           fd a:bytes … b …
sendto             fd … a b:msg address …
sendmsg            fd a:bytes b:msg
sendmmsg           fd … a b:msg
accept             fd address …
accept4            fd address … b:accept
connect            fd address a
bind               fd address a
listen             fd a:int
shutdown           fd a:how
socket             a:domain b:type c:protocol
socketpair         a:domain b:type … pair
select             a:int sets timeval
pselect6           a:int sets timespec …
poll               poll a ms
ppoll              poll a timespec …
epoll_create       a:int
epoll_create1      a:epoll_new
epoll_ctl          fd a:epoll_op b:fd event
epoll_wait         fd events a:int ms
epoll_pwait        fd events a:int ms …
epoll_pwait2       fd events a:int timespec …
fcntl              fd a:fcntl fcntl
ioctl              fd a:ioctl ioctl
dup                fd
dup2               fd a:fd
dup3               fd a:fd b:cloexec
pipe               pair
pipe2              pair a:pipe
open               path a:open mode
openat             … path a:open mode
openat2            … path …
creat              path …
close              fd
close_range        a b c:range
eventfd            a
eventfd2           a b:eventfd
signalfd           fd … a
signalfd4          fd … a b:signalfd
timerfd_create     a:clock b:timerfd
timerfd_settime    fd a:timer_set …
inotify_init
inotify_init1      a:inotify
pidfd_open         a:int b:pidfd
memfd_create       … a:memfd
io_uring_setup     a b:ring_new
io_uring_enter     fd a b c:ring …
io_uring_register  fd a:ring_reg … b
io_setup           a …
io_submit          … a …
io_getevents       … a b … timespec
io_pgetevents      … a b … timespec …
rt_sigtimedwait    … … timespec …
pause
rt_sigsuspend      …
nanosleep          timespec …
clock_nanosleep    a:clock b:sleep timespec …
futex              … a:futex b futex
futex_waitv        … a b …
wait4              a:int … b:wait …
waitid             … a:int … b:wait …
sendfile           a:fd fd … b
splice             fd … a:fd … b c:splice
tee                fd a:fd b c:splice
vmsplice           fd … a b:splice
copy_file_range    fd … a:fd … b …
fsync              fd
fdatasync          fd
flock              fd a:lock
fork
vfork
clone              a:clone …
clone3             … a
execve             path …
execveat           … path …
restart_syscall    …
"""


class Scribe:
    """Writes the arguments and results of rows. ``files`` says what each descriptor is at that moment."""

    def __init__(self, files: OpenFiles, machine: str = "x86_64") -> None:
        self.files = files
        self.open_flags = "open.aarch64" if machine == "aarch64" else "open"

    def descriptor(self, tgid: int, fd: int) -> str:
        """Write ``5<tcp 127.0.0.1:8801 ← :53312>``; a bare number where nothing is known of it."""
        file = self.files.get(tgid, fd)
        if file is None:
            return str(fd)
        words = meaning(file.kind, file.name)
        return f"{fd}<{words}>" if words else str(fd)

    def arguments(self, row: Row) -> str:
        """Write the arguments of a call of the table."""
        text = ", ".join([words for write in WRITERS[row.code] if (words := write(self, row))])
        while text.endswith(_UNSEEN_TWICE):
            text = text[: -len(UNSEEN) - 2]
        return text


@lru_cache(maxsize=65536)
def meaning(kind: str, name: str) -> str:
    """Say what a descriptor is: ``tcp 127.0.0.1:8801 ← :53312``, ``listen [::]:80``, ``/etc/hosts``."""
    ours, arrow, theirs = name.partition(" ← ")
    if arrow:
        host = ours.rpartition(":")[0]
        if host and theirs.startswith(f"{host}:"):
            theirs = theirs[len(host) :]
        name = f"{ours} ← {theirs}" if ours else f"← {theirs}"
    if kind in ("unknown", "file", "terminal") or name.startswith((kind, "anon_inode:")):
        return clean(name)
    return clean(f"{kind} {name}".strip())


Write = Callable[[Scribe, Row], str]


def _unseen(scribe: Scribe, row: Row) -> str:
    return UNSEEN


def _fd(scribe: Scribe, row: Row) -> str:
    return scribe.descriptor(row.tgid, row.fd)


def _address(scribe: Scribe, row: Row) -> str:
    if not row.blob:
        return UNSEEN
    kind, words = sockets.family(row.blob), clean(sockets.text(row.blob))
    cut = UNSEEN if row.flags & Flag.BLOB_CUT else ""
    if kind == sockets.AF_UNIX:
        return f'{{AF_UNIX "{words}"{cut}}}' if words else "{AF_UNIX}"
    return f"{{{named('domain', kind)} {words or UNSEEN}}}"


def _path(scribe: Scribe, row: Row) -> str:
    if not row.blob:
        return UNSEEN
    words = clean(row.blob.decode("utf-8", "surrogateescape")).replace('"', '\\"')
    return f'"{words}"{UNSEEN}' if row.flags & Flag.BLOB_CUT else f'"{words}"'


def _pair(scribe: Scribe, row: Row) -> str:
    return UNSEEN if row.ret else f"[{row.c & 0xFFFFFFFF}, {row.c >> 32}]"


def _seconds(scribe: Scribe, row: Row) -> str:
    return _time(row.c, "tv_nsec", 1)


def _timeval(scribe: Scribe, row: Row) -> str:
    return _time(row.c, "tv_usec", 1000)


@lru_cache(maxsize=1024)
def _time(ns: int, name: str, unit: int) -> str:
    if ns < 0:
        return "NULL"
    return f"{{tv_sec={ns // 1_000_000_000}, {name}={ns % 1_000_000_000 // unit}}}"


def _milliseconds(scribe: Scribe, row: Row) -> str:
    return str(row.c // 1_000_000) if row.c >= 0 else "-1"


def _cut(row: Row) -> list[str]:
    return [UNSEEN] if row.flags & Flag.WATCH_CUT else []


def _sets(scribe: Scribe, row: Row) -> str:
    if not row.watch and (row.flags & Flag.WATCH_UNSEEN or not row.exit_ns):
        return f"{UNSEEN}, {UNSEEN}, {UNSEEN}"
    return ", ".join(f"[{' '.join([*_members(row.watch, 32, bit), *_cut(row)])}]" for bit in (1, 4, 2))


def _members(watch: list[int], shift: int, bit: int) -> Iterable[str]:
    return map(str, sorted(value & 0xFFFFFFFF for value in watch if value >> shift & bit))


def _poll(scribe: Scribe, row: Row) -> str:
    if not row.watch and row.a:
        return UNSEEN
    entries = [
        f"{{{scribe.descriptor(row.tgid, value & 0xFFFFFFFF)} {named('poll', value >> 32 & 0xFFFF)}}}"
        for value in row.watch
    ]
    return f"[{', '.join([*entries, *_cut(row)])}]"


def _events(scribe: Scribe, row: Row) -> str:
    if row.ret <= 0:
        return "[]" if row.exit_ns and row.ret == 0 else UNSEEN
    if not row.watch:
        return UNSEEN
    epoll = scribe.files.get(row.tgid, row.fd)
    members = epoll.members if epoll is not None else {}
    entries = []
    for data, events in zip(row.watch[::2], row.watch[1::2], strict=False):
        fd = members.get(data)
        who = f"data={data:#x}" if fd is None else scribe.descriptor(row.tgid, fd)
        entries.append(f"{{{who} {named('epoll', events)}}}")
    return f"[{', '.join([*entries, *_cut(row)])}]"


def _event(scribe: Scribe, row: Row) -> str:
    if len(row.watch) < 2:
        return UNSEEN
    return f"{{{named('epoll', row.watch[1])}, data={row.watch[0]:#x}}}"


def _fcntl(scribe: Scribe, row: Row) -> str:
    command, value = named("fcntl", row.a), row.b
    if command.startswith("F_GET"):
        return ""
    if command == "F_SETFL":
        return named(scribe.open_flags, value)
    if command == "F_SETFD":
        return named("fd", value)
    if command == "F_SETSIG":
        return signal_name(value) if value else "0"
    if command in ("F_DUPFD", "F_DUPFD_CLOEXEC", "F_SETOWN", "F_SETPIPE_SZ"):
        return str(value - (1 << 32) if value >> 31 == 1 else value)
    return UNSEEN


def _ioctl(scribe: Scribe, row: Row) -> str:
    return f"[{row.b}]" if row.a in (0x5421, 0x5452) else UNSEEN


#: futex operations whose fourth argument is a timeout (futex(2)).
_TIMED = frozenset((0, 6, 9, 11, 13))


def _futex(scribe: Scribe, row: Row) -> str:
    return f"{_seconds(scribe, row)}, {UNSEEN}" if row.a & 0x7F in _TIMED else UNSEEN


def _mode(scribe: Scribe, row: Row) -> str:
    return UNSEEN if row.a & 0o20000100 else ""  # O_CREAT and O_TMPFILE are followed by a mode


_BY_TOKEN: dict[str, Write] = {
    UNSEEN: _unseen,
    "fd": _fd,
    "address": _address,
    "path": _path,
    "pair": _pair,
    "timeval": _timeval,
    "timespec": _seconds,
    "ms": _milliseconds,
    "sets": _sets,
    "poll": _poll,
    "events": _events,
    "event": _event,
    "fcntl": _fcntl,
    "ioctl": _ioctl,
    "futex": _futex,
    "mode": _mode,
    "a": lambda scribe, row: str(row.a),
    "b": lambda scribe, row: str(row.b),
    "c": lambda scribe, row: str(row.c),
    "a:int": lambda scribe, row: str(_int(row.a)),
    "a:fd": lambda scribe, row: scribe.descriptor(row.tgid, _int(row.a)),
    "b:fd": lambda scribe, row: scribe.descriptor(row.tgid, _int(row.b)),
    "a:bytes": lambda scribe, row: f"[{UNSEEN} {row.a} bytes]",
    "a:clone": lambda scribe, row: _clone(row.a),
    "a:futex": lambda scribe, row: named("futex", row.a).replace("|FUTEX_PRIVATE_FLAG", "_PRIVATE"),
    "a:open": lambda scribe, row: named(scribe.open_flags, row.a),
}


def _clone(value: int) -> str:
    """Write clone's flags and, in their lowest byte, the signal that the child sends when it ends."""
    flags, ends = value & ~0xFF, value & 0xFF
    words = [named("clone", flags)] if flags or not ends else []
    return "|".join([*words, signal_name(ends)] if ends else words)


def _int(value: int) -> int:
    """Return the int that a call takes of a register."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _writer(token: str) -> Write:
    if token in _BY_TOKEN:
        return _BY_TOKEN[token]
    column, _, kind = token.partition(":")
    named(kind, 0)  # a kind that is missing from the flags is a mistake of this table
    place = Row._fields.index(column)
    return lambda scribe, row: named(kind, row[place])  # type: ignore[arg-type]


def _writers() -> list[list[Write]]:
    lines = {name: tokens for name, *tokens in (line.split() for line in _CALLS.strip().splitlines())}
    return [[_writer(token) for token in lines[name]] for name in BY_NAME]


#: What writes the arguments of each call, by its code.
WRITERS = _writers()
