"""The deck about any recording: what ran and what it is, its figures, the proof, the calls, the lessons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files

from iotrace import wording
from iotrace.analysis.model import Act, Analysis
from iotrace.exporters.pptx.slides import Slides
from iotrace.exporters.summaries import CALLS, MATRIX, call_rows, matrix_rows
from iotrace.figures.scene import Scene
from iotrace.language import N_, _, current, ngettext
from iotrace.numbers import grouped
from probes.table import BY_NAME

BASES = N_("≈ bounded, ? unseen")

#: Columns of the tables that are read from afar; the page and the JSON report have all.
_SHOWN_MATRIX, _SHOWN_CALLS = (0, 1, 2, 3, 4), (0, 1, 2, 5, 6, 7, 9)


def deck(slides: Slides, analysis: Analysis, figures: Mapping[str, Sequence[Scene]]) -> None:
    """Fill the slides; ``figures`` are those that the recording has, by kind, each with its stages."""
    opening(slides, _("Where {program} waits").format(program=wording.target(analysis)), analysis)
    for kind in ("timeline", "model", "conversation"):
        drawn(slides, figures.get(kind, ()))
    proof(slides, analysis)
    calls(slides, analysis)
    for kind in ("latency", "buffer", "scaling"):
        drawn(slides, figures.get(kind, ()))
    lessons(slides, analysis)


def opening(slides: Slides, title: str, analysis: Analysis, claim: str = "") -> None:
    """Add the first slide: the verdict on each act, with its reason."""
    told = [claim] if claim else []
    for act, verdict in analysis.verdicts.items():
        line = f"{_(wording.ACTS[act]).capitalize()}: {wording.verdict(verdict)}"
        told.append(f"{line} — {verdict.because}" if act is not Act.ACCEPT and verdict.because else line)
    if analysis.lost:
        words = ngettext(
            "{n} event was lost: counts and shares are lower bounds",
            "{n} events were lost: counts and shares are lower bounds",
            analysis.lost,
        )
        told.append(words.format(n=grouped(analysis.lost)))
    if analysis.process_model in wording.PROCESS_MODELS:
        told.append(_("Served by {model}").format(model=_(wording.PROCESS_MODELS[analysis.process_model])))
    slides.words(title, told or [_("No receive and no accept was seen: there is nothing to judge.")], size=28)


def drawn(slides: Slides, stages: Sequence[Scene]) -> None:
    """Add a figure, stage by stage."""
    for scene in stages:
        slides.figure(scene)


def proof(slides: Slides, analysis: Analysis) -> None:
    """Add the proof matrix."""
    rows = matrix_rows(analysis)
    if rows:
        heads, shown = _chosen(MATRIX, rows, _SHOWN_MATRIX)
        notes = "\n".join(": ".join(row[at] for at in (0, 3, 4)) for row in rows)
        slides.table(_("Where the process was: the proof"), heads, shown, notes, (2,), under=_(BASES))


def calls(slides: Slides, analysis: Analysis) -> None:
    """Add the calls in which time went."""
    rows = call_rows(analysis)
    if rows:
        heads, shown = _chosen(CALLS, rows, _SHOWN_CALLS)
        notes = "\n".join(
            _("{call}: {n} calls, p50 {p50}, p99 {p99}").format(call=row[0], n=row[1], p50=row[7], p99=row[8])
            for row in rows
        )
        slides.table(_("In which calls the time went"), heads, shown, notes, (1, 3, 4, 5, 6))


def lessons(slides: Slides, analysis: Analysis) -> None:
    """Add a slide for each lesson: its evidence from this recording, its story in the notes."""
    for lesson in analysis.lessons:
        title, story = story_of(lesson.name)
        slides.words(title, [sentence(lesson.evidence), f"iotrace explain {lesson.name}"], story, 28)


def sentence(words: str) -> str:
    """Return words as a sentence; a name of a call at its begin stays as it is written."""
    first = words.partition(" ")[0]
    if first not in BY_NAME and first not in ("select", "accept"):
        words = words[:1].upper() + words[1:]
    return words if words.endswith((".", "。")) else _("{sentence}.").format(sentence=words)


def story_of(name: str) -> tuple[str, str]:
    """Return a lesson's title and its story in plain words."""
    path = files("iotrace") / "lessons_text" / f"{name}.{current()}.md"
    title, _end, story = path.read_text("utf-8").partition("\n")
    return title.removeprefix("# "), story.strip().replace("`", "").replace("**", "").replace("## ", "")


def _chosen(
    heads: Sequence[str], rows: Sequence[Sequence[str]], columns: Sequence[int]
) -> tuple[list[str], list[list[str]]]:
    return [_(heads[at]) for at in columns], [[row[at] for at in columns] for row in rows]
