"""Threads, forks, exec and the target's own life under the eBPF probe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probes.bpf_probe import BpfProbe
from probes.contract import Command, Options, TargetError
from probes.ebpf import programs
from probes.events import Kind
from tests.live import require
from tests.probes.bpf_run import run, script


def test_threads_are_told_apart(tmp_path: Path) -> None:
    recorded = run(
        script(
            tmp_path,
            """
import os, threading
def work():
    read, write = os.pipe()
    for _ in range(23): os.write(write, b"x" * 101); os.read(read, 101)
threads = [threading.Thread(target=work) for _ in range(7)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
""",
        )
    )
    new = recorded.of(Kind.TASK_NEW)
    assert len(new) == 7
    assert set(new["tgid"].tolist()) == {recorded.pid}
    writes = recorded.calls("write")
    writes = writes[writes["a"] == 101]
    for tid in new["tid"].tolist():
        assert (writes["tid"] == tid).sum() == 23
    ends = recorded.of(Kind.TASK_EXIT)
    assert len(ends) == 8
    assert int(ends["a"].sum()) == 1


def test_threads_without_room_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "TASKS", 32)
    recorded = run(
        script(
            tmp_path,
            """
import os, threading
together = threading.Barrier(61)
def work():
    together.wait()
    os.pread(0, 101, 0)
    together.wait()
threads = [threading.Thread(target=work) for _ in range(61)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
""",
        )
    )
    read = recorded.calls("pread64")
    followed = len(set(read["tid"][read["fd"] == 0].tolist()))
    assert 0 < followed <= 30
    assert recorded.outcome.notes["tasks_refused"] == 61 - followed


def test_fork_vfork_and_exec_are_followed(tmp_path: Path) -> None:
    recorded = run(
        script(
            tmp_path,
            """
import os, subprocess
for _ in range(5):
    pid = os.fork()
    if pid == 0: os._exit(3)
    os.waitpid(pid, 0)
for _ in range(3): subprocess.run(["/bin/true"], close_fds=False)
""",
        )
    )
    assert len(recorded.of(Kind.TASK_NEW)) == 8
    assert recorded.blob.count(b"/bin/true") == 3 + 3  # the path of execve, and of TASK_EXEC
    assert sorted(recorded.of(Kind.TASK_EXIT)["ret"].tolist()) == [0] * 4 + [3 << 8] * 5
    assert len(recorded.calls("wait4")) == 8


def test_exec_from_a_thread_keeps_the_call_and_takes_the_leaders_tid(tmp_path: Path) -> None:
    recorded = run(
        script(
            tmp_path,
            """
import os, threading, time
def later():
    time.sleep(0.2); os.execv("/bin/true", ["true"])
threading.Thread(target=later).start()
time.sleep(5)
""",
        )
    )
    (thread,) = recorded.of(Kind.TASK_NEW)["tid"].tolist()
    execs = recorded.of(Kind.TASK_EXEC)
    assert [(int(row["tid"]), int(row["a"])) for row in execs] == [(recorded.pid, 0), (recorded.pid, thread)]
    (call,) = recorded.calls("execve")
    assert call["tid"] == recorded.pid
    assert recorded.outcome.status == 0
    sleeps = recorded.calls("clock_nanosleep")
    assert sorted(zip(sleeps["tid"].tolist(), sleeps["ret"].tolist(), strict=True)) == sorted(
        [(thread, 0), (recorded.pid, -514)]  # the leader was killed inside it: ERESTARTNOHAND
    )


def test_the_targets_status_signals_and_streams_are_its_own(tmp_path: Path) -> None:
    program = """
import os, signal, sys
print(sorted(os.listdir("/proc/self/fd")), os.getpgrp() == os.getpgid(os.getppid()))
print([signal.getsignal(n) is signal.SIG_DFL for n in (signal.SIGINT, signal.SIGTERM)])
print(open("/proc/self/status").read().split("SigBlk:")[1].split()[0])
print(open("/proc/self/status").read().split("SigIgn:")[1].split()[0])
print(sys.stdin.read())
sys.exit(23)
"""
    driver = tmp_path / "driver.py"
    (tmp_path / "program.py").write_text(program)
    command = [sys.executable, "-I", "-S", str(tmp_path / "program.py")]
    driver.write_text(
        "import os, sys\n"
        "from probes.bpf_probe import BpfProbe\nfrom probes.contract import Command, Options\n"
        f"probe = BpfProbe(); probe.start(Command({tuple(command)!r}, dict(os.environ)), Options())\n"
        "print(probe.run(lambda batch: None).status, file=sys.stderr)\n"
    )
    require("bpf")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    plain = subprocess.run(command, input="hello", capture_output=True, text=True, timeout=20)
    traced = subprocess.run(
        [sys.executable, str(driver)],
        input="hello",
        capture_output=True,
        text=True,
        timeout=20,
        env=environment,
    )
    assert plain.returncode == 23
    assert traced.stdout == plain.stdout
    assert traced.stderr == f"{23 << 8}\n"


def test_a_target_that_takes_long_to_leave_has_its_status(tmp_path: Path) -> None:
    """The kernel closes its files after it said that the task exits, and before there is a status."""
    text = """
import os, resource, select, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
epolls = [select.epoll() for _ in range(61)]
pairs = [socket.socketpair() for _ in range(3000)]
for epoll in epolls:
    for pair in pairs: epoll.register(pair[0])
os._exit(23)
"""
    recorded = run(script(tmp_path, text))
    assert recorded.outcome.status is not None
    assert os.waitstatus_to_exitcode(recorded.outcome.status) == 23


def test_a_killed_target_has_its_signal_as_status(tmp_path: Path) -> None:
    recorded = run(script(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"))
    assert recorded.outcome.status is not None
    assert os.WTERMSIG(recorded.outcome.status) == signal.SIGSEGV
    (end,) = recorded.of(Kind.TASK_EXIT)
    assert end["ret"] == signal.SIGSEGV
    (row,) = recorded.of(Kind.SIGNAL)
    assert row["a"] == signal.SIGSEGV
    assert row["waker"] == recorded.pid
    assert 0 < row["enter_ns"] <= row["exit_ns"]


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (("no-such-program-23",), 127, "not found"),
        (("/etc/passwd",), 126, "permission denied"),
        (("/",), 126, "permission denied"),
    ],
)
def test_a_target_that_cannot_run_leaves_nothing(argv: tuple[str, ...], status: int, words: str) -> None:
    require("bpf")
    with pytest.raises(TargetError, match=words) as caught:
        BpfProbe().start(Command(argv, dict(os.environ)), Options())
    assert caught.value.status == status
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_stop_leaves_the_target_running_with_its_call_pending(tmp_path: Path) -> None:
    recorded = run(script(tmp_path, "import time\ntime.sleep(30)\n"), after=(0.4, BpfProbe.stop))
    try:
        assert recorded.outcome.status is None
        os.kill(recorded.pid, 0)
        (row,) = recorded.calls("clock_nanosleep", Kind.PENDING)
        assert row["sleep_ns"] > row["enter_ns"] > 0
        assert row["exit_ns"] == 0
        assert recorded.outcome.produced == len(recorded.rows)
    finally:
        os.kill(recorded.pid, signal.SIGKILL)
        os.waitpid(recorded.pid, 0)


def test_a_long_call_is_written_once_while_it_lasts(tmp_path: Path) -> None:
    recorded = run(script(tmp_path, "import time\ntime.sleep(1.3)\n"))
    (pending,) = recorded.calls("clock_nanosleep", Kind.PENDING)
    (call,) = recorded.calls("clock_nanosleep")
    assert pending["enter_ns"] == call["enter_ns"]
    assert pending["exit_ns"] == 0


def test_kill_ends_the_whole_tree(tmp_path: Path) -> None:
    begun = time.monotonic()
    recorded = run(
        script(tmp_path, "import os, time\nos.fork(); os.fork()\ntime.sleep(30)\n"),
        after=(0.4, BpfProbe.kill),
    )
    assert time.monotonic() - begun < 10
    assert recorded.outcome.status == signal.SIGKILL
    assert len(recorded.of(Kind.TASK_EXIT)) == 4


def test_the_run_goes_on_while_a_descendant_lives(tmp_path: Path) -> None:
    recorded = run(
        script(
            tmp_path,
            """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(0.4)
    os.write(1, b"")
os._exit(7)
""",
        )
    )
    assert recorded.outcome.status == 7 << 8
    (child,) = recorded.of(Kind.TASK_NEW)["tid"].tolist()
    (sleep,) = recorded.calls("clock_nanosleep")
    assert sleep["tid"] == child
    assert sleep["exit_ns"] - sleep["enter_ns"] > 390_000_000
