"""What probes say, in the language that is spoken: why they cannot run, and what they cannot see.

Probes and the supervisor of a demo's clients know nothing of iotrace: they speak English, and so do
recordings, which keep their words. Here are their sentences, as patterns: one that is recognised is told
again. What is not is shown as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache

from iotrace import language
from iotrace.language import N_, _

#: Names in braces stand for any words, which are themselves told again.
SENTENCES = (
    # Which probe runs (iotrace.capture.choice).
    N_("no {probe}: {reason}; this run uses {other}"),
    N_("no {probe}: {reason}; no {other}: {more}"),
    N_("no {probe}: {reason}"),
    N_("the {probe} probe cannot be loaded ({error}): see `iotrace doctor`"),
    # The eBPF probe.
    N_("the eBPF probe does not know {machine}: use the ptrace probe"),
    N_("the eBPF probe needs {what}: run it as root, or with CAP_BPF and CAP_PERFMON"),
    N_("in this container process numbers are not the kernel's: run iotrace on the host"),
    N_("tracefs is not readable: sudo mount -o remount,{options} {place}, or CAP_DAC_READ_SEARCH"),
    N_("tracefs is not mounted: sudo mount -t tracefs -o {options} tracefs {place}"),
    N_(
        "{cause} forbids {call}: allow it (docs/permissions.md), run iotrace on the host,"
        " or use --probe ptrace"
    ),
    N_("this kernel, built without it,"),
    N_("a seccomp filter, as containers have ({error}),"),
    N_("this user namespace, whose capabilities are not the kernel's ({error}),"),
    N_("a security module or the kernel's lockdown ({error})"),
    N_("compiled programs are not kept: {folder}, which {problem}; remove it, and iotrace makes it anew"),
    N_("is no folder"),
    N_("belongs to user {uid}"),
    N_("can be written by others"),
    N_("tracefs cannot be mounted ({problem}): sudo mount -t tracefs tracefs /sys/kernel/tracing"),
    N_("bcc is not installed: sudo apt install python3-bpfcc"),
    N_("bcc does not load ({error}): reinstall it, sudo apt install python3-bpfcc"),
    N_("{library} does not load ({error}): sudo apt install python3-bpfcc"),
    N_("this kernel {problem}, which the eBPF probe cannot do without: use --probe ptrace"),
    N_("this kernel has no tracepoint {name}"),
    N_("this kernel has {name} without the field {field}"),
    N_("has no tracepoint {name}"),
    N_("has {name} without the field {field}"),
    N_("the eBPF programs do not compile ({error}): use --probe ptrace"),
    N_("the kernel refuses the map {name} ({error}): use a smaller --buffer, or --probe ptrace"),
    N_("the kernel refuses the program {name} ({error}): use --probe ptrace"),
    N_("the kernel refuses the program {name}: use --probe ptrace"),
    N_("the kernel refuses to follow the target (map update): use --probe ptrace"),
    N_("attaching to {name} failed ({error})"),
    N_("no process {pid}: it has ended"),
    N_("the target ended before it began; run it without iotrace to see why"),
    # The ptrace probe.
    N_("the ptrace probe knows x86_64 and aarch64, not {machine}"),
    N_("ptrace is forbidden until the next boot: set kernel.yama.ptrace_scope below 3 and reboot"),
    N_("this process is being traced itself, and its children would be: run it without the tracer"),
    N_("ptrace is refused here: allow it in the container (docker run --cap-add=SYS_PTRACE)"),
    N_(
        "ptrace is refused for our own child ({error}): allow it (kernel.yama.ptrace_scope,"
        " --cap-add=SYS_PTRACE), and run under no other tracer"
    ),
    N_("a Python package is missing ({name}): pip install python-ptrace pyseccomp"),
    N_("the library libseccomp is missing: install the package libseccomp2"),
    N_("the ptrace probe needs PTRACE_GET_SYSCALL_INFO: use Linux 5.3 or newer"),
    N_("the stops of calls do not reach the ptrace probe here: run it outside of this sandbox"),
    N_("the target cannot be prepared: {error}"),
    N_("ptrace cannot be tried here: {error}"),
    # What ptrace cannot attach to.
    N_(
        "process {pid} is traced already, by {name} ({tracer}), and a process has one tracer: end that one"
        " first, or use the eBPF probe"
    ),
    N_(
        "ptrace of process {pid} is refused to root too: in a container, allow it (docker run"
        " --cap-add=SYS_PTRACE), else attach from the host"
    ),
    N_("process {pid} belongs to user {owner}, and you are user {user}: {command}"),
    N_(
        "kernel.yama.ptrace_scope is 1, which lets a process trace its own children only: {command}, or sudo"
        " sysctl kernel.yama.ptrace_scope=0"
    ),
    N_("kernel.yama.ptrace_scope is 2, which lets only root trace: {command}"),
    N_("kernel.yama.ptrace_scope is 3, which forbids ptrace until the next boot: use the eBPF probe"),
    N_("process {pid} has privileges that you have not, or has made itself undumpable (prctl(2)): {command}"),
    # What ptrace cannot see.
    N_("ptrace sees a call's entry and exit, not when the thread left the CPU and came back"),
    N_("ptrace does not see who wakes a thread, nor when"),
    N_("ptrace does not see when data reach a socket"),
    N_("ptrace does not see the copy; the time on a CPU bounds it from above"),
    N_("ptrace does not see the socket layer finish a receive"),
    N_("ptrace sees a signal's delivery, not its generation"),
    N_("io_uring's requests make no system call; only io_uring_enter is seen"),
    N_("ptrace does not see the states of connections"),
    N_("this kernel keeps no /proc/PID/schedstat (CONFIG_SCHED_INFO): durations are known, sleeps are not"),
    N_(
        "this kernel or container refuses pidfd_getfd (Linux 5.6): whether data were there at entry is not"
        " known"
    ),
    N_("withheld on request"),
    # The target cannot be started.
    N_("{program}: not found; check the name and PATH"),
    N_("{program}: permission denied; is it executable?"),
    N_("{program}: not a program this kernel can run; is its first line #!interpreter?"),
    N_("cannot run {program} as uid {uid}: {error}"),
    N_("cannot run {program} as user {uid}, group {gid}: {error}; run as root"),
    N_("cannot run {program}: it ended with {how} before it began"),
    N_("cannot run {program}: the kernel refuses a seccomp filter ({error})"),
    N_("cannot run {program}: the interpreter that it names is missing"),
    N_("cannot run {program}: neither a program nor a script with a #! line; name its interpreter"),
    N_("cannot run {program}: it is a directory"),
    N_("cannot run {program}: {error}"),
    # A demo's clients (iotrace.capture.supervisor, a process without iotrace).
    N_("the server ended before its clients began"),
    N_("the server ended while its clients were at work"),
    N_("the server did not say its port in time"),
    N_("the clients were not done after {time} s"),
    N_("the tracer ended"),
    N_("no such file"),
    N_("not found in PATH"),
)


def said(sentence: str) -> str:
    """Return what a probe said in the language that is spoken; in English, or unknown, as it is."""
    if language.current() == language.LANGUAGES[0]:
        return sentence
    for pattern, message in _patterns():
        found = pattern.fullmatch(sentence)
        if found is not None:
            return _(message).format(**{name: said(words) for name, words in found.groupdict().items()})
    return sentence


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    return [(pattern_of(message), message) for message in SENTENCES]


def pattern_of(message: str) -> re.Pattern[str]:
    """Return what recognises the sentences of a message."""
    parts = re.split(r"\{(\w+)\}", message)
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    )
