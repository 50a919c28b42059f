"""The catalogues are what the sources say and what gettext reads; no message is asked for too early."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from iotrace.language import DOMAINS, LANGUAGES
from tests.catalogues import catalogue

CATALOGUES = [(domain, name) for name in LANGUAGES[1:] for domain in DOMAINS]


@pytest.mark.parametrize(("domain", "name"), CATALOGUES)
def test_the_catalogues_are_up_to_date(domain: str, name: str) -> None:
    file = catalogue.path(domain, name)
    assert catalogue.as_po(catalogue.updated(domain, name)) == file.read_bytes(), "run `make catalogues`"
    assert catalogue.as_mo(catalogue.read(domain, name)) == file.with_suffix(".mo").read_bytes(), (
        "run `make catalogues`"
    )


def test_what_is_marked_is_found() -> None:
    """Every domain's template is of its own folders; without that, no other test here can fail."""
    for domain in DOMAINS:
        files = {
            Path(name).parts[0] for message in catalogue.template(domain) for name, _ in message.locations
        } - {".."}  # the demos
        assert files & set(catalogue.PICTURES) == (files if domain == "pictures" else set())
    assert len(catalogue.template("text")) > 10


def sources() -> list[Path]:
    return sorted(catalogue.PACKAGE.rglob("*.py"))


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is evaluated when a module is imported: not the bodies of its functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            own = [*child.args.defaults, *(each for each in child.args.kw_defaults if each is not None)]
            own += getattr(child, "decorator_list", [])
            for each in own:
                yield each
                yield from at_import(each)
        else:
            yield child
            yield from at_import(child)


def asked_at_import(source: str) -> list[int]:
    """Return the lines on which a module asks for a translation while it is imported."""
    asking = set(catalogue.KEYWORDS) - {"N_"}
    return [
        node.lineno
        for node in at_import(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in asking
    ]


def test_no_message_is_asked_for_at_import() -> None:
    """It would be English for ever: the language is chosen later. A table is marked with N_."""
    found = {str(path): lines for path in sources() if (lines := asked_at_import(path.read_text()))}
    assert found == {}


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("TABLE = {1: _('one')}", [1]),
        ("def f(x=_('one')):\n    return _('two')", [1]),
        ("class A:\n    name = ngettext('one', 'many', 1)", [2]),
        ("TABLE = {1: N_('one')}\nf = lambda: _('one')", []),
    ],
)
def test_the_search_for_early_questions_finds_them(source: str, lines: list[int]) -> None:
    assert asked_at_import(source) == lines
