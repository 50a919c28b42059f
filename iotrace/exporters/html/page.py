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
from iotrace.language import N_, _, current, ngettext
from iotrace.numbers import brief, counted, grouped
from iotrace.theme import LIGHT, THEMES
from iotrace.timeline import alive_until

#: The language of a page, as BCP 47 has it.
_TAGS = {"en": "en", "zh": "zh-Hans"}

_SCRIPTS = ("data", "numbers", "pieces", "paint", "search", "details", "view", "main")

#: What the page's script says: messages. Names in braces are filled in by the script.
WORDS = {
    "choose": N_("Choose a call or an operation: click it, or go to it with ]."),
    "in_flight": N_("in flight when the recording ended"),
    "thread": N_("thread"),
    "thread_named": N_("thread {tid}"),
    "descriptor": N_("descriptor"),
    "result": N_("result"),
    "begin": N_("begin"),
    "length": N_("length"),
    "ready": N_("data ready"),
    "before_call": N_("{time} before the call"),
    "into_call": N_("{time} into the call"),
    "woken_by": N_("woken by"),
    "basis": N_("basis"),
    "accounted": N_("≈ bounded: from the scheduler's accounts, or a switch was not seen"),
    "model": N_("model"),
    "bytes": N_("bytes"),
    "phase1": N_("phase 1, waiting for data"),
    "between": N_("ready until the copy began"),
    "phase2": N_("phase 2, copying"),
    "tries": N_("failed tries"),
    "waited_by": N_("waited in"),
    "copied_by": N_("copied in"),
    "kernel_thread": N_("a kernel thread"),
    "early": N_("data lay unread before it was asked for"),
    "unseen": N_("unseen"),
    "free_ns": N_("free"),
    "polling_ns": N_("polling"),
    "queued_ns": N_("queued"),
    "in_wait_ns": N_("blocked in a wait"),
    "in_transfer_ns": N_("blocked in the transfer"),
    "in_signal_ns": N_("blocked, waiting for a signal"),
    "in_ring_ns": N_("blocked in io_uring_enter"),
    "in_other_ns": N_("blocked in another call"),
    "matches": N_("{count} calls found"),
    "more": N_("and {count} more"),
    "unread": N_("This browser cannot read the page's data: it needs DecompressionStream (2023 or later)."),
}

#: What stands in ``page.html``, by the name of its place: messages.
_PLACES = {
    "noscript": N_("The timeline needs JavaScript; the tables below do not."),
    "find": N_("Find"),
    "previous": N_("previous found"),
    "next": N_("next found"),
    "out": N_("zoom out"),
    "in": N_("zoom in"),
    "whole": N_("whole run"),
    "look": N_("Look"),
    "auto": N_("as the system"),
    "lanes": N_(
        "Timeline of threads and descriptors. Arrow keys move, plus and minus zoom, brackets choose a call."
    ),
    "chosen": N_("What was chosen"),
    "found": N_("Found"),
}
_THEMES = {"light": N_("light"), "dark": N_("dark"), "contrast": N_("high contrast"), "print": N_("print")}
_FOUND = (N_("begin"), N_("thread"), N_("call"), N_("descriptor"), N_("result"), N_("length"))
_HELP = (
    ("← →", N_("move")), ("+ −", N_("zoom")), ("0", N_("all")), ("↑ ↓", N_("lane")),
    ("[ ]", N_("call before, after")), ("Enter", N_("zoom to it")), ("/", N_("find")),
    ("n N", N_("next, previous found")), (N_("drag"), N_("move")),
    (N_("shift drag"), N_("zoom to a stretch")), (N_("ctrl wheel"), N_("zoom")),
)  # fmt: skip


def write_page(analysis: Analysis, facts: dict[str, Any], columns: bytes, out: BinaryIO) -> None:
    """Write the page: ``facts`` as JSON, ``columns`` as base64."""
    script = _script()
    first, second = small_print([analysis])
    lost = ngettext(
        "{n} event was lost: counts and shares are lower bounds",
        "{n} events were lost: counts and shares are lower bounds",
        analysis.lost,
    ).format(n=grouped(analysis.lost))
    title = _("Where {program} spent its time").format(program=short(wording.target(analysis)))
    fields = {
        **{f"say_{name}": escape(_(words)) for name, words in _PLACES.items()},
        "lang": _TAGS[current()],
        "policy": f"default-src 'none'; script-src {_hash(script)}; style-src 'unsafe-inline'; img-src data:",
        "title": escape(title),
        "style": _asset("style.css") + _colours(),
        "subtitle": _subtitle(analysis),
        "lost": f'<p class="warning">{escape(lost)}</p>' if analysis.lost else "",
        "verdicts": "".join(f"<li>{_verdict(*each)}</li>" for each in analysis.verdicts.items()),
        "themes": "".join(
            f'<option value="{theme.name}">{escape(_(_THEMES[theme.name]))}</option>' for theme in THEMES
        ),
        "legend": "".join(
            [
                *(_entry(meaning, _(words)) for meaning, words in MEANINGS.items()),
                _entry("sign", _("accepted")),
            ]
        ),
        "heads": "".join(f'<th scope="col">{escape(_(word))}</th>' for word in _FOUND),
        "keys": " · ".join(f"<kbd>{escape(_(key))}</kbd> {escape(_(what))}" for key, what in _HELP),
        "tables": tables(analysis),
        "provenance": escape(first),
        "basis": escape(second),
        "facts": _json({**facts, "words": {name: _(words) for name, words in WORDS.items()}}),
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
        counted(len(analysis.threads), "{n} thread", "{n} threads"),
        counted(sum(call.count for call in analysis.calls), "{n} call", "{n} calls"),
    )
    return " · ".join(parts)


def _verdict(act: Act, found: Verdict) -> str:
    because = f'<span class="muted">{text(found.because)}</span>'
    return f"<b>{text(_(wording.ACTS[act]))}</b>: {text(wording.verdict(found))} {because}"


def _entry(meaning: str, words: str) -> str:
    return f'<li><span class="{meaning}"></span>{escape(words)}</li>'


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
