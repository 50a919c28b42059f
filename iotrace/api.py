"""In programs and notebooks: ``iotrace.run([...])`` and ``iotrace.open(path)`` give a :class:`Trace`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iotrace.language import current
from iotrace.recording.layout import RecordingError

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import RenderableType

    from iotrace.analysis.model import Analysis, Lesson, Verdict
    from iotrace.figures import Scene

__all__ = ["Figure", "RecordingError", "RunError", "Trace", "open", "run"]

_FITTING = ' style="width:100%;max-width:1000px;height:auto"'


class RunError(Exception):
    """The target could not be run or recorded. ``status`` is that of ``iotrace run``: 125, 126, 127 or 2."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Figure:
    """A picture of a recording: shown by Jupyter as it is, written by :meth:`save`."""

    def __init__(self, scene: Scene, theme: str) -> None:
        self._scene, self._theme = scene, theme

    def svg(self) -> str:
        """Return it as an SVG document."""
        return self._as("svg").decode()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it by the ending of ``path``: .svg, .png or .pdf. Raises ValueError for another."""
        suffix = Path(path).suffix.removeprefix(".")
        Path(path).write_bytes(self._as(suffix))

    def __repr__(self) -> str:
        return f"Figure({self._scene.kind!r}, theme={self._theme!r})"

    def _repr_svg_(self) -> str:
        return self.svg()

    def _as(self, suffix: str) -> bytes:
        from iotrace import exporters
        from iotrace.theme import THEMES

        picture = exporters.picture(suffix)
        if picture is None:
            known = ", ".join(f".{each.suffix}" for each in exporters.PICTURES)
            raise ValueError(f"no picture ends with .{suffix}: there are {known}")
        theme = next(each for each in THEMES if each.name == self._theme)
        return exporters.export(picture, [self._scene], theme)[0]


class Trace:
    """One recording, analysed when something is first asked of it.

    ``calls``, ``operations``, ``descriptors`` and ``matrix`` are :class:`pyarrow.Table` with the columns of
    ``docs/exports.md``: nanoseconds end in ``_ns``, ``_basis`` says how well a number is known, null is what
    nobody saw. ``.to_pandas()`` makes a DataFrame of them.
    """

    def __init__(
        self, path: str | os.PathLike[str], status: int | None = None, folder: str | None = None
    ) -> None:
        """``status`` is the target's exit status where it is known; ``folder`` is removed with this."""
        self.path = Path(path)
        self.status = status
        if folder is not None:
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    @cached_property
    def analysis(self) -> Analysis:
        """Everything that was worked out of it. Raises :class:`RecordingError`."""
        from iotrace.analysis import analyse
        from iotrace.recording.reading import read

        return analyse(read(self.path))

    @cached_property
    def calls(self) -> pa.Table:
        """One row a system call."""
        return self._table("calls")

    @cached_property
    def operations(self) -> pa.Table:
        """One row an act of input, with its phases."""
        return self._table("operations")

    @cached_property
    def descriptors(self) -> pa.Table:
        """One row a life of a descriptor."""
        return self._table("descriptors")

    @cached_property
    def matrix(self) -> pa.Table:
        """The proof matrix: where the process was during the two phases."""
        return self._table("matrix")

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """The verdicts by what they are about: "receive", "accept", "receive_datagram", "send" …"""
        return {act.label: verdict for act, verdict in self.analysis.verdicts.items()}

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on receiving; else the first there is; None where nothing was received."""
        found = self.verdicts
        return found.get("receive") or next(iter(found.values()), None)

    @property
    def process_model(self) -> str:
        """Who accepts and who receives: "event_loop", "prefork", "thread_per_connection" …"""
        return self.analysis.process_model

    @property
    def lessons(self) -> Sequence[Lesson]:
        """What this recording shows, each with its evidence."""
        return self.analysis.lessons

    @property
    def lost(self) -> int:
        """How many events were lost: with any, all counts are lower bounds."""
        return self.analysis.lost

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Program, probe, kernel, date, losses, and what could not be seen."""
        from iotrace.exporters.provenance import provenance

        return provenance(self.analysis)

    def report(self) -> dict[str, Any]:
        """Return what ``iotrace report --json`` writes; docs/report-schema.md has its schema."""
        from iotrace.analysis.report import report_json

        return report_json(self.analysis)

    def figure(
        self, kind: str = "timeline", theme: str = "light", aspect: str = "16:9", operation: int | None = None
    ) -> Figure:
        """Draw a figure (``iotrace figure --list``); ``operation`` counts from 1.

        Raises ValueError for an unknown kind, theme or aspect, and where the recording has nothing of it.
        """
        from iotrace.figures import HEIGHTS, KINDS, NothingToDraw, Request, draw
        from iotrace.theme import THEMES

        for what, value, known in (
            ("kind", kind, [each.name for each in KINDS]),
            ("theme", theme, [each.name for each in THEMES]),
            ("aspect", aspect, list(HEIGHTS)),
        ):
            if value not in known:
                raise ValueError(f"no {what} {value!r}: there are {', '.join(known)}")
        try:
            scene = draw(kind, Request(((self.path.name, self.analysis),), aspect, operation))
        except NothingToDraw as nothing:
            raise ValueError(str(nothing)) from None
        return Figure(scene, theme)

    def __repr__(self) -> str:
        return f"Trace({str(self.path)!r})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Tell IPython what it prints: of a trace alone the end of the run, of one among others its name."""
        printer.text(repr(self) if cycle or len(printer.stack) > 1 else self._plain())

    def _plain(self) -> str:
        from io import StringIO

        from iotrace.views import console

        out = StringIO()
        console("never", width=100, file=out).print(self)
        return out.getvalue().rstrip("\n")

    def __rich__(self) -> RenderableType:
        from iotrace.views import summary

        return summary(self.analysis, str(self.path))

    def _repr_html_(self) -> str:
        from iotrace.exporters.html.tables import tables

        # As wide as the notebook's cell, not as the slide that it is elsewhere.
        picture = re.sub(r' width="[^"]*" height="[^"]*"', _FITTING, self.figure().svg(), count=1)
        return f"{picture}\n{tables(self.analysis)}"

    def _table(self, name: str) -> pa.Table:
        import pyarrow

        from iotrace.exporters.tables import table

        rows = table(name, self.analysis)
        return pyarrow.Table.from_batches(rows.batches, rows.schema).unify_dictionaries()


