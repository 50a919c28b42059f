"""What the probe says that it could not follow: tasks without room, events that the kernel passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iotrace.columns import Events


def tasks_refused(events: Events) -> int:
    """Return how many threads the probe had no room for: what they did is in no row."""
    return max((_count(told.get("tasks_refused")) for told in _told(events)), default=0)


def passed_over(events: Events) -> dict[str, int]:
    """Return how often the kernel passed over the eBPF programs that give each kind of evidence.

    It counts for the whole host, so it is the most that this recording can lack.
    """
    counts: dict[str, int] = {}
    for told in _told(events):
        counted = told.get("passed_over")
        for name, count in counted.items() if isinstance(counted, Mapping) else ():
            if _count(count):
                counts[str(name)] = max(counts.get(str(name), 0), _count(count))
    return counts


def _told(events: Events) -> Iterator[Mapping[str, Any]]:
    for note in events.notes:
        told = note.get("probe_notes")
        if isinstance(told, Mapping):
            yield told


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
