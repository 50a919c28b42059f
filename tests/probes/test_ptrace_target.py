"""What the ptrace probe must leave to the target: its streams, status, signals, descriptors and user."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from probes.contract import Command, Options, TargetError
from probes.events import Kind
from probes.ptrace_probe import PtraceProbe
from tests.live import require
from tests.probes.traced import python, trace

pytestmark = pytest.mark.usefixtures("ptrace_probe")


@pytest.fixture(scope="module")
def ptrace_probe() -> None:
    require("ptrace")


def children() -> list[int]:
    """Return the living or unreaped children of this thread."""
    return [int(pid) for pid in Path("/proc/thread-self/children").read_text().split()]


def signal_sets(status: str) -> dict[str, int]:
    """Return the signals that are blocked, ignored and caught, from the text of ``/proc/PID/status``."""
    lines = (line.partition(":") for line in status.splitlines())
    return {name: int(text, 16) for name, _, text in lines if name in ("SigBlk", "SigIgn", "SigCgt")}


def ignored_before_python() -> int:
    """Return what this process was started with as ignored: its own set without Python's additions."""
    ours = signal_sets(Path("/proc/self/status").read_text())["SigIgn"]
    return ours & ~(1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)


@pytest.mark.parametrize("status", [0, 1, 23, 255])
def test_the_exit_status_is_the_targets(status: int) -> None:
    outcome = trace(python(f"raise SystemExit({status})")).outcome
    assert outcome.status is not None
    assert os.waitstatus_to_exitcode(outcome.status) == status


def test_streams_folder_and_group_are_inherited(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    trace(python("import os, sys; print(os.getcwd(), os.getpgrp()); print('oops', file=sys.stderr)"))
    output = capfd.readouterr()
    assert output.out == f"{os.getcwd()} {os.getpgrp()}\n"
    assert output.err == "oops\n"


def test_signals_are_as_they_were_before_python(capfd: pytest.CaptureFixture[str]) -> None:
    former = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        trace(("/bin/cat", "/proc/self/status"))
    finally:
        signal.signal(signal.SIGUSR2, former)
    assert signal_sets(capfd.readouterr().out) == {
        "SigIgn": ignored_before_python(),
        "SigBlk": 0,
        "SigCgt": 0,
    }


def test_an_ignored_signal_and_a_blocked_one_stay_so(capfd: pytest.CaptureFixture[str]) -> None:
    former = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        trace(("/bin/cat", "/proc/self/status"))
    finally:
        signal.signal(signal.SIGUSR2, former)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    blocked, ignored = 1 << signal.SIGUSR1 - 1, 1 << signal.SIGUSR2 - 1 | ignored_before_python()
    assert signal_sets(capfd.readouterr().out) == {"SigBlk": blocked, "SigIgn": ignored, "SigCgt": 0}


def test_no_descriptor_of_ours_leaks(capfd: pytest.CaptureFixture[str]) -> None:
    program = ("/bin/sh", "-c", "ls /proc/$$/fd")
    untraced = subprocess.run(
        program, check=True, stdout=subprocess.PIPE, text=True, close_fds=False
    ).stdout.split()
    trace(program)
    assert capfd.readouterr().out.split() == untraced


def test_nothing_is_left_open_or_running_or_changed() -> None:
    trace(python("pass"))
    before = len(os.listdir("/proc/self/fd"))
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    affinity = os.sched_getaffinity(0)
    trace(python("import os; [os.fork() for _ in range(3)]"), Options(pin=True))
    assert len(os.listdir("/proc/self/fd")) == before
    assert [signal.getsignal(number) for number in signal.valid_signals()] == handlers
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
    assert os.sched_getaffinity(0) == affinity
    assert children() == []


def test_pin_is_one_cpu_and_noted(capfd: pytest.CaptureFixture[str]) -> None:
    recording = trace(python("import os; print(*os.sched_getaffinity(0))"), Options(pin=True))
    assert capfd.readouterr().out.split() == [str(recording.outcome.notes["pinned_to_cpu"])]


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("no-such-program-anywhere", 127, "not found in PATH"),
        ("./no-such-file", 127, "no such file"),
        ("/etc/passwd", 126, "Permission denied"),
        ("/etc", 126, "is a directory"),
        ("{folder}/no-interpreter", 127, "interpreter"),
        ("{folder}/no-format", 126, "interpreter"),
        ("", 127, "not found"),
    ],
)
def test_what_cannot_be_run(tmp_path: Path, name: str, status: int, words: str) -> None:
    (tmp_path / "no-interpreter").write_text("#!/no/such/interpreter\n")
    (tmp_path / "no-format").write_text("echo hello\n")
    for file in tmp_path.iterdir():
        file.chmod(0o755)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(TargetError) as caught:
        PtraceProbe().start(Command((name.format(folder=tmp_path),), dict(os.environ)), Options(pin=True))
    assert caught.value.status == status
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert children() == []
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(os.sched_getaffinity(0)) == os.cpu_count()