def open(path: str | os.PathLike[str]) -> Trace:
    """Open a recording. Raises :class:`RecordingError` where it is none, or cannot be read."""
    trace = Trace(path)
    _ = trace.analysis
    return trace


def run(
    command: Sequence[str],
    *,
    probe: str = "auto",
    output: str | os.PathLike[str] | None = None,
    clients: bool = True,
    duration_s: float | None = None,
    timeout_s: float | None = None,
) -> Trace:
    """Run a command under a probe to its end, and open its recording.

    ``command`` is as after ``iotrace run``: a script and its arguments, ``["-m", "module"]``, or ``["--",
    "program"]``. ``clients``: a demo gets its scripted clients. ``duration_s`` ends the target then. Without
    ``output`` the recording lives as long as what is returned. It runs beside this process: nothing in here
    is traced, and no child of this process is waited for.

    Raises :class:`RunError` where nothing could be recorded, :class:`subprocess.TimeoutExpired` (the target
    is ended then).
    """
    folder = None if output is not None else tempfile.mkdtemp(prefix="iotrace-")
    path = Path(output) if output is not None else Path(folder or "", "run.iotrace")
    if output is not None and path.exists():
        raise RunError(f"{path} exists: give another output, or remove it", 125)
    words = [sys.executable, "-m", "iotrace", "run", "--probe", probe, "-o", str(path), "--lang", current()]
    words += [] if clients else ["--no-clients"]
    words += [] if duration_s is None else ["--duration", str(duration_s)]
    try:
        status, said = _traced([*words, *command], timeout_s)
    except BaseException:
        _forget(folder)
        raise
    if not path.exists():
        lines = [line.removeprefix("iotrace: ") for line in said.splitlines() if line.strip()]
        _forget(folder)
        raise RunError(lines[-1] if lines else f"iotrace run ended with {status}", status)
    return Trace(path, status, folder)


def _traced(words: Sequence[str], timeout_s: float | None) -> tuple[int, str]:
    """Run a command; return its status and what it said on standard error. Whatever happens, it has ended."""
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            _, said = running.communicate(timeout=timeout_s)
        except BaseException:
            running.terminate()
            running.communicate()
            raise
    return running.returncode, said


def _forget(folder: str | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
