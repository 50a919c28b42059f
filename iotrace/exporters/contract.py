"""What an export is asked for, and what a format's module must offer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

if TYPE_CHECKING:
    from iotrace.analysis import Analysis

#: The tables that the formats of rows hold (:mod:`iotrace.exporters.tables`).
TABLES = ("calls", "operations", "descriptors", "matrix")


class CannotExport(Exception):
    """The recording cannot be had in this format. One line: the cause, then the next step."""


@dataclass(frozen=True)
class Request:
    """One recording, and how it is to be shown. A format reads what its :class:`Format` names.

    ``operation`` counts from 1 in the order of their begin; None, and "" for ``figure``, let the format
    choose. ``size``: columns and rows of a terminal. The analysis is made when it is first asked for, once
    for all formats.
    """

    path: Path
    table: str = TABLES[0]
    figure: str = ""
    theme: str = "light"
    aspect: str = "16:9"
    operation: int | None = None
    steps: bool = False
    size: tuple[int, int] = (100, 40)
    lesson: bool = False

    @cached_property
    def analysis(self) -> Analysis:
        """The recording, read and analysed. Raises :class:`iotrace.recording.layout.RecordingError`."""
        from iotrace.analysis import analyse
        from iotrace.recording.reading import read

        return analyse(read(self.path))


class Exporter(Protocol):
    """What the module of a format has."""

    def write(self, request: Request, format: Format, out: BinaryIO) -> None:
        """Write the whole file to ``out``, which need not be seekable. Raises :class:`CannotExport`."""


class Format(NamedTuple):
    """A format: its name, the endings of its files without the dot, its line in the list (a
    message), its module.

    ``options`` are the fields of :class:`Request` that it reads besides the recording; ``text``: a terminal
    can show it.
    """

    name: str
    suffixes: tuple[str, ...]
    line: str
    module: str
    options: frozenset[str] = frozenset()
    text: bool = False
