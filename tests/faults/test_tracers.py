"""Two tracers on one target, a target killed inside a call, rows of several CPUs out of order."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iotrace.analysis import analyse
from iotrace.analysis.report import report_json
from iotrace.columns import Events
from iotrace.recording.reading import read
from iotrace.recording.writing import Writer
from probes.events import EVENT, Kind, batch
from probes.table import BY_NAME
from tests.command import COMMAND, LIMIT_S, ending, environment, iotrace, start
from tests.live import require

#: Waits for a word, then makes 23 calls in each of two threads and a child, 69 in all, that have a mark.
SERVER = """
import os, sys, threading
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
null = os.open("/dev/zero", os.O_RDONLY)
def work():
    for _ in range(23): os.pread(null, 37, 0)
threads = [threading.Thread(target=work) for _ in range(2)]
for each in threads: each.start()
for each in threads: each.join()
if not os.fork():
    work()
    os._exit(0)
os.wait()
print("done", flush=True)
sys.stdin.readline()
"""
MARK, CALLS = 37, 69


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that a test has started: ended with it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.wait(LIMIT_S)


def line(stream: Any) -> str:
    """Return the next line that a process says, within the time that a command may take."""
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    assert poll.poll(1000 * LIMIT_S)
    return str(stream.readline())


def marked(events: Events) -> int:
    of_mark = (events["kind"] == Kind.CALL) & (events["code"] == BY_NAME["pread64"].code)
    return int((of_mark & (events["a"] == MARK) & (events["ret"] == MARK)).sum())


def test_two_ebpf_probes_on_one_target_are_both_whole(
    tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    """One has started it, two more attach: each sees all of the target, and nothing of another tracer."""
    require("bpf")
    (tmp_path / "server.py").write_text(SERVER)
    run = start(tmp_path, "run", "--probe", "bpf", "-o", "1.iotrace", "server.py", stdin=subprocess.PIPE)
    running.append(run)
    target = int(line(run.stdout).split()[1])
    for number in (2, 3):
        attached = start(tmp_path, "attach", str(target), "-o", f"{number}.iotrace")
        running.append(attached)
        assert "attached to" in line(attached.stderr)
    assert run.stdin is not None
    run.stdin.write("go\n")
    run.stdin.flush()
    assert line(run.stdout) == "done\n"
    run.stdin.write("end\n")
    run.stdin.flush()
    for process in running:
        process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0
    seen = [read(tmp_path / f"{number}.iotrace") for number in (1, 2, 3)]
    processes = {int(tgid) for tgid in seen[0]["tgid"] if tgid}
    assert len(processes) == 2
    for events in seen:
        assert marked(events) == CALLS
        assert {int(tgid) for tgid in events["tgid"] if tgid} == processes
        end = ending(events)
        assert end["lost"] == 0
        assert end["probe_notes"]["unaccounted"] == 0


def test_a_second_ptrace_on_one_target_is_one_line(tmp_path: Path) -> None:
    """A process has one tracer (ptrace(2)): the second says so, and the first goes on."""
    require("ptrace")
    inner = ("--", *COMMAND, "run", "--probe", "ptrace", "-o", "inner.iotrace", "--", "echo", "ran")
    done = iotrace(tmp_path, "run", "--probe", "ptrace", "-o", "outer.iotrace", *inner)
    assert done.returncode == 125
    (said,) = [each for each in done.stderr.splitlines() if each]
    assert "this process is being traced itself" in said
    assert "ran" not in done.stdout
    assert not (tmp_path / "inner.iotrace").exists()
    assert ending(read(tmp_path / "outer.iotrace"))["exit_status"] == 125


def test_strace_and_the_ptrace_probe_are_one_line(tmp_path: Path) -> None:
    require("ptrace")
    words = [*COMMAND, "run", "--probe", "ptrace", "--", "echo", "ran"]
    done = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", *words], cwd=tmp_path, env=environment(), capture_output=True,
        text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 125
    assert done.stderr.count("\n") == 1
    assert "this process is being traced itself" in done.stderr


def test_ptrace_and_ebpf_on_one_target_are_both_whole(
    tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    require("bpf")
    require("ptrace")
    (tmp_path / "server.py").write_text(SERVER)
    run = start(tmp_path, "run", "--probe", "ptrace", "-o", "1.iotrace", "server.py", stdin=subprocess.PIPE)
    running.append(run)
    target = int(line(run.stdout).split()[1])
    attached = start(tmp_path, "attach", str(target), "-o", "2.iotrace")
    running.append(attached)
    assert "attached to" in line(attached.stderr)
    said, _ = run.communicate("go\nend\n", LIMIT_S)
    assert said.startswith("done\n")
    attached.communicate(timeout=LIMIT_S)
    assert (run.returncode, attached.returncode) == (0, 0)
    for number in (1, 2):
        assert marked(read(tmp_path / f"{number}.iotrace")) == CALLS


#: How a target waits when it is killed, and in which call.
ASLEEP = {
    "recvfrom": "import socket; a, b = socket.socketpair(); say(); a.recv(37)",
    "epoll_wait": "import select; p = select.epoll(); say(); p.poll()",
    "read": "import os; r, w = os.pipe(); say(); os.read(r, 37)",
    "accept4": "import socket; s = socket.create_server(('127.0.0.1', 0)); say(); s.accept()",
}
#: EINTR and ERESTARTSYS (include/linux/errno.h).
INTERRUPTED = (-4, -512)
SAY = "import os\ndef say(): os.write(1, b'ready %d\\n' % os.getpid())\n"


@pytest.mark.parametrize("probe", ["bpf", "ptrace"])
@pytest.mark.parametrize("call", ASLEEP)
def test_a_target_killed_inside_a_call(
    call: str, probe: str, tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    """The call is recorded as unfinished, and the status is the target's.

    The kernel interrupts the call before it ends the thread: eBPF sees it return with a code that asks for a
    restart, ptrace sees no exit.
    """
    require(probe)
    (tmp_path / "server.py").write_text(SAY + ASLEEP[call])
    run = start(tmp_path, "run", "--probe", probe, "-o", "r.iotrace", "server.py")
    running.append(run)
    pid = int(line(run.stdout).split()[1])
    while not asleep(pid):
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    _, complained = run.communicate(timeout=LIMIT_S)
    assert run.returncode == -signal.SIGKILL
    assert complained == ""
    events = read(tmp_path / "r.iotrace")
    calls = (events["kind"] == Kind.CALL) | (events["kind"] == Kind.PENDING)
    row = np.flatnonzero(calls & (events["tgid"] == pid) & (events["code"] == BY_NAME[call].code))[-1]
    if probe == "ptrace":
        assert events["kind"][row] == Kind.PENDING
    else:
        assert events["kind"][row] == Kind.CALL
        assert events["ret"][row] in INTERRUPTED
    assert ending(events)["signal"] == signal.SIGKILL
    done = iotrace(tmp_path, "report", "r.iotrace")
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(iotrace(tmp_path, "report", "--json", "r.iotrace").stdout)
    assert facts["target"]["signal"] == signal.SIGKILL


def asleep(pid: int) -> bool:
    """Whether a process sleeps in a call; proc(5), ``stat``."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


