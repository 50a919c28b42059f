"""The ptrace probe follows a whole process tree, and lets it behave as it would alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from probes.contract import Options
from probes.events import Batch, Kind
from probes.ptrace_probe import PtraceProbe
from tests.live import require
from tests.probes.traced import Recording, python, trace

pytestmark = pytest.mark.usefixtures("ptrace_probe")

CLONE_THREAD = 0x10000
CLONE_VFORK = 0x4000


@pytest.fixture(scope="module")
def ptrace_probe() -> None:
    require("ptrace")


def family(recording: Recording) -> None:
    """Check that every task was born and ended once, and made no call before or after."""
    born = {row.tid: row for row in recording.of(Kind.TASK_NEW)}
    ended = {row.tid: row for row in recording.of(Kind.TASK_EXIT)}
    assert set(ended) == set(born) | {recording.pid}
    assert len(born) == len(recording.of(Kind.TASK_NEW))
    assert len(ended) == len(recording.of(Kind.TASK_EXIT))
    for row in recording.of(Kind.CALL):
        assert row.tid == recording.pid or born[row.tid].enter_ns <= row.enter_ns
        assert row.exit_ns <= ended[row.tid].enter_ns
    for row in born.values():
        assert row.a == recording.pid or row.a in born


def test_forks_are_followed() -> None:
    recording = trace(
        python("""
            import os
            for _ in range(23):
                if os.fork() == 0:
                    os.write(1, b"")
                    os._exit(7)
                os.wait()
        """)
    )
    family(recording)
    children = recording.of(Kind.TASK_NEW)
    assert len(children) == 23
    assert {(row.tgid == row.tid, row.waker, row.a, row.b & CLONE_THREAD) for row in children} == {
        (True, recording.pid, recording.pid, 0)
    }
    writes = [row for row in recording.calls("write") if row.fd == 1]
    assert {row.tid for row in writes} == {row.tid for row in children}
    ends = [row for row in recording.of(Kind.TASK_EXIT) if row.tid != recording.pid]
    assert {(row.ret, row.a) for row in ends} == {(7 << 8, 1)}


def test_threads_are_followed() -> None:
    recording = trace(
        python("""
            import os, threading
            def work():
                for _ in range(23):
                    os.write(1, b"")
            threads = [threading.Thread(target=work) for _ in range(11)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
        """)
    )
    family(recording)
    threads = recording.of(Kind.TASK_NEW)
    assert len(threads) == 11
    assert {row.tgid for row in threads} == {recording.pid}
    assert all(row.b & CLONE_THREAD for row in threads)
    writes = [row for row in recording.calls("write") if row.fd == 1]
    assert len(writes) == 11 * 23
    assert {row.tgid for row in writes} == {recording.pid}
    ends = [row for row in recording.of(Kind.TASK_EXIT) if row.tid != recording.pid]
    assert {row.a for row in ends} == {0}


def test_vfork_and_exec_are_followed() -> None:
    recording = trace(
        python("""
            import subprocess
            for _ in range(13):
                subprocess.run(["/bin/true"], check=True, close_fds=False)
        """)
    )
    family(recording)
    children = recording.of(Kind.TASK_NEW)
    assert len(children) == 13
    execs = recording.of(Kind.TASK_EXEC)
    assert execs[0].tid == recording.pid
    assert [(row.blob, row.a) for row in execs[1:]] == [(b"/bin/true", 0)] * 13
    assert {row.tid for row in execs[1:]} == {row.tid for row in children}


@pytest.fixture
def compile_c(tmp_path: Path) -> str:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")
    return compiler


def test_an_exec_by_another_thread(tmp_path: Path, compile_c: str) -> None:
    (tmp_path / "exec.c").write_text("""
        #include <pthread.h>
        #include <unistd.h>
        static void *replace(void *path) {
            usleep(100000);
            execl(path, path, "-c", "exit 23", (char *)0);
            return 0;
        }
        static void *wait(void *fd) { char c; read(*(int *)fd, &c, 1); return 0; }
        int main(void) {
            int fds[2];
            pthread_t one, two;
            pipe(fds);
            pthread_create(&two, 0, wait, fds);
            pthread_create(&one, 0, replace, "/bin/sh");
            pthread_join(one, 0);
        }
    """)
    program = tmp_path / "exec"
    subprocess.run([compile_c, "-pthread", "-o", str(program), str(tmp_path / "exec.c")], check=True)
    for _ in range(5):
        recording = trace((str(program),))
        assert recording.outcome.status == 23 << 8
        _, second = recording.of(Kind.TASK_EXEC)
        assert (second.tid, second.tgid, second.blob) == (recording.pid, recording.pid, b"/bin/sh")
        threads = {row.tid for row in recording.of(Kind.TASK_NEW)}
        assert second.a in threads
        assert len(threads) == 2
        (call,) = recording.calls("execve")
        assert (call.ret, call.tid) == (0, recording.pid)
        # The leader sat in futex, the other thread in read, when the exec ended them.
        unfinished = {row.name for row in recording.of(Kind.PENDING)}
        assert unfinished == {"futex", "read"}
        assert recording.calls("close")[-1].enter_ns > second.enter_ns


def test_signals_handlers_and_interrupted_calls() -> None:
    recording = trace(
        python("""
            import os, signal, socket, time
            signal.signal(signal.SIGUSR1, lambda *_: None)
            a, b = socket.socketpair()
            parent = os.getpid()
            if os.fork() == 0:
                for _ in range(7):
                    time.sleep(0.05)
                    os.kill(parent, signal.SIGUSR1)
                time.sleep(0.05)
                a.send(b"x")
                os._exit(0)
            assert b.recv(1) == b"x"
            os.wait()
        """)
    )
    assert recording.outcome.status == 0
    (child,) = recording.of(Kind.TASK_NEW)
    signals = [row for row in recording.of(Kind.SIGNAL) if row.a == signal.SIGUSR1]
    assert len(signals) == 7
    assert {(row.tid, row.b, row.waker, row.enter_ns) for row in signals} == {
        (recording.pid, 0, child.tid, 0)
    }
    assert all(row.exit_ns > 0 for row in signals)
    receives = recording.calls("recvfrom")
    assert [row.ret for row in receives] == [-512] * 7 + [1]  # ERESTARTSYS; Python's handlers ask for EINTR
    (child_ended,) = [row for row in recording.of(Kind.SIGNAL) if row.a == signal.SIGCHLD]
    assert child_ended.waker == child.tid


def test_a_stopped_target_stays_stopped_until_it_is_continued() -> None:
    recording = trace(
        python("""
            import os, signal, time
            child = os.fork()
            if child == 0:
                while True:
                    os.write(1, b"")
                    time.sleep(0.01)
            time.sleep(0.1)
            os.kill(child, signal.SIGSTOP)
            assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
            os.getppid()
            time.sleep(0.3)
            os.kill(child, signal.SIGCONT)
            assert os.WIFCONTINUED(os.waitpid(child, os.WCONTINUED)[1])
            time.sleep(0.1)
            os.kill(child, signal.SIGKILL)
            assert os.waitpid(child, 0)[1] == signal.SIGKILL
        """)
    )
    assert recording.outcome.status == 0
    (child,) = recording.of(Kind.TASK_NEW)
    times = [row.enter_ns for row in recording.calls("write") if row.tid == child.tid]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert 280_000_000 < max(gaps) < 420_000_000
    assert sorted(gaps)[-2] < 150_000_000
    assert times[-1] > times[gaps.index(max(gaps))] + 300_000_000


def test_a_target_that_crashes() -> None:
    recording = trace(python("import ctypes, os; os.write(1, b''); ctypes.string_at(1)"))
    assert recording.outcome.status is not None
    assert os.WTERMSIG(recording.outcome.status) == signal.SIGSEGV
    assert [row.a for row in recording.of(Kind.SIGNAL)][-1] == signal.SIGSEGV
    end = recording.of(Kind.TASK_EXIT)[-1]
    assert (os.WTERMSIG(end.ret), end.a) == (signal.SIGSEGV, 1)


def test_a_target_that_is_killed_in_a_call() -> None:
    recording = trace(
        python("""
            import os, signal, threading, time
            read, write = os.pipe()
            threading.Thread(target=os.read, args=(read, 1), daemon=True).start()
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGKILL)
        """)
    )
    assert recording.outcome.status == signal.SIGKILL
    (read,) = [row for row in recording.of(Kind.PENDING) if row.name == "read"]
    assert (read.exit_ns, read.a) == (0, 1)
    family(recording)


def test_descendants_are_followed_after_the_first_process_has_ended(tmp_path: Path) -> None:
    """A daemon: the first process ends at once, its grandchild works on."""
    recording = trace(
        python(
            """
            import os, sys, time
            if os.fork():
                os._exit(5)
            os.setsid()
            if os.fork():
                os._exit(0)
            time.sleep(0.3)
            for _ in range(23):
                os.write(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY), b"x")
            """,
            str(tmp_path / "made"),
        )
    )
    assert recording.outcome.status == 5 << 8
    assert len([row for row in recording.calls("write") if row.ret == 1]) == 23
    family(recording)


def test_a_run_with_many_tasks_that_end_at_once() -> None:
    recording = trace(
        python("""
            import os, signal, threading, time
            for _ in range(5):
                if os.fork() == 0:
                    for _ in range(17):
                        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                    os.kill(os.getpid(), signal.SIGKILL)
            for _ in range(5):
                os.wait()
        """)
    )
    assert recording.outcome.status == 0
    assert len(recording.of(Kind.TASK_NEW)) == 5 + 5 * 17
    assert len(recording.of(Kind.TASK_EXIT)) == 5 + 5 * 17 + 1


def test_stop_ends_the_target_and_says_so() -> None:
    def later(probe: PtraceProbe) -> None:
        threading.Timer(0.3, probe.stop).start()

    recording = trace(python("import time; time.sleep(60)"), during=later)
    assert recording.outcome.status == signal.SIGTERM
    assert recording.outcome.notes["ended_with"] == ["SIGTERM"]


def test_stop_ends_a_target_that_ignores_it() -> None:
    def later(probe: PtraceProbe) -> None:
        threading.Timer(0.3, probe.stop).start()

    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    began = time.monotonic()
    recording = trace(python(code), during=later)
    assert recording.outcome.status == signal.SIGKILL
    assert recording.outcome.notes["ended_with"] == ["SIGTERM", "SIGKILL"]
    assert 1.2 < time.monotonic() - began < 3


def test_stop_before_the_run_and_from_the_sink() -> None:
    recording = trace(python("import time; time.sleep(60)"), during=lambda probe: probe.stop())
    assert recording.outcome.status == signal.SIGTERM


def test_kill_takes_the_whole_tree() -> None:
    def later(probe: PtraceProbe) -> None:
        threading.Timer(0.3, probe.kill).start()

    recording = trace(
        python("""
            import os, time
            for _ in range(3):
                if os.fork() == 0:
                    time.sleep(60)
            time.sleep(60)
        """),
        during=later,
    )
    assert recording.outcome.status == signal.SIGKILL
    assert {row.ret for row in recording.of(Kind.TASK_EXIT)} == {signal.SIGKILL}
    assert len(recording.of(Kind.TASK_EXIT)) == 4


def test_a_sink_that_fails_ends_the_target() -> None:
    class Full(Exception):
        pass

    def sink(_: object) -> None:
        raise Full

    pids: list[int] = []

    def remember(probe: PtraceProbe) -> None:
        pids.extend(probe.processes())

    with pytest.raises(Full):
        trace(python("import os, time; os.fork(); time.sleep(60)"), sink=sink, during=remember)
    assert not Path(f"/proc/{pids[0]}").exists()


def test_rows_reach_the_sink_while_the_target_is_idle() -> None:
    moments: list[int] = []

    def sink(batch: Batch) -> None:
        calls = batch.rows[batch.rows["kind"] == Kind.CALL]
        if len(calls):
            moments.append(time.monotonic_ns() - int(calls["exit_ns"].min()))

    code = "import os, time; [(os.write(1, b''), time.sleep(0.3)) for _ in range(4)]"
    trace(python(code), Options(flush_ns=50_000_000), sink=sink)
    assert len(moments) >= 5
    assert max(moments) < 150_000_000


def test_the_target_does_not_outlive_a_killed_tracer(tmp_path: Path) -> None:
    code = f"""
        import os
        from probes.contract import Command, Options
        from probes.ptrace_probe import PtraceProbe
        probe = PtraceProbe()
        pid = probe.start(Command({python("import time; time.sleep(60)")!r}, dict(os.environ)), Options())
        open({str(tmp_path / "pid")!r}, "w").write(str(pid))
        probe.run(lambda batch: None)
    """
    interpreter, *_, text = python(code)
    tracer = subprocess.Popen([interpreter, "-c", text], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 10
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pid = int((tmp_path / "pid").read_text())
    time.sleep(0.3)
    assert Path(f"/proc/{pid}").exists()
    tracer.kill()
    tracer.wait()
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
