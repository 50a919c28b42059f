"""A server at full speed for a minute, untraced, under the eBPF probe, and under its peers."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.line import Line
from benchmarks.workload import IOTRACE, Missing, perf, run, strace, traced

SECONDS = 60.0
PEER_SECONDS = 5.0
CONNECTIONS = 50
MEGABYTE = 1e6

#: The server's own share of its speed that the eBPF probe must leave.
LEAST_SHARE = 0.7


@dataclass(frozen=True)
class Loaded:
    """One run under load; ``tracer`` has the tracer's resident bytes, sampled, in the order of time."""

    per_second: float
    tracer: tuple[int, ...] = ()


@dataclass(frozen=True)
class Service:
    """A server and its load generator; ``drive`` (port, seconds) returns requests answered a second."""

    name: str
    command: Callable[[Path, int], list[str]]
    drive: Callable[[int, float], float]
    calls: str  # those that its clients make it do, for the peers that are told which
    needs: tuple[str, str]

    def missing(self) -> bool:
        """Whether its server or its load generator is not installed."""
        return any(shutil.which(program) is None for program in self.needs)


def load(loop: str, folder: Path) -> list[Line]:
    """redis under redis-benchmark and nginx under wrk for a minute each."""
    return [line for service in SERVICES for line in measure(service, folder, SECONDS, PEER_SECONDS)]


def measure(service: Service, folder: Path, seconds: float, peer_seconds: float) -> list[Line]:
    """Measure one service: ``seconds`` untraced (half before, half after) and traced, then its peers."""
    if service.missing():
        raise Missing(f"no {' or no '.join(service.needs)}: sudo apt install redis wrk nginx-light")
    recording = folder / f"{service.name}.load.iotrace"
    before = under(service, folder, [], seconds / 2).per_second
    ours = under(service, folder, traced("bpf", recording), seconds)
    after = under(service, folder, [], seconds / 2).per_second
    plain = (before + after) / 2
    done = run([*IOTRACE, "report", "--json", str(recording)])
    report = json.loads(done.output)
    rows, lost, size = report["events"], report["lost"], recording.stat().st_size
    early = ours.tracer[len(ours.tracer) // 4] / MEGABYTE
    late = max(ours.tracer) / MEGABYTE
    lines = [
        Line(
            f"{service.name}, {seconds:.0f} s at full speed",
            plain,
            "req/s",
            ours.per_second,
            "under the eBPF probe",
            1 / LEAST_SHARE,
            f"{ours.per_second / plain:.0%} of untraced",
        ),
        Line("  rows lost", lost, "rows", None, "", 0, f"of {rows:,}, {rows / seconds:,.0f}/s"),
        Line("  tracer's memory", late, "MB", None, "", 400, f"{early:.0f} MB after a quarter of the time"),
        Line("  recording", size / MEGABYTE, "MB", None, "", None, f"{size / rows:.1f} bytes a row"),
        Line(
            "  its report", done.wall_s, "s", None, "", None, f"{done.peak_bytes / MEGABYTE:,.0f} MB at most"
        ),
    ]
    for name, tool in peers(service):
        there = under(service, folder, tool, peer_seconds).per_second
        lines.append(
            Line(f"  {name}", plain, "req/s", there, "under it", None, f"{there / plain:.1%} of untraced")
        )
    beside = beside_bpftrace(service, folder, peer_seconds)
    note = f"{beside / plain:.1%} of untraced"
    lines.append(Line("  bpftrace counting by id", plain, "req/s", beside, "beside it", None, note))
    return lines


def peers(service: Service) -> list[tuple[str, list[str]]]:
    """Return the tools that start the server themselves."""
    return [
        ("perf trace, its calls only", perf("trace", "-o", "/dev/null", "-e", service.calls, "--")),
        ("strace -f --seccomp-bpf", [*strace(), "--"]),
    ]


def beside_bpftrace(service: Service, folder: Path, seconds: float) -> float:
    """Return the speed while bpftrace counts the calls of every process of the server's name."""
    if shutil.which("bpftrace") is None:
        raise Missing("no bpftrace: sudo apt install bpftrace")
    comm = service.command(folder, 1)[0][:15]
    script = f'tracepoint:raw_syscalls:sys_enter /comm == "{comm}"/ {{ @[args->id] = count(); }}'
    with tempfile.TemporaryFile("w+") as said:
        tool = subprocess.Popen(["bpftrace", "-e", script], stdout=said, stderr=said)
        try:
            _await(lambda: "Attaching" in _text(said), tool, "bpftrace did not attach")
            return under(service, folder, [], seconds).per_second
        finally:
            tool.send_signal(signal.SIGINT)
            tool.wait(30)


def under(service: Service, folder: Path, tool: Sequence[str], seconds: float) -> Loaded:
    """Run the service under a tool (words before its own), drive it at full speed, end it."""
    port = _free_port()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*tool, *service.command(folder, port)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            _await(lambda: _listens(port), process, f"{service.name} does not listen")
            with _sampled(process.pid) as samples:
                per_second = service.drive(port, seconds)
            os.kill(_server(process.pid) if tool else process.pid, signal.SIGTERM)
            process.wait(120)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Loaded(per_second, tuple(samples) if tool else ())


@contextlib.contextmanager
def _sampled(pid: int) -> Iterator[list[int]]:
    """Sample the resident bytes of a process ten times a second (proc(5), statm)."""
    samples: list[int] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(0.1):
            with contextlib.suppress(OSError, IndexError):
                samples.append(
                    int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
                )

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def _server(tool: int) -> int:
    """Return the process that a tool started: perf and strace would let it go at a signal to themselves."""
    return int(Path(f"/proc/{tool}/task/{tool}/children").read_text().split()[0])


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _await(true: Callable[[], bool], process: subprocess.Popen[bytes], what: str) -> None:
    deadline = time.monotonic() + 15
    while not true():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Missing(what)
        time.sleep(0.05)


def _text(file: IO[str]) -> str:
    return os.pread(file.fileno(), 4096, 0).decode(errors="replace")


def _redis(folder: Path, port: int) -> list[str]:
    return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]


