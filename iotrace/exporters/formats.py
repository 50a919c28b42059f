"""The formats of ``iotrace export``: a format is one module and one line here."""

from __future__ import annotations

from importlib import import_module
from pathlib import PurePath
from typing import cast

from iotrace.exporters.contract import Exporter, Format
from iotrace.language import N_

_PICTURE = frozenset({"figure", "theme", "aspect", "operation"})

_ROWS = frozenset({"table"})

FORMATS: tuple[Format, ...] = (
    Format(
        "html", ("html", "htm"), N_("one page: zoom, search, the evidence of every call"), "html", text=True
    ),
    Format("csv", ("csv",), N_("rows for spreadsheets: calls, or another --table"), "csv", _ROWS, text=True),
    Format("jsonl", ("jsonl", "ndjson"), N_("rows as JSON, one a line"), "jsonl", _ROWS, text=True),
    Format("parquet", ("parquet",), N_("rows for DuckDB, polars, pandas, Spark"), "parquet", _ROWS),
    Format(
        "perfetto",
        ("perfetto-trace", "pftrace"),
        N_("slices and flows for ui.perfetto.dev, with SQL"),
        "perfetto",
    ),
    Format(
        "svg", ("svg",), N_("a figure: lines and text that can be edited"), "drawing", _PICTURE, text=True
    ),
    Format("png", ("png",), N_("a figure, 2560 pixels wide"), "drawing", _PICTURE),
    Format(
        "pdf", ("pdf",), N_("a figure: vectors; --steps: a page a stage"), "drawing", _PICTURE | {"steps"}
    ),
    Format(
        "pptx",
        ("pptx",),
        N_("a deck of slides: verdict, figures, proof, lessons; native shapes and notes"),
        "pptx",
        _PICTURE | {"steps", "lesson"},
    ),
    Format(
        "mermaid",
        ("mmd", "mermaid"),
        N_("a diagram as text for Markdown: conversation, model or timeline"),
        "mermaid",
        frozenset({"figure", "operation"}),
        text=True,
    ),
    Format(
        "asciicast",
        ("cast",),
        N_("the terminal's views, played by asciinema"),
        "asciicast",
        frozenset({"size"}),
    ),
)


def named(name: str) -> Format | None:
    """Return the format of a name or an ending; None where there is none."""
    word = name.lower().removeprefix(".")
    return next((each for each in FORMATS if word == each.name or word in each.suffixes), None)


def of_path(path: PurePath) -> Format | None:
    """Return the format that a file's ending names; None where it names none."""
    return named(path.suffix) if path.suffix else None


def exporter(format: Format) -> Exporter:
    """Import the module of a format."""
    return cast(Exporter, import_module(f"iotrace.exporters.{format.module}"))
