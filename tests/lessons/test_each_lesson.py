"""Every lesson that a demo teaches fires on its recording, and on no recording that does not show it."""

from __future__ import annotations

import pytest

from tests.lessons.conftest import Record

SHOWN: dict[str, list[str]] = {
    "mouse_polling": ["polling-waste"],
    "mouse_events": ["multiplexing"],
    "server_models": [],
    "three_tasks": [],
    "blocked_cpu": ["blocking"],
    "file_read": [],
    "posix_aio": ["blocking"],
    "scale": ["fd-setsize"],
    "kernel_buffer": ["full-buffer", "blocking"],
    "level_vs_edge": ["undrained-edge", "multiplexing"],
    "nonblocking_accept": ["polling-waste"],
    "select_without_accept": ["level-triggered-spin", "multiplexing"],
    "select_echo_queues": ["multiplexing"],
    "poll_echo": ["multiplexing"],
    "selectors_echo": ["multiplexing"],
    "coroutine_echo": ["multiplexing"],
    "stalled_loop": ["blocking-call-in-loop", "multiplexing"],
}


@pytest.mark.parametrize("demo", SHOWN)
def test_a_demo_shows_its_lessons_and_no_others(record: Record, probe: str, demo: str) -> None:
    run = record(probe, demo)
    assert [lesson.name for lesson in run.analysis.lessons] == SHOWN[demo], run.analysis.lessons
    for lesson in run.analysis.lessons[:1]:
        assert f"[iotrace explain {lesson.name}]" in run.output