def _redis_benchmark(port: int, seconds: float) -> float:
    """It takes a number of requests, not a time: ask for a second's worth first."""
    rate = _gets(port, 20_000)
    rate = _gets(port, int(rate / 2))
    return _gets(port, int(rate * seconds))


def _gets(port: int, requests: int) -> float:
    command = ["redis-benchmark", "-p", str(port), "-t", "get", "-c", str(CONNECTIONS), "--csv"]
    output = run([*command, "-n", str(max(requests, 1000))]).output
    return float(output.splitlines()[-1].split(",")[1].strip('"'))


def _nginx(folder: Path, port: int) -> list[str]:
    (folder / "index.html").write_text("x" * 97)
    folder.chmod(0o755)
    conf = folder / f"load.{port}.conf"
    conf.write_text(
        f"daemon off; worker_processes 1; pid {folder}/load.{port}.pid; error_log {folder}/load.log;"
        f"events {{ worker_connections 256; }} http {{ access_log off; keepalive_requests 1000000000;"
        f"server {{ listen 127.0.0.1:{port}; root {folder}; }} }}"
    )
    return ["nginx", "-c", str(conf)]


def _wrk(port: int, seconds: float) -> float:
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{max(1, round(seconds))}s"]
    output = run([*command, f"http://127.0.0.1:{port}/"]).output
    found = re.search(r"Requests/sec: +([0-9.]+)", output)
    if found is None:
        raise Missing("wrk printed no figure")
    return float(found[1])


SERVICES = (
    Service("redis", _redis, _redis_benchmark, "read,write,epoll_wait", ("redis-server", "redis-benchmark")),
    Service("nginx", _nginx, _wrk, "recvfrom,writev,sendfile,epoll_wait", ("nginx", "wrk")),
)
