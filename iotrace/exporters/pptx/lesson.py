"""The lesson of a demo as a deck: its claim, its code, what was measured, questions and their answers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from iotrace.analysis.comparison import compare
from iotrace.analysis.model import Act, Analysis, Basis, MatrixRow
from iotrace.capture.clients import Demo, ManifestError, shipped
from iotrace.exporters.contract import CannotExport
from iotrace.exporters.pptx.deck import drawn, lessons, opening, proof, sentence
from iotrace.exporters.pptx.slides import Slides, code_rows_of
from iotrace.exporters.summaries import listed, shares
from iotrace.figures.scene import Scene
from iotrace.language import N_, _

_BLOCKS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

#: What every demo has for its own start, and what no lesson is about.
_SETUP = {"listen", "main"}

_HIDDEN = N_("the probe cannot see it: record with the eBPF probe")


def lesson(slides: Slides, analysis: Analysis, figures: Mapping[str, Sequence[Scene]]) -> None:
    """Fill the slides. Raises :class:`CannotExport` where the recording is of no demo of ours."""
    demo = _demo(analysis)
    source = demo.script.read_text("utf-8")
    opening(slides, _(demo.title), analysis, _(demo.claim))
    told = [_(part).replace("`", "") for part in explained(source)]
    slides.words(_("What to look at"), told)
    for lines in code(source, slides.code_rows):
        slides.code(demo.script.name, lines, "\n".join(told))
    for kind in ("timeline", "model", "conversation", "buffer", "scaling"):
        drawn(slides, figures.get(kind, ()))
    proof(slides, analysis)
    for question, answer in questions(analysis):
        slides.words(_("A question"), [question], answer)
        slides.words(question, [answer], answer)
    lessons(slides, analysis)
    slides.words(_("See it yourself"), [f"iotrace demo {demo.name}", "iotrace report", "iotrace show"])


def explained(source: str) -> list[str]:
    """Return the paragraphs with which a program says what to look at: messages, each in one line."""
    parts = [" ".join(part.split()) for part in (ast.get_docstring(ast.parse(source)) or "").split("\n\n")]
    return parts[1:] or parts


def code(source: str, rows: int) -> Iterator[list[str]]:
    """Yield a program's own code, a slide of ``rows`` at a time: no imports, no set-up.

    A function that one slide has room for is not divided.
    """
    lines = source.splitlines()
    page: list[str] = []
    whole = False  # whether there is a function on the page already
    for node in ast.parse(source).body:
        if not isinstance(node, (*_BLOCKS, ast.Assign, ast.AnnAssign)):
            continue
        if isinstance(node, _BLOCKS) and node.name in _SETUP:
            continue
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        block = lines[first - 1 : node.end_lineno]
        gap = [""] if page and isinstance(node, _BLOCKS) else []
        if (whole or _rows(block) <= rows) and page and _rows([*page, *gap, *block]) > rows:
            yield page
            page, gap = [], []
        page += gap + block
        whole = isinstance(node, _BLOCKS)
        while _rows(page) > rows:
            most = next(n for n in range(len(page), 0, -1) if _rows(page[:n]) <= rows)
            yield page[:most]
            page = page[most:] if page[most] else page[most + 1 :]
    if page:
        yield page


def _rows(lines: Sequence[str]) -> int:
    return sum(len(code_rows_of(line)) for line in lines)


def questions(analysis: Analysis) -> Iterator[tuple[str, str]]:
    """Yield what a teacher asks about a recording, and what it answers."""
    row = next((row for row in analysis.matrix if row.act is not Act.ACCEPT and row.operations), None)
    if row is not None:
        yield _("Where does the process wait for the data?"), _first(row)
        yield _("Where is the process while they are copied?"), _second(row)
        yield _("Is that synchronous, as POSIX defines it?"), _synchronous(analysis)
    if analysis.order:
        yield _("In which order are the clients answered, and why?"), sentence(analysis.order)


def _first(row: MatrixRow) -> str:
    if row.phase1.basis is Basis.UNSEEN:
        return sentence(_(_HIDDEN))
    if not row.phase1.total_ns:
        return _("Nowhere: the data were there at once.")
    return sentence(f"{_about(row.phase1.basis)}{listed(shares(row.phase1))}")


def _second(row: MatrixRow) -> str:
    if row.phase2.basis is Basis.UNSEEN:
        return sentence(_(_HIDDEN))
    if not row.phase2.total_ns:
        return _("Nothing was copied.")
    return sentence(f"{_about(row.phase2.basis)}{listed(shares(row.phase2))}")


def _synchronous(analysis: Analysis) -> str:
    (side,) = compare([("", analysis)])
    if side.synchronous is None:
        return sentence(_("this recording does not say: {why}").format(why=_(_HIDDEN)))
    if side.synchronous:
        return _("Yes: while the data are copied, the process is inside the call and can do nothing else.")
    return _("No: the process was free in both phases; somebody else copied.")


def _about(basis: Basis) -> str:
    return "≈ " if basis is Basis.BOUNDED else ""


def _demo(analysis: Analysis) -> Demo:
    options = analysis.events.header.get("options")
    name = options.get("demo") if isinstance(options, Mapping) else None
    try:
        found = shipped().get(str(name))
    except ManifestError as error:
        raise CannotExport(str(error)) from None
    if found is None:
        raise CannotExport(
            _("--lesson is for recordings of demos (`iotrace demo` lists them): leave it away")
        )
    return found
