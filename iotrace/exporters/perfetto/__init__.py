"""A trace for Perfetto: calls, operations, who woke whom, buffers and losses, as track events.

``ui.perfetto.dev`` opens the file, in the browser, without sending it anywhere; its trace processor answers
SQL. Times are CLOCK_MONOTONIC, as recorded.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

from iotrace.analysis.model import Analysis
from iotrace.exporters.contract import CannotExport, Format, Request
from iotrace.exporters.perfetto.about import about, head, lost
from iotrace.exporters.perfetto.buffers import levels
from iotrace.exporters.perfetto.calls import CallSlices
from iotrace.exporters.perfetto.fields import TracePacket
from iotrace.exporters.perfetto.kernel import copies, signals
from iotrace.exporters.perfetto.links import Links
from iotrace.exporters.perfetto.operations import OperationSlices
from iotrace.exporters.perfetto.packets import Interned, packet
from iotrace.exporters.perfetto.tracks import Tracks
from iotrace.exporters.perfetto.wire import nested
from iotrace.language import _
from iotrace.timeline import cuts

#: Deflate's second level takes most of what repeats, and is as fast as its first.
_LEVEL = 2
#: Chunks that wait to be deflated while the next is made.
_AHEAD = 2


def write(request: Request, format: Format, out: BinaryIO) -> None:
    """Write the trace."""
    analysis = request.analysis
    if not analysis.threads:
        raise CannotExport(_("this recording has no call in it: there is nothing to show"))
    out.write(head(analysis))
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(1) as beside:  # deflate gives the interpreter's lock up
        for packets in _packets(analysis):
            waiting.append(beside.submit(_deflated, packets))
            while len(waiting) > _AHEAD:
                out.write(waiting.popleft().result())
        for each in waiting:
            out.write(each.result())


def _packets(analysis: Analysis) -> Iterator[bytes]:
    """Yield all packets, in chunks: what an event names goes before it."""
    interned, tracks = Interned(), Tracks(analysis)
    for packets in _events(analysis, tracks, interned):
        yield tracks.news() + interned.news() + packets


def _events(analysis: Analysis, tracks: Tracks, interned: Interned) -> Iterator[bytes]:
    yield about(analysis, tracks, interned)
    yield lost(analysis, tracks, interned)
    work = cuts.prepare(analysis)
    cut = cuts.of_all(work)
    links = Links(work, cut, tracks, interned)
    yield from links  # before what they flow to: of one moment, the first in the file counts as the first
    yield from CallSlices(work, cut, links, tracks, interned)
    del work, cut, links
    yield from copies(analysis, tracks, interned)
    yield from signals(analysis, tracks, interned)
    yield from OperationSlices(analysis, tracks, interned)
    yield from levels(analysis, tracks)


def _deflated(packets: bytes) -> bytes:
    return packet(nested(TracePacket.COMPRESSED_PACKETS, zlib.compress(packets, _LEVEL)))
