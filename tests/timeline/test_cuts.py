"""All calls cut at once are cut as each thread's alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from iotrace.analysis import Analysis
from iotrace.timeline import cuts
from probes.events import Kind
from tests.figures import recordings
from tests.story import Story
from tests.views import scenes


def out_of_order() -> Analysis:
    """Of one thread: the record of the later call was written first, by another CPU."""
    story = Story(100)
    story.call("recvfrom", 100, 200, 64, asleep=50, queued=5, ready=151, copy=180, fd=4)
    story.call("read", 10, 250, 64, asleep=30, queued=5, ready=41, copy=70, fd=5)
    return story.analyse()


@pytest.mark.parametrize(
    "made",
    [scenes.full_pipe, recordings.crowd, scenes.chat, out_of_order],
    ids=lambda made: str(made.__name__),
)
def test_all_at_once_and_thread_by_thread(made: object) -> None:
    assert callable(made)
    work = cuts.prepare(made())
    whole = cuts.of_all(work)
    tid = work.calls.tid[whole.mine]
    for each in np.unique(tid).tolist():
        alone = cuts.of_thread(work, each)
        for field in dataclasses.fields(cuts.Cuts):
            found = getattr(whole, field.name)[tid == each]
            assert found.tolist() == getattr(alone, field.name).tolist(), (each, field.name)


@pytest.mark.parametrize("made", [scenes.full_pipe, out_of_order], ids=lambda made: str(made.__name__))
def test_a_copy_begins_where_it_was_seen(made: object) -> None:
    """Also where every row of the recording is a call, and the calls of a lane are in another order."""
    assert callable(made)
    work = cuts.prepare(made())
    events = work.analysis.events
    assert set(events["kind"].tolist()) == {Kind.CALL}
    cut = cuts.of_all(work)
    seen = events["copy_ns"][work.calls.row[cut.mine]]
    copied = cut.receives & (seen >= cut.running)
    assert copied.any()
    assert cut.copy[copied].tolist() == seen[copied].tolist()
