"""What the analysis's terms are called when a person reads them."""

from __future__ import annotations

from pathlib import PurePosixPath

from iotrace.analysis.model import NAMELESS, Act, Analysis, Basis, Descriptor, Model, Verdict
from iotrace.language import N_, _
from iotrace.numbers import counted

# These are English: say them with ``_()``.
MODELS = {
    Model.UNKNOWN: N_("unknown"),
    Model.BLOCKING: N_("blocking I/O"),
    Model.NONBLOCKING: N_("non-blocking I/O: polling"),
    Model.MULTIPLEXING: N_("I/O multiplexing"),
    Model.SIGNAL_DRIVEN: N_("signal-driven I/O"),
    Model.ASYNCHRONOUS: N_("asynchronous I/O"),
    Model.MIXED: N_("mixed"),
}
#: The models in fewer words.
SHORT_MODELS = {
    Model.UNKNOWN: N_("unknown"),
    Model.BLOCKING: N_("blocking"),
    Model.NONBLOCKING: N_("non-blocking"),
    Model.MULTIPLEXING: N_("multiplexing"),
    Model.SIGNAL_DRIVEN: N_("signal-driven"),
    Model.ASYNCHRONOUS: N_("asynchronous"),
    Model.MIXED: N_("mixed"),
}
ACTS = {
    Act.RECEIVE: N_("receive"),
    Act.ACCEPT: N_("accept"),
    Act.RECEIVE_DATAGRAM: N_("receive datagram"),
    Act.SEND: N_("send"),
    Act.RECEIVE_UPSTREAM: N_("receive upstream"),
}
BASES = {Basis.MEASURED: N_("measured"), Basis.BOUNDED: N_("≈ bounded"), Basis.UNSEEN: N_("? unseen")}
PROBES = {"bpf": N_("eBPF probe"), "ptrace": N_("ptrace probe")}
PROCESS_MODELS = {
    "event_loop": N_("an event loop"),
    "event_loop_per_thread": N_("an event loop in each thread"),
    "event_loop_with_workers": N_("an event loop with workers"),
    "process_per_connection": N_("a process per connection"),
    "prefork": N_("preforked processes"),
    "thread_per_connection": N_("a thread per connection"),
    "thread_pool": N_("a pool of threads"),
    "thread_per_request": N_("a thread per request"),
    "process_per_request": N_("a process per request"),
    "sequential": N_("one client after the other"),
}
_WATCHED = {"level": N_("level"), "edge": N_("edge")}
_TRIGGERS = {
    "level": N_("level-triggered"),
    "edge": N_("edge-triggered"),
    "mixed": N_("level- and edge-triggered"),
}


def model(what: Model) -> str:
    """Name a model without what follows from it: ``non-blocking I/O``."""
    return _(MODELS[what]).split(":")[0].split("：")[0]


def trigger(found: Verdict) -> str:
    """Name a trigger: ``edge-triggered+oneshot``; empty where it is unseen."""
    kind, plus, more = (found.trigger or "").partition("+")
    return f"{_(_TRIGGERS.get(kind, kind))}{plus}{more}"


def verdict(found: Verdict) -> str:
    """Name a verdict: ``I/O multiplexing: select, level-triggered``."""
    if found.model == Model.MULTIPLEXING and found.multiplexer:
        words = trigger(found)
        named = _("{model}: {call}, {trigger}") if words else _("{model}: {call}")
        return named.format(model=_(MODELS[found.model]), call=found.multiplexer, trigger=words)
    if found.model == Model.MIXED and found.shares:
        parts = sorted(found.shares.items(), key=lambda item: -item[1])
        return _("mixed: {shares}").format(
            shares=_(", ").join(f"{model(Model(m))} {n}" for m, n in parts if n)
        )
    return _(MODELS[found.model])


def watcher(told: str) -> str:
    """Say who watches a descriptor: of ``epoll (fd 5, edge)`` the trigger is a word."""
    before, comma, triggers = told.removesuffix(")").partition(", ")
    if not comma:
        return told
    kind, plus, more = triggers.partition("+")
    return f"{before}, {_(_WATCHED.get(kind, kind))}{plus}{more})"


def unproved(analysis: Analysis) -> str | None:
    """Say why a recording in which no sleep is to be seen does not prove that there was none; else None."""
    if analysis.lost:
        return counted(
            analysis.lost,
            "{n} event was lost: what is not seen may have been",
            "{n} events were lost: what is not seen may have been",
        )
    if not {"sleep", "accounts"} & set(analysis.events.header.get("evidence") or ()):
        return _("this probe did not see sleeps: nothing is proved")
    return None


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
    name = theirs if arrow and theirs != NAMELESS else ours
    made, name = name.startswith("→ "), name.removeprefix("→ ")  # a connection that the process made
    for prefix in ("127.0.0.1:", "[::1]:", "0.0.0.0:", "[::]:"):
        if name.startswith(prefix):
            name = name[len(prefix) - 1 :]
            break
    if what.kind == "file" or name.startswith("/"):  # a socket's path is long, and no more than a file's
        name = PurePosixPath(name).name or name
    name = f"→ {name}" if made else name
    if what.kind in ("unknown", "socket") or name.startswith(what.kind):
        return name or what.kind
    return f"{what.kind} {name}".strip()
