"""What an exporter is asked in tests: of an analysis in memory, and its file as bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iotrace.analysis import Analysis
from iotrace.exporters.contract import Request
from iotrace.exporters.formats import exporter, named


@dataclass(frozen=True)
class Told(Request):
    """A request whose recording is an analysis already."""

    told: Analysis | None = None

    @property
    def analysis(self) -> Analysis:
        """What was told."""
        assert self.told is not None
        return self.told


def exported(analysis: Analysis, name: str, **options: Any) -> bytes:
    """Return the file of a format."""
    format = named(name)
    assert format is not None
    out = io.BytesIO()
    exporter(format).write(Told(Path("story.iotrace"), told=analysis, **options), format, out)
    return out.getvalue()
