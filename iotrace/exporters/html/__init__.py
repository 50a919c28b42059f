"""One self-contained page: the timeline to zoom, search and link into, with the evidence of every call."""

from __future__ import annotations

from typing import BinaryIO

from iotrace.exporters.contract import CannotExport, Format, Request
from iotrace.exporters.html.content import content
from iotrace.exporters.html.encoding import Columns
from iotrace.exporters.html.page import write_page
from iotrace.language import _


def write(request: Request, format: Format, out: BinaryIO) -> None:
    """Write the page."""
    analysis = request.analysis
    if not analysis.threads:
        raise CannotExport(_("this recording has no call in it: there is nothing to show"))
    columns = Columns()
    facts = content(analysis, columns)
    write_page(analysis, facts, columns.text(), out)
