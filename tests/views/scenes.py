"""Recordings in virtual time that the pictures are tested on: each looks like one of the demos."""

from __future__ import annotations

from iotrace.analysis import Analysis, analyse
from probes.contract import EVIDENCE
from probes.events import Flag, Kind
from tests.story import Story, at

MIB = 1 << 20
PTRACE_EVIDENCE = ["calls", "accounts", "entry", "tasks"]


def _header(story: Story, script: str) -> dict[str, object]:
    if story.accounted:
        return {"argv": ["python3", script], "evidence": PTRACE_EVIDENCE, "stop_cost_ns": 34_000}
    return {"argv": ["python3", script], "evidence": list(EVIDENCE)}


def chat(accounted: bool = False) -> Analysis:
    """Five clients connect, and send in the order 5 4 3 2 1, to a select server in one thread."""
    story = Story(4711, accounted)
    story.server(3, 8801, 1_000)
    time = 1_100.0
    for client in range(5):
        arrival = 20_000.0 * (client + 1)
        watched = [3, *range(4, 4 + client)]
        _announced(story, time, arrival, watched, 3, 31)
        story.established(arrival, 53_312 + client)
        story.accept(3, 4 + client, arrival + 50, arrival + 62, 53_312 + client, ready=arrival)
        time = arrival + 70
    for position, client in enumerate((4, 3, 2, 1, 0) * 2):
        arrival = 300_000.0 * (position + 1)
        fd = 4 + client
        _announced(story, time, arrival, list(range(3, 9)), fd, 31)
        story.call(
            "recvfrom", arrival + 50, arrival + 300, MIB, ready=arrival, copy=arrival + 60, fd=fd, a=2 * MIB,
            sk=53_312 + client,
        )  # fmt: skip
        story.call("sendto", arrival + 320, arrival + 340, 64, fd=fd, a=64)
        time = arrival + 350
    story.select(time, 3_200_000, list(range(3, 9)), [], asleep=3_200_000 - time - 20, queued=5, c=10**9)
    return analyse(story.events(**_header(story, "demos/select_chat.py")))


def _announced(story: Story, begin: float, arrival: float, watched: list[int], fd: int, wake: float) -> None:
    asleep = arrival - begin
    story.select(
        begin, arrival + wake + 12, watched, [fd], asleep=asleep, queued=wake, ready=arrival, waker=4712
    )


def blocking(accounted: bool = False) -> Analysis:
    """One client sends 23 messages of 1 MiB, 50 ms apart, to a server that sleeps in recvfrom."""
    story = Story(4711, accounted)
    story.server(3, 8801, 1_000)
    story.established(19_990, 53_312)
    story.accept(3, 4, 1_100, 20_030, 53_312, asleep=18_890, queued=20, ready=19_990)
    time = 20_100.0
    for _ in range(23):
        arrival = time + 50_000
        flags = {"flags": Flag.EMPTY_AT_ENTRY} if accounted else {}
        story.call(
            "recvfrom", time, arrival + 300, MIB, asleep=49_999, queued=31, ready=arrival, copy=arrival + 40,
            fd=4, a=MIB, waker=4712, **flags,
        )  # fmt: skip
        story.call("sendto", arrival + 310, arrival + 330, 64, fd=4, a=64)
        time = arrival + 400
    return analyse(story.events(**_header(story, "demos/blocking_echo.py")))


def nonblocking() -> Analysis:
    """A server that tries every millisecond, and sleeps for itself between the tries."""
    story = Story(4711)
    story.server(3, 8801, 1_000)
    story.established(19_990, 53_312)
    story.accept(3, 4, 20_000, 20_012, 53_312, nonblocking=True, ready=19_990)
    time = 20_100.0
    for _ in range(23):
        ready = time + 48_500
        while time < ready:
            story.call("recvfrom", time, time + 2, -11, fd=4, a=MIB)
            story.call("clock_nanosleep", time + 10, time + 1_000, 0, asleep=970, queued=5, c=1_000_000)
            time += 1_010
        story.call("recvfrom", time, time + 240, MIB, ready=ready, copy=time + 10, fd=4, a=MIB)
        story.call("sendto", time + 250, time + 270, 64, fd=4, a=64)
        time += 300
    return analyse(story.events(**_header(story, "demos/nonblocking_echo.py")))


def busy() -> Analysis:
    """A blocking server that receives every millisecond, and copies for a microsecond."""
    story = Story(4711)
    story.server(3, 8801, 1_000).accept(3, 4, 20_000, 20_030, 53_312)
    for message in range(1_000):
        begin = 20_100.0 + message * 1_000
        story.call("recvfrom", begin, begin + 990, 64, 985, ready=begin + 985, copy=begin + 989, fd=4, a=64)
    return analyse(story.events(**_header(story, "busy.py")))


def asynchronous() -> Analysis:
    """A server whose receives are made by an io_uring worker while it computes."""
    story = Story(4711)
    story.server(3, 8801, 1_000)
    story.established(19_990, 53_312)
    story.accept(3, 4, 1_100, 20_030, 53_312, asleep=18_890, queued=20, ready=19_990)
    story.call("io_uring_setup", 20_050, 20_080, 7, a=8)
    for message in range(23):
        begin = 20_100.0 + message * 50_500
        story.call("io_uring_enter", begin, begin + 5, 1, fd=7, a=1)
        story.row(
            Kind.RING, enter_ns=at(begin + 2), exit_ns=at(begin + 50_300), ret=MIB, a=27, b=message, fd=4,
            waker=4713, flags=Flag.BY_WORKER, ready_ns=at(begin + 50_000), copy_ns=at(begin + 50_040),
            done_ns=at(begin + 50_290), copies=31, copied=MIB,
        )  # fmt: skip
    return analyse(story.events(**_header(story, "demos/io_uring_echo.py")))


SCENES = {
    "chat": chat,
    "chat_ptrace": lambda: chat(accounted=True),
    "blocking": blocking,
    "blocking_ptrace": lambda: blocking(accounted=True),
    "nonblocking": nonblocking,
    "asynchronous": asynchronous,
}


def full_pipe(accounted: bool = False) -> Analysis:
    """A thread fills a pipe by and by, and sleeps until another thread reads."""
    story = Story(4711, accounted)
    story.call("pipe2", 0, 10, c=3 | 4 << 32)
    for step in range(16):
        begin = 20_000.0 + 10_000 * step
        story.call("write", begin, begin + 20, 4096, fd=4, a=4096)
    story.call("write", 200_000, 500_030, 4096, asleep=300_000, queued=10, fd=4, a=4096)
    for step in range(17):
        begin = 500_000.0 + 20_000 * step
        story.call("read", begin, begin + 20, 4096, fd=3, a=4096, tid=4712, ready=20_020, copy=begin + 5)
    story.call("read", 900_000, 1_000_000, 0, asleep=99_000, fd=3, a=4096, tid=4712)
    return analyse(story.events(**_header(story, "demos/kernel_buffer.py")))


def empty() -> Analysis:
    """Nothing was recorded."""
    return analyse(Story(4711).events(argv=["true"]))
