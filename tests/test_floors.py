"""Imports point only down the floors. Read from the sources, so that a lazy import counts too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Which floor a module stands on, by the longest prefix of its name. A new module is one line here.
FLOORS = {
    "probes": 0,
    "iotrace.escape": 1,
    "iotrace.columns": 1,
    "iotrace.fonts": 1,
    "iotrace.language": 1,
    "iotrace.invoking_user": 1,
    "iotrace.creation": 1,
    "iotrace.numbers": 1,
    "iotrace.refusals": 1,
    "iotrace.theme": 1,
    "iotrace.recording": 1,
    "iotrace.capture": 1,
    "iotrace.analysis": 2,
    "iotrace.wording": 3,
    "iotrace.timeline": 3,
    "iotrace.figures": 3,
    "iotrace.views": 4,
    "iotrace.exporters": 4,
    "iotrace.cli": 5,
    "iotrace.api": 5,
    "iotrace.testing": 6,
    "iotrace.pytest_plugin": 7,
    "iotrace.__main__": 5,
}
#: The package itself holds the version, which every floor may read, and names what is in iotrace.api.
VERSION_ONLY = "iotrace"

MODELS = {"blocking", "nonblocking", "multiplexing", "multiplexed", "signaldriven", "asynchronous", "verdict"}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute module name) of everything that ``path`` imports."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(), path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*base, *([node.module] if node.module else [])])
            yield node.lineno, target
            for alias in node.names:
                if is_module(f"{target}.{alias.name}"):
                    yield node.lineno, f"{target}.{alias.name}"


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def floor(module: str) -> int | None:
    prefixes = [prefix for prefix in FLOORS if module == prefix or module.startswith(f"{prefix}.")]
    return FLOORS[max(prefixes, key=len)] if prefixes else None


def is_ours(module: str) -> bool:
    return module.split(".")[0] in ("iotrace", "probes", "demos", "tests", "benchmarks")


def is_inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def where(path: Path, line: int, module: str) -> str:
    return f"{path.relative_to(ROOT)}:{line} imports {module}"


def test_every_module_has_a_floor() -> None:
    homeless = [
        module_name(path) for path in sources("probes", "iotrace") if floor(module_name(path)) is None
    ]
    assert homeless == [VERSION_ONLY], "add the module to FLOORS"


def test_imports_point_down() -> None:
    upward = []
    for path in sources("probes", "iotrace"):
        own = floor(module_name(path))
        for line, module in imports(path):
            if module_name(path) == VERSION_ONLY and is_inside(module, "iotrace.api"):
                continue
            if not is_ours(module) or module == VERSION_ONLY:
                continue
            other = floor(module)
            assert own is not None, f"{where(path, line, module)}: the package's __init__ imports nothing"
            if other is None or other > own:
                upward.append(where(path, line, module))
    assert upward == []


def test_probes_know_nothing_of_iotrace() -> None:
    found = [
        where(path, line, module)
        for path in sources("probes")
        for line, module in imports(path)
        if is_ours(module) and not is_inside(module, "probes")
    ]
    assert found == []


def test_demos_stand_alone() -> None:
    found = [where(path, line, m) for path in sources("demos") for line, m in imports(path) if is_ours(m)]
    demos = {path.stem for path in sources("demos")}
    for path in sources("probes", "iotrace", "tests", "benchmarks"):
        for line, module in imports(path):
            if module.split(".")[0] in {"demos", *demos}:
                found.append(where(path, line, module))
    assert found == []
    assert len(demos) >= 7


def identifiers(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of whatever ``path`` defines or uses."""
    for node in ast.walk(ast.parse(path.read_text(), path)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name


def model_words(name: str) -> set[str]:
    """Return the I/O models' words that are whole words of ``name``, in snake or camel case."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    pairs = [first + second for first, second in pairwise(words)]
    return MODELS.intersection([*words, *pairs])


def test_probes_speak_no_model() -> None:
    """Flags of the ABI (O_NONBLOCK, SOCK_NONBLOCK, os.set_blocking) are the kernel's words and allowed."""
    allowed = {"set_blocking", "get_blocking", "setblocking", "getblocking"}
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sources("probes")
        for line, name in identifiers(path)
        if name not in allowed and model_words(name)
    ]
    for path in sorted((ROOT / "probes").rglob("*.[ch]")):
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)
        found += [
            f"{path.relative_to(ROOT)} {name}"
            for name in re.findall(r"[A-Za-z_]\w*", code)
            if model_words(name)
        ]
    assert found == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("is_blocking", {"blocking"}),
        ("SignalDrivenModel", {"signaldriven"}),
        ("O_NONBLOCK", set()),
        ("unblocking", set()),
        ("Verdict", {"verdict"}),
    ],
)
def test_the_word_finder_finds(name: str, words: set[str]) -> None:
    assert model_words(name) == words
