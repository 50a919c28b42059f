"""Write docs/real-servers.md from real runs: ``python -m tests.servers [FILE]``."""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from iotrace import wording
from iotrace.analysis import Analysis, analyse
from iotrace.analysis.model import Act
from iotrace.capture.choice import PROBES, reason_against
from iotrace.recording.reading import read
from tests.servers import programs
from tests.servers.catalogue import SERVERS, Server
from tests.servers.clients import CONNECTIONS, REQUESTS
from tests.servers.running import run

PAGE = Path(__file__).parents[2] / "docs" / "real-servers.md"

HEAD = f"""# Real servers

What iotrace says of servers that nobody here wrote. Each was started by its own command under each probe
and driven by its own kind of clients: {CONNECTIONS} connections with {REQUESTS} requests each (HTTP/1.0
makes a connection for each request). `tests/servers` asserts these verdicts under both probes: against the
servers' documentation, the triggers against the flags that strace shows, connections and requests against
what the clients did; and where each connection has a process or thread of its own, phase 1 is how long the
client thought. Of ucall, a server on io_uring, ptrace says that it cannot see what it does.

`iotrace attach` to each that has connections (but ucall), while it runs, finds the same models and every
receive. Whatever waited in accept when it came is found in a call, whose beginning nobody saw: that accept is
not counted, its connection is known. A trigger stays unseen where `epoll_ctl` goes through io_uring after
that (uvloop).

Each server also runs once under strace and once under the ptrace probe while the eBPF probe watches: two
tracers of one run agree on every call of the table, thread by thread, in order, with descriptor, result and
error, and the probes on the arguments too. Two differences are known: a thread that is killed inside a
call never comes back to its tracer, while the kernel still ends the call; and one that is killed while its
tracer holds it at the entry of a call never makes that call, which the tracer has seen begin.

`python -m tests.servers` makes this page from runs on your machine.

| server | accepting | receiving | process model | evidence |
|---|---|---|---|---|
"""


def main() -> int:
    """Run all servers that are installed; return 1 if the probes disagree on one."""
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    lines, agreed = [], True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs.write(folder)
        for server in SERVERS:
            if server.missing():
                print(f"{server.name}: not installed")
                continue
            rows = {probe: _row(server, _traced(server, folder, probe)) for probe in _probes()}
            agreed &= server.requests or len({row[:3] for row in rows.values()}) == 1
            said = next(iter(rows.values()))
            lines.append(f"| {server.name} | {' | '.join(said)} |")
            print(lines[-1])
    foot = f"\n{', '.join(_probes())}; Linux {os.uname().release}; {datetime.now(UTC):%Y-%m-%d}.\n"
    page.write_text(HEAD + "\n".join(lines) + "\n" + foot)
    return 0 if agreed else 1


def _probes() -> list[str]:
    return [probe.name for probe in PROBES if reason_against(probe) is None]


def _traced(server: Server, folder: Path, probe: str) -> Analysis:
    path = folder / f"{server.name}.{probe}.iotrace"
    run(server, folder, [sys.executable, "-m", "iotrace", "run", "--probe", probe, "-o", str(path), "--"])
    return analyse(read(path))


def _row(server: Server, analysis: Analysis) -> tuple[str, str, str, str]:
    accept = analysis.verdicts.get(Act.ACCEPT)
    receive = analysis.verdicts.get(Act.RECEIVE) or analysis.verdicts.get(Act.RECEIVE_DATAGRAM)
    process = wording.PROCESS_MODELS.get(analysis.process_model, analysis.process_model)
    because = "; ".join(verdict.because for verdict in (accept, receive) if verdict)
    words = (wording.verdict(verdict) if verdict else "no connections" for verdict in (accept, receive))
    return next(words), next(words), process, because


if __name__ == "__main__":
    sys.exit(main())
