"""What the analysis's terms are called when a person reads them."""

from __future__ import annotations

from pathlib import PurePosixPath

from iotrace.analysis.model import Act, Analysis, Basis, Descriptor, Model, Verdict

MODELS = {
    Model.UNKNOWN: "unknown",
    Model.BLOCKING: "blocking I/O",
    Model.NONBLOCKING: "non-blocking I/O: polling",
    Model.MULTIPLEXING: "I/O multiplexing",
    Model.SIGNAL_DRIVEN: "signal-driven I/O",
    Model.ASYNCHRONOUS: "asynchronous I/O",
    Model.MIXED: "mixed",
}
ACTS = {
    Act.RECEIVE: "receive",
    Act.ACCEPT: "accept",
    Act.RECEIVE_DATAGRAM: "receive datagram",
    Act.SEND: "send",
    Act.RECEIVE_UPSTREAM: "receive upstream",
}
BASES = {Basis.MEASURED: "measured", Basis.BOUNDED: "≈ bounded", Basis.UNSEEN: "? unseen"}
PROBES = {"bpf": "eBPF probe", "ptrace": "ptrace probe"}
PROCESS_MODELS = {
    "event_loop": "an event loop",
    "event_loop_per_thread": "an event loop in each thread",
    "event_loop_with_workers": "an event loop with workers",
    "process_per_connection": "a process per connection",
    "prefork": "preforked processes",
    "thread_per_connection": "a thread per connection",
    "thread_pool": "a pool of threads",
    "sequential": "one client after the other",
}


def verdict(found: Verdict) -> str:
    """Name a verdict: ``I/O multiplexing: select, level-triggered``."""
    if found.model == Model.MULTIPLEXING and found.multiplexer:
        trigger = (found.trigger or "").replace("level", "level-triggered").replace("edge", "edge-triggered")
        trigger = trigger.replace("mixed", "level- and edge-triggered")
        return f"{MODELS[found.model]}: {found.multiplexer}{', ' if trigger else ''}{trigger}"
    if found.model == Model.MIXED and found.shares:
        parts = sorted(found.shares.items(), key=lambda item: -item[1])
        return "mixed: " + ", ".join(f"{MODELS[Model(m)].split(':')[0]} {n}" for m, n in parts if n)
    return MODELS[found.model]


def target(analysis: Analysis) -> str:
    """Name the program that ran: its script where an interpreter ran one. Not yet escaped."""
    argv = [str(part) for part in analysis.events.header.get("argv") or ()]
    if not argv:
        return "?"
    name = PurePosixPath(argv[0]).name
    if name.startswith(("python", "pypy")):
        for position, part in enumerate(argv[1:], 1):
            if part == "-m" and position + 1 < len(argv):
                return f"-m {argv[position + 1]}"
            if part == "-c":
                break
            if not part.startswith("-"):
                return PurePosixPath(part).name
    return name


def descriptor(what: Descriptor) -> str:
    """Name a descriptor in few words: ``tcp :53312``, ``listen :8801``. Not yet escaped."""
    ours, arrow, theirs = what.name.partition(" ← ")
    name = theirs if arrow else ours
    made, name = name.startswith("→ "), name.removeprefix("→ ")  # a connection that the process made
    for prefix in ("127.0.0.1:", "[::1]:", "0.0.0.0:", "[::]:"):
        if name.startswith(prefix):
            name = name[len(prefix) - 1 :]
            break
    name = f"→ {name}" if made else name
    if what.kind == "file":
        name = PurePosixPath(name).name or name
    if what.kind in ("unknown", "socket") or name.startswith(what.kind):
        return name or what.kind
    return f"{what.kind} {name}".strip()
