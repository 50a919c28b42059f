"""Diagrams, parsed and drawn by mermaid itself in a real browser: it says what they are to say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iotrace.analysis import Analysis
from iotrace.analysis.model import Act
from iotrace.escape import clean
from iotrace.exporters.contract import CannotExport
from iotrace.exporters.mermaid.words import MOST_NAME
from iotrace.figures.conversation import most
from iotrace.figures.meanings import timed
from iotrace.figures.messages import messages
from iotrace.figures.page import page
from iotrace.timeline import magnify, typical
from tests.exporters.asked import exported
from tests.exporters.browser import Browser
from tests.exporters.readers import reader
from tests.exporters.test_tables import lossy
from tests.figures import recordings
from tests.views import scenes

#: The newest, and an old one that wikis still draw with.
VERSIONS = ("mermaid-12.3.0", "mermaid-10.9.3")
KINDS = ("conversation", "model", "timeline")

#: What mermaid refuses by default is longer (its configuration, maxTextSize).
MOST_TEXT = 50_000

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "%%{init: {'theme': 'forest'}}%%",
    "%% no comment",
    "end",
    "a;b;;C->>K: forged",
    "#35;#quot;#",
    "x\nC->>K: forged",
    r"two\nlines<br>three<br/>four",
    "$$x^2$$",
    "style: a:#b; classDef x:#y;",
    "style:80#;",
    "wrap: nowrap:",
    "`back` **bold** _under_",
    "as: participant, actor | loop & {curly} [square] (round) @{ \"type\": \"queue\" }",
    "\u202egnp.exe \x1b]0;gone\x07 \x9b31m",
    "--> <<->> -x -) ->> ..",
    "套接字 ünï",
    "x" * 10_000,
)  # fmt: skip


@pytest.fixture(scope="module", params=VERSIONS)
def mermaid(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    script = reader(request.param, "dist/mermaid.min.js")
    folder = tmp_path_factory.mktemp("mermaid")
    (folder / "page.html").write_text(
        f'<!doctype html><meta charset="utf-8"><script src="{script.as_uri()}"></script><body><main></main>'
        "<script>mermaid.initialize({startOnLoad: false});"
        "document.documentElement.dataset.ready = 'yes'</script>"
    )
    with Browser(folder, 1200, 900) as browser:
        browser.open(folder / "page.html")
        browser.requests.clear()
        yield browser
        assert browser.errors == []
        assert browser.requests == []


def drawn(mermaid: Browser, diagram: str) -> dict[str, list[str]]:
    """Let mermaid draw a diagram; return its texts by their part, and the names of all elements."""
    found: dict[str, list[str]] = mermaid.value(
        f"""(async () => {{
            const drawn = await mermaid.render('drawing', {json.dumps(diagram)});
            const main = document.querySelector('main');
            main.innerHTML = drawn.svg;
            const texts = chosen => [...main.querySelectorAll(chosen)].map(each => each.textContent);
            return {{
                actors: texts('text.actor').map(each => each.trim()),
                messages: texts('.messageText'),
                arrows: texts('.messageLine0, .messageLine1'),
                boxes: texts('rect.note'),
                notes: texts('.noteText'),
                sections: texts('.sectionTitle'),
                bars: texts('.taskText, .taskTextOutsideRight, .taskTextOutsideLeft'),
                all: [main.querySelector('svg').textContent],
                elements: [...new Set([...main.querySelectorAll('*')].map(each => each.localName))],
            }};
        }})()"""
    )
    return found


def diagram(analysis: Analysis, kind: str = "", **options: Any) -> str:
    return exported(analysis, "mermaid", figure=kind, **options).decode()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", recordings.MODELS)
def test_mermaid_draws_every_model(mermaid: Browser, name: str, kind: str) -> None:
    analysis = recordings.MODELS[name]()
    source = diagram(analysis, kind)
    assert len(source) < MOST_TEXT
    found = drawn(mermaid, source)
    (words,) = found["all"]
    probe = "ptrace" if analysis.events.header.get("probe") == "ptrace" else "probe"
    for small in (probe, "Linux", f"{len(analysis.events)} events", "0 lost", "≈: bounded", "iotrace 0."):
        assert small in words
    assert "#58" not in words
    assert not {"script", "img", "a"} & set(found["elements"])
    assert ("≈ " in words.split("eBPF")[0]) >= (kind == "conversation" and name == "chat_ptrace")
    if kind == "timeline":
        assert len(found["sections"]) == source.count("    section ")
        assert len(found["bars"]) == len(re.findall(r"\d+ms$", source, re.MULTILINE))
    else:
        assert len(found["arrows"]) == len(found["messages"]) == source.count(">>")
        assert len(found["boxes"]) == source.count("Note over")


def test_the_conversation_is_that_of_the_recording(mermaid: Browser) -> None:
    analysis = recordings.overtaken()
    found = drawn(mermaid, diagram(analysis))
    told = messages(analysis, most(page("4:3")))
    receives = [each for each in told.messages if each.act is Act.RECEIVE]
    assert len(receives) == 3
    for each in receives:
        ready = (each.ready_ns - analysis.begin_ns) / 1e6
        taken = (each.taken_ns - analysis.begin_ns) / 1e6
        assert any(line.startswith(f"{ready:.3f} · 1.0 MiB: data ready") for line in found["messages"])
        assert any(line.startswith(f"{taken:.3f} · recvfrom copies 1.0 MiB") for line in found["messages"])
    times = [float(line.split(" ·")[0]) for line in found["messages"]]
    assert times == sorted(times)
    assert sum("select returns" in line for line in found["messages"]) == 1
    ports = [port for line in found["actors"] for port in re.findall(r":5000\d$", line)]
    assert sorted(set(ports)) == [":50000", ":50001", ":50002"]
    assert "messages 1 to 6 of 6" in found["notes"][0]


def test_the_model_has_every_piece_of_the_operation(mermaid: Browser) -> None:
    analysis = scenes.chat()
    index = typical(analysis)
    assert index is not None
    found = drawn(mermaid, diagram(analysis, "model"))
    for step in magnify(analysis, index).steps:
        assert any(note.endswith(f" · {step.text}") for note in found["notes"])
        assert f"{step.evidence} · {step.basis.label}" in found["notes"]
        assert timed(step.end_ns - step.begin_ns, step.length_basis) in found["notes"]
    assert [line.split(" · ")[1] for line in found["messages"]] == [
        "select", "1.0 MiB: data ready", "return: readable", "recvfrom", "return 1.0 MiB",
    ]  # fmt: skip


def test_an_operation_may_be_chosen(mermaid: Browser) -> None:
    analysis = scenes.chat()
    assert "operation 3: as asked" in drawn(mermaid, diagram(analysis, "model", operation=3))["notes"][0]
    assert "messages 3 to 10 of 15" in drawn(mermaid, diagram(analysis, operation=3))["notes"][0]
    for kind, number, said in (
        ("model", 1_000_000, "no operation 1000000"),
        ("conversation", 1_000_000, "no operation 1000000"),
        ("timeline", 3, "leave --operation out"),
    ):
        with pytest.raises(CannotExport, match=said):
            diagram(analysis, kind, operation=number)


def test_what_it_cannot_draw_is_said() -> None:
    with pytest.raises(CannotExport, match="no figure latency: there are conversation, model, timeline"):
        diagram(scenes.chat(), "latency")
    for kind in KINDS:
        with pytest.raises(CannotExport, match=r"nothing|no call"):
            diagram(scenes.empty(), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_crowd_is_cut_and_says_so(mermaid: Browser, kind: str) -> None:
    source = diagram(recordings.crowd(), kind)
    assert len(source) < MOST_TEXT
    assert source.count("\n") < 250
    found = drawn(mermaid, source)
    if kind == "timeline":
        assert any("more threads and 32 more descriptors are left out" in bar or
                   "37 more threads" in bar for bar in found["bars"])  # fmt: skip
        assert len(found["sections"]) <= 4 + 8 + 4
    else:
        assert "of 160" in found["notes"][0] or "of 120" in found["notes"][0]
        assert len(set(found["actors"])) <= 6 + 1 + 6


def test_lanes_of_one_name_are_two(mermaid: Browser) -> None:
    analysis = scenes.chat()
    same = replace(analysis, descriptors=[replace(each, fd=4, name="x") for each in analysis.descriptors])
    names = drawn(mermaid, diagram(same, "timeline"))["sections"]
    assert names[1:-1] == [
        "fd 4 listen x",
        *(f"fd 4 tcp x{n}" for n in ("", *(f" ({n})" for n in range(2, 6)))),
    ]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_name_is_text_and_nothing_else(mermaid: Browser, name: str) -> None:
    analysis = recordings.renamed(scenes.chat(), name)
    shown = clean(f"fd 4 tcp 1{name}")
    shown = shown if len(shown) <= MOST_NAME else shown[: MOST_NAME - 1] + "…"
    plain = drawn(mermaid, diagram(recordings.renamed(scenes.chat(), "plain")))
    found = drawn(mermaid, diagram(analysis))
    assert shown in [each.replace("\u200b", "") for each in found["actors"]]
    for part in ("arrows", "notes", "elements", "messages"):
        assert len(found[part]) == len(plain[part]), part
    assert [line.split(" ·")[0] for line in found["messages"]] == [
        line.split(" ·")[0] for line in plain["messages"]
    ]
    for kind, parts in (("model", ("arrows", "notes", "elements")), ("timeline", ("bars", "sections"))):
        one = drawn(mermaid, diagram(recordings.renamed(scenes.chat(), "plain"), kind))
        other = drawn(mermaid, diagram(analysis, kind))
        for part in parts:
            assert len(one[part]) == len(other[part]), part


def test_what_was_lost_is_said(mermaid: Browser) -> None:
    for kind in KINDS:
        (words,) = drawn(mermaid, diagram(lossy(), kind))["all"]
        assert "23 lost" in words


def test_the_source_says_where_it_comes_from() -> None:
    facts = dict(
        line.removeprefix("%% ").split(": ", 1) for line in diagram(lossy()).splitlines() if line[:2] == "%%"
    )
    assert (facts["probe"], facts["kernel"], facts["lost"]) == ("bpf", "6.18.0", "23")
    assert facts["date"] == "2023-11-14T22:13:20Z"
    assert "bounded" in facts["basis"]


def test_a_page_of_markdown_holds_it(tmp_path: Path) -> None:
    """A fence of three backticks is closed by nothing in it."""
    for name in HOSTILE:
        assert "```" not in diagram(recordings.renamed(scenes.chat(), name))
        assert "\r" not in diagram(recordings.renamed(scenes.chat(), name))
