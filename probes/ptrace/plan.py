"""What to do for each call, worked out once from :mod:`probes.table` so that a stop looks it up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from probes.ptrace import arguments, sets, witness
from probes.ptrace.abi import INFO_ARCH, INFO_ARGUMENT, INFO_NONE, INFO_NR
from probes.table import Call, Decode, Role, Source, by_number

if TYPE_CHECKING:
    from probes.ptrace.tasks import Thread

#: Reads the target's memory at the entry, and sets the thread's decoded columns and lists.
Enter = Callable[["Thread", tuple[int, ...]], None]
#: The same at the exit, given the result.
Exit = Callable[["Thread", tuple[int, ...], int], None]

#: ``code`` of a call that is not in the table; its row has Flag.FOREIGN.
FOREIGN_CODE = 0xFFFF

#: Calls on files with positions, of which nobody waits for data.
_POSITIONED = ("pread64", "preadv")


class Plan:
    """How to record one call. ``fd``, ``a``, ``b``, ``c`` are indices into the unpacked entry information."""

    __slots__ = (
        "a",
        "b",
        "c",
        "code",
        "decoded",
        "enter",
        "exit",
        "fd",
        "forget",
        "makes",
        "message_flags",
        "name",
        "role",
        "witness",
    )

    def __init__(self, call: Call) -> None:
        self.code = call.code
        self.name = call.name
        self.role = call.role
        self.fd = _index(call.fd)
        self.a = _index(call.a)
        self.b = _index(call.b)
        self.c = _index(call.c)
        self.enter: Enter | None = _entry(call, (self.a, self.b, self.c))
        self.exit: Exit | None = _exit(call)
        self.decoded = self.enter is not None or self.exit is not None
        self.message_flags = _message_flags(call)
        self.witness = call.role in (Role.RECEIVE, Role.ACCEPT) and call.name not in _POSITIONED
        self.makes = call.role in (Role.OPEN, Role.ACCEPT) and call.decode is not Decode.PAIR
        self.forget: Callable[[Thread, int], None] | None = _forget(call)


def plans(numbers: dict[int, Call] | None = None) -> dict[int, Plan]:
    """Return the plan of each call by its number (default: the table's for this machine)."""
    return {number: Plan(call) for number, call in (numbers or by_number()).items()}


def foreign_plan() -> Plan:
    """Return the plan of a call that the table does not know: ``a`` is its number, ``b`` its AUDIT_ARCH."""
    plan = Plan(Call(FOREIGN_CODE, "", Role.TASK, None, None, None, None, None, None, Decode.NONE, None))
    plan.a, plan.b = INFO_NR, INFO_ARCH
    return plan


def _index(source: Source | None) -> int:
    return INFO_NONE if source is None else INFO_ARGUMENT + source.argument


def _message_flags(call: Call) -> int:
    """Return where a receive has its MSG_ flags."""
    return _index(call.b) if call.name in ("recvfrom", "recvmsg", "recvmmsg") else INFO_NONE


def _entry(call: Call, indices: tuple[int, int, int]) -> Enter | None:
    """Compose what has to be read at the entry; None where the arguments themselves are enough."""
    steps: list[Enter] = []
    for column, source in (("a", call.a), ("b", call.b), ("c", call.c)):
        if source is not None and source.how:
            steps.append(arguments.column(column, source, call.name))
    in_memory = arguments.ENTRIES.get(call.decode) or sets.ENTRIES.get(call.decode)
    if in_memory is not None:
        steps.append(in_memory(call))
    if not steps and _exit(call) is None:
        return None
    a, b, c = indices
    done = tuple(steps)

    def enter(thread: Thread, info: tuple[int, ...]) -> None:
        thread.a, thread.b, thread.c = info[a], info[b], info[c]
        thread.watch = thread.blob = thread.kept = None
        for step in done:
            step(thread, info)

    return enter


def _exit(call: Call) -> Exit | None:
    if call.name == "listen":
        return _listening
    make = arguments.EXITS.get(call.decode) or sets.EXITS.get(call.decode)
    leave = make(call) if make is not None else None
    return _accepted(leave) if call.role is Role.ACCEPT and leave is not None else leave


def _accepted(leave: Exit) -> Exit:
    """Ask for the peer's address where the process did not: accept(fd, NULL, NULL)."""

    def accepted(thread: Thread, info: tuple[int, ...], ret: int) -> None:
        leave(thread, info, ret)
        if ret >= 0 and thread.blob is None and thread.process.pidfd != witness.UNKNOWN:
            thread.blob = witness.peer_address(thread.process.pidfd, ret) or None

    return accepted


def _listening(thread: Thread, info: tuple[int, ...], ret: int) -> None:
    """Keep where it listens: no other call of the table tells the port after a bind to port 0."""
    if ret == 0 and thread.process.pidfd != witness.UNKNOWN:
        thread.blob = witness.own_address(thread.process.pidfd, info[INFO_ARGUMENT]) or None


def _forget(call: Call) -> Callable[[Thread, int], None] | None:
    """Return what makes :mod:`probes.ptrace.witness` forget the descriptors that mean something else now."""
    if call.name == "close":
        return _forget_closed
    if call.name in ("dup2", "dup3"):
        return _forget_replaced
    if call.name == "close_range":
        return _forget_all
    if call.role in (Role.OPEN, Role.ACCEPT) and call.decode is not Decode.PAIR:
        return _forget_made
    return None


def _forget_closed(thread: Thread, ret: int) -> None:
    thread.process.kinds.pop(thread.info[INFO_ARGUMENT], None)


def _forget_replaced(thread: Thread, ret: int) -> None:
    thread.process.kinds.pop(thread.info[INFO_ARGUMENT + 1], None)


def _forget_all(thread: Thread, ret: int) -> None:
    thread.process.kinds.clear()


def _forget_made(thread: Thread, ret: int) -> None:
    thread.process.kinds.pop(ret, None)