def test_a_name_that_would_reach_the_terminal_is_escaped() -> None:
    with pytest.raises(TargetError) as caught:
        PtraceProbe().start(Command(("\x1b[2Jx\n",), dict(os.environ)), Options())
    assert str(caught.value).isprintable()


def test_the_environment_and_its_path_are_the_commands(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "only-here"
    script.write_text("#!/bin/sh\necho $GREETING\n")
    script.chmod(0o755)
    command = Command(("only-here",), {"PATH": f"/nowhere:{tmp_path}:/bin", "GREETING": "hello"})
    recording = trace((), command=command)
    assert recording.outcome.status == 0
    assert capfd.readouterr().out == "hello\n"
    assert recording.rows[0].blob == os.fsencode(script)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user(capfd: pytest.CaptureFixture[str]) -> None:
    command = Command(("id", "-u"), dict(os.environ), uid=65534, gid=65534, groups=(65533,))
    assert trace((), command=command).outcome.status == 0
    assert capfd.readouterr().out == "65534\n"
    trace((), command=Command(("id", "-G"), dict(os.environ), uid=65534, gid=65534, groups=(65533,)))
    assert capfd.readouterr().out == "65534 65533\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_no_privilege_is_needed() -> None:
    code = """
        import ctypes, os
        from probes.contract import Command, Options
        from probes.events import Kind
        from probes.table import BY_NAME
        import probes.ptrace.session, numpy
        from probes.ptrace_probe import PtraceProbe
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        os.chdir("/")
        # A process that has changed its user may not be traced, nor may its children; a user's own may.
        assert ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0  # PR_SET_DUMPABLE
        assert PtraceProbe.unusable() is None, PtraceProbe.unusable()
        probe = PtraceProbe()
        probe.start(Command(("/bin/sh", "-c", "echo hello | cat >/dev/null"), dict(os.environ)), Options())
        batches = []
        outcome = probe.run(batches.append)
        rows = numpy.concatenate([batch.rows for batch in batches])
        assert outcome.status == 0, outcome
        assert outcome.notes["no_new_privs"] is True, outcome
        assert probe.header["evidence"] == ["calls", "accounts", "entry", "tasks"], probe.header
        write = rows[(rows["kind"] == Kind.CALL) & (rows["code"] == BY_NAME["write"].code)]
        assert list(write["ret"]) [:1] == [6], write
        assert (rows["kind"] == Kind.TASK_NEW).sum() == 2
        print("seen")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "seen\n", done.stderr


def test_an_unknown_machine_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    reason = PtraceProbe.unusable()
    assert reason is not None
    assert "riscv64" in reason


@pytest.mark.parametrize(
    ("module", "words"),
    [("pyseccomp", "pip install python-ptrace pyseccomp"), ("ptrace.binding", "pip install")],
)
def test_a_missing_package_is_said(module: str, words: str) -> None:
    code = f"""if True:
        import sys
        sys.modules[{module!r}] = None
        from probes.ptrace_probe import PtraceProbe
        print(PtraceProbe.unusable())
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert words in done.stdout, done.stderr
    assert done.stdout.count("\n") == 1


def test_a_run_in_another_thread_than_the_main_one() -> None:
    found: list[int | None] = []
    thread = threading.Thread(
        target=lambda: found.append(trace(python("raise SystemExit(3)")).outcome.status)
    )
    thread.start()
    thread.join(30)
    assert found == [3 << 8]


def test_a_kill_before_the_run() -> None:
    recording = trace(python("pass"), during=lambda probe: probe.kill())
    assert recording.outcome.status == signal.SIGKILL
    assert not recording.of(Kind.CALL)
