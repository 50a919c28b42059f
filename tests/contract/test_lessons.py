"""Each model's demo shows its lessons, and none that it does not teach: under both probes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iotrace.analysis import Analysis

Record = Callable[[str, str], Analysis]

#: What each demo shows. The chat's operator thinks in the loop, and the others wait: that is shown as well.
SHOWN = {
    "blocking_echo": ["blocking"],
    "nonblocking_echo": ["polling-waste", "nonblocking"],
    "epoll_echo": ["multiplexing"],
    "signal_driven_echo": ["signal-driven"],
    "io_uring_echo": ["asynchronous"],
    "select_chat": ["blocking-call-in-loop", "multiplexing"],
}


@pytest.mark.parametrize("demo", SHOWN)
def test_a_demo_shows_its_lessons_and_no_others(recorded: Record, probe: str, demo: str) -> None:
    expected = [] if (probe, demo) == ("ptrace", "io_uring_echo") else SHOWN[demo]  # unseen there
    lessons = recorded(probe, demo).lessons
    assert [lesson.name for lesson in lessons] == expected, lessons
