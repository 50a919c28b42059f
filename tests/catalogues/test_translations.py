"""Every message has a translation that says the same facts, and nothing is said without being marked."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from iotrace import language, refusals
from iotrace.language import DOMAINS, LANGUAGES
from tests.catalogues import catalogue
from tests.command import ROOT


def fields(text: str) -> set[str]:
    return set(re.findall(r"\{(\w*)[^}]*\}", text))


@pytest.mark.parametrize(("name", "domain"), [(name, domain) for name in LANGUAGES[1:] for domain in DOMAINS])
def test_no_message_lacks_a_translation(name: str, domain: str) -> None:
    lacking = [m.id for m in catalogue.updated(domain, name) if m.id and not catalogue.is_translated(m)]
    assert lacking == []


@pytest.mark.parametrize(("name", "domain"), [(name, domain) for name in LANGUAGES[1:] for domain in DOMAINS])
def test_translations_hold_the_same_facts(name: str, domain: str) -> None:
    """Fields, commands in `backquotes`, options and the lines' ends: what is no word is not translated."""
    differing = []
    for message in catalogue.read(domain, name):
        if not message.id:
            continue
        every = catalogue.originals(message)
        one = every[-1]
        for form in catalogue.forms(message):
            most, least = set.union(*map(fields, every)), set.intersection(*map(fields, every))
            same = least <= fields(form) <= most
            same &= re.findall(r"`[^`]*`", form) == re.findall(r"`[^`]*`", one)
            same &= set(re.findall(r"--[a-z]+", form)) == set(re.findall(r"--[a-z]+", one))
            same &= form.endswith("\n") == one.endswith("\n")
            if not same:
                differing.append((one, form))
    assert differing == []


def test_chinese_is_set_as_chinese() -> None:
    """A blank stands between Chinese and Latin letters or figures; marks of Chinese sentences are its own."""
    wide = "\u4e00-\u9fff"
    wrong = re.compile(rf"[{wide}][A-Za-z0-9{{`]|[A-Za-z0-9}}`][{wide}]|[{wide}][.,;:?!](\s|$)")
    # A message that is put before or after another has its blank, or needs none.
    joined = {"{operations}", "{share}", "{what}", "{problem}", "{act}", "{free}", "{name}", "{model}"}
    found = []
    for domain in DOMAINS:
        for message in catalogue.read(domain, "zh"):
            for form in catalogue.forms(message):
                text = form
                for field in joined:
                    text = text.replace(field, "")
                if message.id and wrong.search(text):
                    found.append(form)
    assert found == []


#: Calls whose first argument a person reads: as a sentence of its own.
SPEAKERS = {
    "say", "ArgumentTypeError", "OutputError", "RecordingError", "ManifestError", "TargetError", "ProbeError",
    "_Unclear", "_Refused", "add_argument_group",
}  # fmt: skip
#: One speaks as probes do, for the recording: iotrace.refusals translates it. One says that it must speak
#: English.
ENGLISH = {"capture/choice.py", "cli/screen.py"}


def unmarked(source: str) -> Iterator[int]:
    """Yield the lines on which a literal sentence, or one with values in it, is said or helps."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        told = node.args[:1] if name in SPEAKERS else []
        told += [each.value for each in node.keywords if each.arg == "help"]
        for each in told:
            words = re.sub(r"--[a-z-]+", "", literal(each) or "")
            if re.search(r"[a-z]{2}", words):
                yield node.lineno


def test_no_sentence_is_said_unmarked() -> None:
    found = {
        str(path.relative_to(catalogue.PACKAGE)): lines
        for path in sorted(catalogue.PACKAGE.rglob("*.py"))
        if (lines := list(unmarked(path.read_text())))
    }
    assert {name: lines for name, lines in found.items() if name not in ENGLISH} == {}


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("say(f'{n} calls')", [1]),
        ("raise RecordingError('no recording')", [1]),
        ("parser.add_argument('--pin', help='pin it')", [1]),
        ("say(_('{n} calls').format(n=n))\nsay(str(error))", []),
    ],
)
def test_the_search_for_unmarked_sentences_finds_them(source: str, lines: list[int]) -> None:
    assert list(unmarked(source)) == lines


def test_no_mark_stands_within_an_f_string() -> None:
    """Python 3.11 reads an f-string as one token: what is marked in it is not found."""
    found = []
    for path in sorted(catalogue.PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for inner in ast.walk(node) if isinstance(node, ast.JoinedStr) else ():
                if (
                    isinstance(inner, ast.Call)
                    and getattr(inner.func, "id", "") in catalogue.KEYWORDS
                    and any(isinstance(each, ast.Constant) for each in inner.args)
                ):
                    found.append(f"{path.name}:{inner.lineno}")
    assert found == []


def sentences_of_probes() -> Iterator[tuple[str, str]]:
    """Yield (where, sentence) of what probes refuse with, its values as ``\\0``."""
    for path in sorted((ROOT / "probes").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(getattr(node, "func", None), "id", "")
            if isinstance(node, ast.Call) and name in ("ProbeError", "TargetError"):
                words = literal(node.args[0])
                if words is not None:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", words


def literal(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "\0" for each in node.values)
    return None


def test_what_probes_refuse_with_is_told_again() -> None:
    """A new sentence of a probe is one line in iotrace.refusals."""
    #: Said to programmers, or the system's own words only.
    silent = {"\0: \0", "the probe was not started: call start() first", "the ptrace probe was not started"}
    silent.add("the buffer size \0 is not a power of two of at least 4096: choose 67108864")
    known = [refusals.pattern_of(message) for message in refusals.SENTENCES]
    strange = [
        f"{where}: {words!r}"
        for where, words in sentences_of_probes()
        if words not in silent and not any(each.fullmatch(words.replace("\0", "x")) for each in known)
    ]
    assert strange == [], "add them to iotrace/refusals.py"


def test_no_sentence_is_kept_that_nobody_says() -> None:
    folders = (ROOT / "probes", ROOT / "iotrace/capture")
    text = ""
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        literals = (literal(node) for node in ast.walk(ast.parse(path.read_text())))
        text += "\n".join(filter(None, literals))
    parts = {part for message in refusals.SENTENCES for part in re.split(r"\{\w+\}", message)}
    pieces = {part for part in parts if len(part.strip(" ():;,")) > 3}
    assert {part for part in pieces if part not in text and part.strip() not in text} <= {
        # put together from two: cause and place
        "this kernel has no tracepoint ", "this kernel has ",
    }  # fmt: skip


def test_a_refusal_is_told_again() -> None:
    reason = "this kernel has no tracepoint sock:sk_data_ready, which the eBPF probe cannot do without"
    told = f"no eBPF: {reason}: use --probe ptrace; this run uses ptrace"
    assert refusals.said(told) == told
    language.use("zh")
    said = refusals.said(told)
    assert said.startswith("不用 eBPF：")
    assert "sock:sk_data_ready" in said
    assert not re.search(r"kernel|without|this", said)
    assert refusals.said("something new") == "something new"


def test_the_sources_of_templates_are_all_there() -> None:
    files = {Path(name) for message in catalogue.template("text") for name, _ in message.locations}
    assert {Path("refusals.py"), Path("wording.py"), Path("../demos/manifest.toml")} <= files
