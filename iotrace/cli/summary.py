"""The calls of a recording with their counts, in plain words."""

from __future__ import annotations

import numpy as np
from rich.text import Text

from iotrace.columns import Events
from probes.events import Kind
from probes.table import CALLS


def summary(events: Events) -> Text:
    """Return one line a call: how often, and how long in all."""
    calls = events["kind"] == Kind.CALL
    codes = events["code"][calls]
    took = (events["exit_ns"] - events["enter_ns"])[calls]
    lines = []
    for code in np.unique(codes):
        mine = codes == code
        lines.append(f"{CALLS[code].name:18} {mine.sum():8}  {took[mine].sum() / 1e6:12.3f} ms")
    return Text("\n".join([f"{len(events)} events", *lines]))