#: A server on several CPUs: threads that answer each other, so that what one does explains the other.
CROWD = """
import socket, threading, os
cpus = sorted(os.sched_getaffinity(0))
def serve(sock, cpu):
    os.sched_setaffinity(0, {cpu})
    for _ in range(23): sock.sendall(sock.recv(1000))
def ask(sock, cpu):
    os.sched_setaffinity(0, {cpu})
    for _ in range(23): sock.sendall(b"x" * 1000); sock.recv(1000)
threads = []
for number in range(3):
    a, b = socket.socketpair()
    threads.append(threading.Thread(target=serve, args=(a, cpus[0])))
    threads.append(threading.Thread(target=ask, args=(b, cpus[-1])))
for each in threads: each.start()
for each in threads: each.join()
"""


@pytest.mark.parametrize("probe", ["bpf", "ptrace"])
def test_rows_of_several_cpus_in_any_order_are_the_same_analysis(probe: str, tmp_path: Path) -> None:
    """Each CPU's rows are in order, those of two are not: a buffer is drained while others are filled."""
    require(probe)
    (tmp_path / "server.py").write_text(CROWD)
    done = iotrace(tmp_path, "run", "--probe", probe, "-o", "r.iotrace", "server.py")
    assert done.returncode == 0, done.stderr
    events = read(tmp_path / "r.iotrace")
    whole = report_json(analyse(events))
    assert sum(call["count"] for call in whole["calls"] if call["name"] == "recvfrom") == 6 * 23
    cpus = np.unique(events["cpu"])
    if probe == "bpf" and (os.cpu_count() or 1) > 1:
        assert len(cpus) > 1
    for seed in range(5):
        order = shuffled(events["cpu"] if len(cpus) > 1 else events["tid"], random.Random(seed))
        assert not np.array_equal(order, np.arange(len(events)))
        path = tmp_path / f"{seed}.iotrace"
        rewritten(events, order, path)
        again = read(path)
        assert np.array_equal(again["enter_ns"], events["enter_ns"][order])
        assert report_json(analyse(again)) == whole


def shuffled(queue: Any, picked: random.Random) -> Any:
    """Return an order (n,) of rows: each queue's own is kept, how they follow each other is not."""
    left = {int(each): np.flatnonzero(queue == each).tolist() for each in np.unique(queue)}
    order: list[int] = []
    while left:
        each = picked.choice(sorted(left))
        taken = picked.choice((1, 2, 50, 500))
        order += left[each][:taken]
        left[each] = left[each][taken:]
        if not left[each]:
            del left[each]
    return np.array(order)


def rewritten(events: Events, order: Any, path: Path) -> None:
    """Write the same recording with its rows in another order."""
    rows = np.zeros(len(events), EVENT)
    for name in EVENT.names or ():
        if name in events.column:
            rows[name] = events[name][order]
    lists, blobs = {}, {}
    for at, row in enumerate(order):
        first, last = events.watch_offsets[row : row + 2]
        if last > first:
            lists[at] = [int(value) for value in events.watch[first:last]]
        first, last = events.blob_offsets[row : row + 2]
        if last > first:
            blobs[at] = events.blob[first:last].tobytes()
    writer = Writer(path, events.header)
    writer.write(batch(rows, lists, blobs))
    writer.close()
