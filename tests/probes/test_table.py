"""The syscall table against those of the kernel's headers, libseccomp, python-ptrace and strace."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pyseccomp
import pytest
from ptrace.syscall.linux.x86_64 import SYSCALL_NAMES

from probes.table import BY_NAME, CALLS, Call, Decode, Role, by_number

#: What a recording must not miss, family by family.
REQUIRED = """
read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2
recvfrom recvmsg recvmmsg sendto sendmsg sendmmsg
accept accept4 connect listen bind socket socketpair shutdown
select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
fcntl ioctl dup dup2 dup3 pipe pipe2 close eventfd eventfd2 signalfd signalfd4
timerfd_create timerfd_settime io_uring_setup io_uring_enter io_uring_register
rt_sigtimedwait pause rt_sigsuspend nanosleep clock_nanosleep futex wait4
sendfile splice tee fork vfork clone clone3 execve
""".split()

#: Calls of x86-64 that aarch64 never had; glibc uses the newer ones there.
ABSENT_ON_AARCH64 = set(
    """
    select poll epoll_create epoll_wait dup2 pipe open creat eventfd signalfd inotify_init pause
    fork vfork
    """.split()
)

MACHINES = {"x86_64": pyseccomp.Arch.X86_64, "aarch64": pyseccomp.Arch.AARCH64}


def numbers(machine: str) -> dict[str, int]:
    return {call.name: number for number, call in by_number(machine).items()}


def defines(header: Path, prefix: str) -> dict[str, int]:
    """Read ``#define __NR_name number`` lines."""
    found = re.findall(rf"^#define {prefix}(\w+)\s+(\d+)\s*$", header.read_text(), re.MULTILINE)
    return {name: int(number) for name, number in found}


def test_every_required_call_is_there() -> None:
    assert [name for name in REQUIRED if name not in BY_NAME] == []


def test_names_and_codes_are_unique() -> None:
    assert len(BY_NAME) == len(CALLS)
    assert [call.code for call in CALLS] == list(range(len(CALLS)))


@pytest.mark.parametrize("machine", MACHINES)
def test_numbers_are_unique(machine: str) -> None:
    given = [number for call in CALLS if (number := getattr(call, machine)) is not None]
    assert len(given) == len(set(given)) == len(by_number(machine))


@pytest.mark.parametrize("machine", MACHINES)
def test_numbers_are_those_of_libseccomp(machine: str) -> None:
    table = numbers(machine)
    known = {name: pyseccomp.resolve_syscall(MACHINES[machine], name) for name in table}
    # A negative number is libseccomp's pseudo-number: the call is newer than the library, or absent.
    differing = {name: (table[name], number) for name, number in known.items() if 0 <= number != table[name]}
    assert differing == {}
    assert len([number for number in known.values() if number >= 0]) > 60


def test_only_calls_that_aarch64_lacks_have_no_number() -> None:
    assert {call.name for call in CALLS if call.aarch64 is None} == ABSENT_ON_AARCH64
    assert [call.name for call in CALLS if call.x86_64 is None] == []
    for name in ABSENT_ON_AARCH64:
        assert pyseccomp.resolve_syscall(MACHINES["aarch64"], name) < 0, name


def test_numbers_are_those_of_python_ptrace() -> None:
    # Numbers from 512 on belong to the x32 ABI, under the same names.
    theirs = {name: number for number, name in SYSCALL_NAMES.items() if number < 512}
    table = numbers("x86_64")
    shared = table.keys() & theirs.keys()
    assert {name: (table[name], theirs[name]) for name in shared if table[name] != theirs[name]} == {}
    assert len(shared) > 60


@pytest.mark.parametrize(
    ("machine", "folders", "header"),
    [
        ("x86_64", ["/usr/include/x86_64-linux-gnu", "/usr/include"], "asm/unistd_64.h"),
        ("aarch64", ["/usr/include"], "asm-generic/unistd.h"),
    ],
)
def test_numbers_are_those_of_the_headers(machine: str, folders: list[str], header: str) -> None:
    paths = [path for folder in folders if (path := Path(folder, header)).exists()]
    if not paths:
        pytest.skip(f"linux-libc-dev is not installed: no {header}")
    theirs = defines(paths[0], "__NR_") | defines(paths[0], "__NR3264_")
    table = numbers(machine)
    if machine == "aarch64":
        theirs["sendfile"] = theirs.get("sendfile", 71)
    missing = table.keys() - theirs.keys()
    assert {
        name: (table[name], theirs[name]) for name in table.keys() - missing if table[name] != theirs[name]
    } == {}
    assert missing <= {"futex_waitv", "epoll_pwait2"}, "newer than these headers?"


def test_strace_knows_every_name() -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    names = ",".join(call.name for call in CALLS)
    done = subprocess.run([strace, "-e", f"trace={names}", "-V"], capture_output=True, text=True, timeout=10)
    assert "invalid system call" not in done.stderr


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_columns_name_real_arguments(call: Call) -> None:
    for source in (call.fd, call.a, call.b, call.c):
        assert source is None or 0 <= source.argument <= 5
    if call.role in (Role.RECEIVE, Role.SEND, Role.ACCEPT, Role.CONNECT):
        assert call.fd is not None
        assert call.fd.argument == 0
    if call.decode in (Decode.PATH, Decode.PAIR, Decode.WORD, Decode.RIGHTS):
        assert call.decode_argument is not None


def test_an_unknown_machine_is_named() -> None:
    with pytest.raises(KeyError, match="riscv64"):
        by_number("riscv64")
