"""Lessons: what this recording shows, each with its evidence.

One function a lesson, one line in :data:`LESSONS`: what went wrong first, then the subtle facts, then
the models. The whole story of each is in ``iotrace/lessons_text``.
"""

from __future__ import annotations

from typing import NamedTuple

from iotrace.analysis.lessons import buffers, limits, listening, loops, models, notices, tries, triggers
from iotrace.analysis.lessons.case import Case, Find
from iotrace.analysis.model import Lesson

__all__ = ["LESSONS", "Case", "Entry", "lessons"]


class Entry(NamedTuple):
    """A lesson's name, as `iotrace explain` takes it, and the function that finds its evidence."""

    name: str
    find: Find


LESSONS: tuple[Entry, ...] = (
    Entry("descriptor-leak", listening.descriptor_leak),
    Entry("level-triggered-spin", triggers.level_triggered_spin),
    Entry("undrained-edge", triggers.undrained_edge),
    Entry("blocking-call-in-loop", loops.blocking_call_in_loop),
    Entry("thundering-herd", listening.thundering_herd),
    Entry("sigio-merged", notices.sigio_merged),
    Entry("full-buffer", buffers.full_buffer),
    Entry("partial-receive", buffers.partial_receive),
    Entry("polling-waste", tries.polling_waste),
    Entry("fd-setsize", limits.fd_setsize),
    Entry("settimeout", models.settimeout),
    Entry("who-copied", models.who_copied),
    Entry("blocking", models.blocking),
    Entry("nonblocking", models.nonblocking),
    Entry("multiplexing", models.multiplexing),
    Entry("signal-driven", models.signal_driven),
    Entry("asynchronous", models.asynchronous),
    Entry("idle-wait", loops.idle_wait),
)


def lessons(case: Case) -> list[Lesson]:
    """Return the lessons that a recording shows, in the order of :data:`LESSONS`."""
    found = ((entry.name, entry.find(case)) for entry in LESSONS)
    return [Lesson(name, evidence) for name, evidence in found if evidence is not None]
