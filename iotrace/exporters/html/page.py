"""The page around the data: it fetches nothing, runs only its own script, and can be read without one."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, BinaryIO

from iotrace import wording
from iotrace.analysis.model import Act, Analysis, Verdict
from iotrace.exporters.html.content import short
from iotrace.exporters.html.tables import tables, text
from iotrace.figures.meanings import WORDS as MEANINGS
from iotrace.figures.provenance import small_print
from iotrace.numbers import brief, grouped, plural
from iotrace.theme import LIGHT, THEMES, Meaning
from iotrace.timeline import alive_until

_SCRIPTS = ("data", "numbers", "pieces", "paint", "search", "details", "view", "main")

WORDS = {
    "choose": "Choose a call or an operation: click it, or go to it with ].",
    "send_act": wording.ACTS[Act.SEND],
    "accept_act": wording.ACTS[Act.ACCEPT],
    "in_flight": "in flight when the recording ended",
    "thread": "thread",
    "descriptor": "descriptor",
    "result": "result",
    "begin": "begin",
    "length": "length",
    "ready": "data ready",
    "before_call": "before the call",
    "into_call": "into the call",
    "woken_by": "woken by",
    "basis": "basis",
    "accounted": "≈ bounded: lengths from the scheduler's accounts, not from events",
    "model": "model",
    "bytes": "bytes",
    "phase1": "phase 1, waiting for data",
    "between": "ready until the copy began",
    "phase2": "phase 2, copying",
    "tries": "failed tries",
    "waited_by": "waited in",
    "copied_by": "copied in",
    "kernel_thread": "a kernel thread",
    "early": "data lay unread before it was asked for",
    "unseen": "unseen",
    "free_ns": "free",
    "polling_ns": "polling",
    "queued_ns": "queued",
    "in_wait_ns": "blocked in a wait",
    "in_transfer_ns": "blocked in the transfer",
    "in_signal_ns": "blocked, waiting for a signal",
    "in_ring_ns": "blocked in io_uring_enter",
    "in_other_ns": "blocked in another call",
    "matches": "{count} calls found",
    "more": "and {count} more",
    "unread": "This browser cannot read the page's data: it needs DecompressionStream (2023 or later).",
}

_FOUND = ("begin", "thread", "call", "descriptor", "result", "length")
_HELP = (
    ("← →", "move"), ("+ −", "zoom"), ("0", "all"), ("↑ ↓", "lane"), ("[ ]", "call before, after"),
    ("Enter", "zoom to it"), ("/", "find"), ("n N", "next, previous found"),
    ("drag", "move"), ("shift drag", "zoom to a stretch"), ("ctrl wheel", "zoom"),
)  # fmt: skip


def write_page(analysis: Analysis, facts: dict[str, Any], columns: bytes, out: BinaryIO) -> None:
    """Write the page: ``facts`` as JSON, ``columns`` as base64."""
    script = _script()
    first, second = small_print([analysis])
    lost = f"{grouped(analysis.lost)} events were lost: counts and shares are lower bounds"
    fields = {
        "policy": f"default-src 'none'; script-src {_hash(script)}; style-src 'unsafe-inline'; img-src data:",
        "title": escape(f"Where {short(wording.target(analysis))} spent its time"),
        "style": _asset("style.css") + _colours(),
        "subtitle": _subtitle(analysis),
        "lost": f'<p class="warning">{lost}</p>' if analysis.lost else "",
        "verdicts": "".join(f"<li>{_verdict(*each)}</li>" for each in analysis.verdicts.items()),
        "themes": "".join(f'<option value="{theme.name}">{theme.name}</option>' for theme in THEMES),
        "legend": "".join(_entry(*each) for each in MEANINGS.items() if each[0] is not Meaning.IDLE),
        "heads": "".join(f'<th scope="col">{word}</th>' for word in _FOUND),
        "keys": " · ".join(f"<kbd>{key}</kbd> {what}" for key, what in _HELP),
        "tables": tables(analysis),
        "provenance": escape(first),
        "basis": escape(second),
        "facts": _json({**facts, "words": WORDS}),
        "script": script,
    }
    # The columns are by far the most: they go out as they are.
    before, after = (Template(part).substitute(fields) for part in _asset("page.html").split("$columns"))
    out.write(before.encode("utf-8", "replace"))
    out.write(columns)
    out.write(after.encode("utf-8", "replace"))


def _json(facts: dict[str, Any]) -> str:
    """Write JSON for a script element: only these three signs can end it, or begin a comment."""
    data = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&":
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    return data


def _subtitle(analysis: Analysis) -> str:
    parts = (
        brief(alive_until(analysis) - analysis.begin_ns),
        plural(len(analysis.threads), "thread"),
        plural(sum(call.count for call in analysis.calls), "call"),
    )
    return " · ".join(parts)


def _verdict(act: Act, found: Verdict) -> str:
    because = f'<span class="muted">{text(found.because)}</span>'
    return f"<b>{text(wording.ACTS[act])}</b>: {text(wording.verdict(found))} {because}"


def _entry(meaning: Meaning, words: str) -> str:
    return f'<li><span class="{meaning}"></span>{words}</li>'


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


@cache
def _script() -> str:
    """Return the whole script, in a scope of its own."""
    return '"use strict";(() => {\n' + "\n".join(_asset(f"{name}.js") for name in _SCRIPTS) + "\n})();\n"


def _hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _colours() -> str:
    """Return the light theme's colours, for who runs no script."""
    colours, legend = [], []
    for meaning, swatch in LIGHT.swatches.items():
        parts = {"": swatch.fill, "-edge": swatch.edge, "-ink": swatch.ink, "-word": swatch.word}
        colours += [f"--{meaning}{part}:{colour}" for part, colour in parts.items()]
        legend.append(f"#legend .{meaning}{{background:var(--{meaning});border-color:var(--{meaning}-edge)}}")
    return f":root{{{';'.join(colours)}}}{''.join(legend)}"
