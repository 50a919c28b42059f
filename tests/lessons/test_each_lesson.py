"""Every lesson that a demo teaches fires on its recording, and on no recording that does not show it."""

from __future__ import annotations

import tomllib

import pytest

from tests.contract.test_lessons import SHOWN as OF_THE_MODELS
from tests.lessons.conftest import ROOT, Record

SHOWN: dict[str, list[str]] = {
    "process_echo": ["blocking"],
    "thread_echo": ["blocking"],
    "mouse_polling": ["polling-waste"],
    "mouse_events": ["multiplexing"],
    "server_models": [],
    "three_tasks": [],
    "blocked_cpu": ["blocking"],
    "file_read": [],
    "who_copied": ["who-copied"],
    "posix_aio": ["blocking"],
    "sigio_merged": ["sigio-merged", "signal-driven"],
    "settimeout_echo": ["settimeout", "multiplexing"],
    "scale": ["fd-setsize"],
    "kernel_buffer": ["full-buffer", "blocking"],
    "partial_receive": ["partial-receive", "blocking"],
    "level_vs_edge": ["undrained-edge", "multiplexing"],
    "nonblocking_accept": ["polling-waste"],
    "select_without_accept": ["level-triggered-spin", "multiplexing"],
    "descriptor_leak": ["descriptor-leak"],
    "thundering_herd": ["thundering-herd"],
    "select_echo_queues": ["multiplexing"],
    "poll_echo": ["multiplexing"],
    "selectors_echo": ["multiplexing"],
    "coroutine_echo": ["multiplexing"],
    "stalled_loop": ["blocking-call-in-loop", "multiplexing"],
    "idle_wait": ["multiplexing", "idle-wait"],
}

#: What a probe cannot see, it does not teach.
LESS: dict[tuple[str, str], list[str]] = {
    ("ptrace", "sigio_merged"): ["signal-driven"],
    ("ptrace", "who_copied"): [],
}


def test_every_demo_has_its_list() -> None:
    manifest = tomllib.loads((ROOT / "demos/manifest.toml").read_text())
    assert sorted([*SHOWN, *OF_THE_MODELS]) == sorted(demo["name"] for demo in manifest["demo"])


@pytest.mark.parametrize("demo", SHOWN)
def test_a_demo_shows_its_lessons_and_no_others(record: Record, probe: str, demo: str) -> None:
    run = record(probe, demo)
    expected = LESS.get((probe, demo), SHOWN[demo])
    assert [lesson.name for lesson in run.analysis.lessons] == expected, run.analysis.lessons
    for lesson in run.analysis.lessons[:1]:
        assert f"[iotrace explain {lesson.name}]" in run.output


@pytest.mark.parametrize("demo", SHOWN)
def test_its_last_screen_fits(record: Record, demo: str, probe: str) -> None:
    """What the program said and what iotrace makes of it, on a terminal of 100 by 40 (see conftest)."""
    run = record(probe, demo)
    lines = run.output.splitlines()
    said = next(number for number, line in enumerate(lines) if line.startswith(f"{demo}.py · "))
    assert 0 <= run.events.header["options"]["says"] - said <= 1  # scale may find no crossing to tell of
    assert len(lines) < 40
    assert max(map(len, lines)) <= 100
