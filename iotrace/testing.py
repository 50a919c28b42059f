"""Assertions about where a server blocks, for tests: on a recording, or on a server that is run for it.

Replaying a recording needs no privileges; recording needs what ``iotrace run`` needs. With pytest, the
fixture ``iotrace_record`` (:mod:`iotrace.pytest_plugin`) keeps recordings in the test's own folder.
"""

from __future__ import annotations

import inspect
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iotrace.api import RunError, Trace
from iotrace.api import open as open_trace
from iotrace.language import _
from iotrace.numbers import counted, duration
from iotrace.wording import unproved
from probes.table import BY_NAME

if TYPE_CHECKING:
    from iotrace.analysis.model import Analysis

__all__ = ["assert_model", "assert_never_blocks_in", "assert_no_stall", "record"]

_PATIENCE_S = 30.0
_SAID = ("call", "fd", "kind", "descriptor", "since_begin_ns", "tid")

Recording = Trace | str | os.PathLike[str]


def assert_model(
    recording: Recording, model: str, act: str = "receive", multiplexer: str | None = None
) -> None:
    """Assert which model the operations of an act prove: "blocking", "nonblocking", "multiplexing" …

    ``multiplexer``: also which, "select", "poll", "epoll" or "io_uring". The message has the reason.
    """
    trace = _trace(recording)
    verdict = trace.verdicts.get(act)
    none = _("no {act} in this recording: it has {acts}")
    assert verdict is not None, none.format(act=act, acts=", ".join(trace.verdicts) or "-")
    found = f"{verdict.model.label}{f' by {verdict.multiplexer}' if verdict.multiplexer else ''}"
    right = verdict.model.label == model and multiplexer in (None, verdict.multiplexer)
    wanted = f"{model}{f' by {multiplexer}' if multiplexer else ''}"
    words = _("{act}: {found}, not {wanted}: {because}")
    assert right, words.format(act=act, found=found, wanted=wanted, because=verdict.because)


def assert_no_stall(recording: Recording, limit_s: float = 0.05) -> None:
    """Assert that no event loop slept for ``limit_s`` or more in anything but its wait.

    The message names the call, how long it slept, and how many operations waited for it. A probe that sees
    no sleeps, and lost events, prove no absence: that fails too. Where there is no event loop, none can be
    stalled.
    """
    from iotrace.analysis import analyse
    from iotrace.views.sleeps import stall

    trace = _trace(recording)
    _provable(trace.analysis)
    stalls = analyse(trace.analysis.events, round(limit_s * 1e9)).stalls
    if stalls is None or stalls.longest is None:
        return
    words = stall(trace.analysis, stalls, stalls.longest).replace("\u202f", " ")
    raise AssertionError(
        counted(
            len(stalls),
            "{n} stall of {limit} or more; the longest: {longest}",
            "{n} stalls of {limit} or more; the longest: {longest}",
            limit=f"{limit_s * 1e3:g} ms",
            longest=words,
        )
    )


def assert_never_blocks_in(recording: Recording, *calls: str, thread: int | None = None) -> None:
    """Assert that no call of these names slept. The message names the longest, its descriptor and its time.

    Names are the kernel's (``recvfrom``, ``pselect6``); none, or an unknown one, is a ValueError.

    ``thread``: of this thread only. A probe that sees no sleeps, and lost events, fail it: that proves
    nothing.
    """
    unknown = sorted(set(calls) - BY_NAME.keys())
    if unknown or not calls:
        raise ValueError(f"no call {', '.join(unknown)} is recorded" if unknown else "no call was named")
    trace = _trace(recording)
    _provable(trace.analysis)
    table = trace.calls
    names = np.array(table["call"].to_pylist(), object)
    waited = table["wait_ns"].fill_null(0).to_numpy()
    chosen = np.isin(names, calls)
    if thread is not None:
        chosen &= table["tid"].to_numpy() == thread
    slept = np.flatnonzero(chosen & (waited > 0))
    if not len(slept):
        return
    longest = int(slept[waited[slept].argmax()])
    row = {name: table[name][longest].as_py() for name in _SAID}
    what = " ".join(str(row[name]) for name in ("fd", "kind", "descriptor") if row[name] is not None)
    call = str(row["call"])
    if row["fd"] is not None:
        call = _("{call} on fd {fd}").format(call=call, fd=what)
    raise AssertionError(
        counted(
            len(slept),
            "{n} call slept; the longest: {call} of thread {tid}, {time} at {begin}",
            "{n} calls slept; the longest: {call} of thread {tid}, {time} at {begin}",
            call=call,
            tid=row["tid"],
            time=duration(int(waited[longest])),
            begin=duration(int(row["since_begin_ns"])),
        )
    )


def record(
    server: Callable[[int], object],
    clients: Callable[[int], object],
    output: str | os.PathLike[str],
    probe: str = "auto",
) -> Trace:
    """Run ``server(port)`` in a process of its own under a probe, drive it, end it, and return its trace.

    ``server`` must be a function of a module's top level; ``clients(port)`` runs here, when somebody listens
    on the port. The server is ended with SIGTERM when the clients are done. Raises
    :class:`iotrace.RunError`, and what ``clients`` raises.
    """
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
    file = inspect.getsourcefile(server)
    if file is None or "<" in server.__qualname__ or "." in server.__qualname__:
        raise ValueError(f"{server!r} is no function of a module's top level: it cannot be run by itself")
    program = (
        f"import runpy; runpy.run_path({str(Path(file).resolve())!r}, run_name='_served_')"
        f"[{server.__name__!r}]({port})"
    )
    words = [
        "-m",
        "iotrace",
        "run",
        "--probe",
        probe,
        "-o",
        os.fspath(output),
        "--",
        sys.executable,
        "-c",
        program,
    ]
    with subprocess.Popen(
        [sys.executable, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    ) as tracer:  # fmt: skip
        try:
            _await(port, tracer)
            clients(port)
        finally:
            tracer.send_signal(signal.SIGTERM)
            said = tracer.communicate(timeout=_PATIENCE_S)[1]
    if not Path(output).exists():
        raise RunError(
            said.strip().splitlines()[-1] if said.strip() else "nothing was recorded", tracer.returncode
        )
    return open_trace(output)


def _await(port: int, tracer: subprocess.Popen[str]) -> None:
    """Wait until somebody listens, without connecting: the server would see that (proc(5), net/tcp)."""
    deadline = time.monotonic() + _PATIENCE_S
    while not any(f":{port:04X} " in line and " 0A " in line for line in _listening()):
        if tracer.poll() is not None:
            said = tracer.communicate()[1]
            raise RunError(f"the server ended before it listened: {said.strip()[-300:]}", tracer.returncode)
        if time.monotonic() > deadline:
            raise RunError(f"the server does not listen on port {port}", 125)
        time.sleep(0.02)


def _listening() -> list[str]:
    return [line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]


def _trace(recording: Recording) -> Trace:
    return recording if isinstance(recording, Trace) else open_trace(recording)


def _provable(analysis: Analysis) -> None:
    reason = unproved(analysis)
    assert reason is None, reason
