"""``_`` is gettext's where a module imports it, and nobody's left-over variable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "iotrace"
TRANSLATED = [
    path for path in sorted(ROOT.rglob("*.py")) if "from iotrace.language import" in path.read_text()
]
#: These have a scope of their own.
OWN_SCOPE = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def bound(node: ast.AST) -> Iterator[int]:
    """Yield the lines on which ``_`` is bound outside of comprehensions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, OWN_SCOPE):
            continue
        if isinstance(child, ast.Name) and child.id == "_" and isinstance(child.ctx, ast.Store):
            yield child.lineno
        yield from bound(child)


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_mark_is_not_bound_anew(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imports = any(
        isinstance(node, ast.ImportFrom)
        and node.module == "iotrace.language"
        and any(alias.name == "_" for alias in node.names)
        for node in ast.walk(tree)
    )
    assert not imports or not list(bound(tree))


def test_the_check_would_see_it() -> None:
    assert list(bound(ast.parse("for path, _ in files:\n    say(_('wrote'))"))) == [1]
    assert list(bound(ast.parse("first, _, last = span.partition('-')"))) == [1]
    assert not list(bound(ast.parse("names = [name for _, name in pairs]")))
