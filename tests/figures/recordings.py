"""Recordings in virtual time that figures are drawn of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from iotrace.analysis import Analysis, analyse
from probes.contract import EVIDENCE
from probes.events import Kind
from tests.story import Story, at
from tests.views import scenes

MIB = 1 << 20


def _connected() -> Story:
    """A server with one client, whose connection was there when it accepted."""
    story = Story(4711)
    story.server(3, 8801, 1_000)
    story.established(19_990, 53_312)
    return story.accept(3, 4, 20_000, 20_030, 53_312, ready=19_990)


def _armed() -> Story:
    """A server that waited for its client, and has armed the connection for SIGIO (F_SETOWN, O_ASYNC)."""
    story = Story(4711)
    story.server(3, 8801, 1_000)
    story.established(19_990, 53_312)
    story.accept(3, 4, 1_100, 20_030, 53_312, asleep=18_890, queued=20, ready=19_990)
    story.call("fcntl", 20_040, 20_041, 0, fd=4, a=8, b=4711)
    return story.call("fcntl", 20_042, 20_043, 0, fd=4, a=4, b=0o24000)


def signal_driven() -> Analysis:
    """A server that computes, is told by SIGIO, and receives then."""
    story = _armed()
    time = 20_050.0
    for _ in range(23):
        ready = time + 50_000
        story.row(Kind.SIGNAL, enter_ns=at(ready + 3), exit_ns=at(ready + 30), a=29, b=1)
        story.call("recvfrom", ready + 60, ready + 300, MIB, ready=ready, copy=ready + 70, fd=4, a=MIB)
        story.call("recvfrom", ready + 310, ready + 312, -11, fd=4, a=MIB)
        time = ready + 320
    return analyse(story.events(argv=["python3", "signal_driven_echo.py"], evidence=list(EVIDENCE)))


def polling_ptrace() -> Analysis:
    """A server that tries five times: when its data came is bounded by the try that found them."""
    story = Story(4711, accounted=True)
    story.server(3, 8801, 1_000).accept(3, 4, 20_000, 20_030, 53_312)
    time = 20_100.0
    for _ in range(23):
        for _ in range(5):
            story.call("recvfrom", time, time + 20, -11, fd=4, a=MIB)
            story.call("clock_nanosleep", time + 60, time + 9_400, 0, asleep=9_300, queued=5, c=1_000_000)
            time += 9_480
        story.call("recvfrom", time, time + 198, MIB, fd=4, a=MIB)
        time += 300
    return analyse(story.events(argv=["python3", "nonblocking_echo.py"], evidence=list(EVIDENCE)))


def own_thread() -> Analysis:
    """A server that computes, and whose own thread copies for io_uring, in no call."""
    story = _connected().call("io_uring_setup", 20_050, 20_080, 7, a=8)
    for message in range(7):
        begin = 20_100.0 + message * 50_500
        story.call("io_uring_enter", begin, begin + 5, 1, fd=7, a=1)
        story.row(
            Kind.RING, enter_ns=at(begin + 2), exit_ns=at(begin + 50_240), ret=65_536, a=27, b=message, fd=4,
            waker=4711, ready_ns=at(begin + 50_000), copy_ns=at(begin + 50_130), done_ns=at(begin + 50_238),
            copies=2, copied=65_536,
        )  # fmt: skip
    return analyse(story.events(argv=["python3", "who_copied.py"], evidence=list(EVIDENCE)))


def at_once() -> Analysis:
    """A blocking server whose data are always there before it asks."""
    story = _connected()
    for message in range(23):
        begin = 30_000.0 + message * 10_000
        story.call("recvfrom", begin, begin + 200, MIB, ready=begin - 5_000, copy=begin + 5, fd=4, a=MIB)
    return analyse(story.events(argv=["python3", "late.py"], evidence=list(EVIDENCE)))


def renamed(analysis: Analysis, name: str) -> Analysis:
    """The same recording, but its script and all descriptors have another name."""
    events = replace(analysis.events, header={**analysis.events.header, "argv": ["python3", name]})
    descriptors = [replace(each, name=f"{number}{name}") for number, each in enumerate(analysis.descriptors)]
    return replace(analysis, events=events, descriptors=descriptors)


def crowd() -> Analysis:
    """Forty clients, each with a thread that sleeps in recvfrom."""
    story = Story(4711)
    story.server(3, 8801, 1_000)
    for client in range(40):
        arrival, fd, tid = 10_000.0 + 1_000 * client, 4 + client, 5_000 + client
        story.established(arrival, 50_000 + client)
        story.accept(
            3, fd, arrival - 500, arrival + 30, 50_000 + client, asleep=480, queued=20, ready=arrival
        )
        time = arrival + 100
        for _ in range(3):
            ready = time + 20_000 + 300 * client
            story.call("recvfrom", time, ready + 300, MIB, asleep=ready - time - 1, queued=31, ready=ready,
                       copy=ready + 40, fd=fd, a=MIB, tid=tid, waker=4_700)  # fmt: skip
            time = ready + 400
    return analyse(story.events(argv=["python3", "crowd.py"], evidence=list(EVIDENCE)))


def sleeper() -> Analysis:
    """96 sleeps of 1.5 ms and 119 of 15 ms, so that a count lies at a level of the axis."""
    story = _connected()
    time = 30_000.0
    for number in range(96 + 119):
        asleep = 1_500 if number < 96 else 15_000
        ready = time + asleep
        story.call("recvfrom", time, ready + 30, 64, asleep=asleep, queued=5, ready=ready, copy=ready + 20,
                   fd=4, a=64)  # fmt: skip
        time = ready + 100
    return analyse(story.events(argv=["python3", "sleeper.py"], evidence=list(EVIDENCE)))


def short_try() -> Analysis:
    """A server that is told by SIGIO, looks in vain at its listener first, and receives then."""
    story = _armed()
    time = 20_050.0
    for _ in range(23):
        ready = time + 50_000
        story.call("clock_nanosleep", time, ready + 2, -516, asleep=50_000)
        story.row(Kind.SIGNAL, enter_ns=at(ready + 3), exit_ns=at(ready + 30), a=29, b=1)
        story.call("accept4", ready + 35, ready + 55, -11, fd=3)
        story.call("recvfrom", ready + 60, ready + 300, MIB, ready=ready, copy=ready + 70, fd=4, a=MIB)
        time = ready + 320
    return analyse(story.events(argv=["python3", "short_try.py"], evidence=list(EVIDENCE)))


def late_notice() -> Analysis:
    """A blocking server that is on a CPU again only 30 ms after each message came."""
    story = _connected()
    time = 20_050.0
    for _ in range(23):
        ready = time + 50_000
        story.call("recvfrom", time, ready + 30_300, MIB, asleep=50_000, queued=30_000, ready=ready,
                   copy=ready + 30_040, fd=4, a=MIB)  # fmt: skip
        time = ready + 30_400
    return analyse(story.events(argv=["python3", "late_notice.py"], evidence=list(EVIDENCE)))


def overtaken() -> Analysis:
    """Three clients send in the order 3 2 1; the server takes them in the order 1 2 3."""
    story = Story(4711)
    story.server(3, 8801, 1_000)
    for client in range(3):
        arrival = 2_000.0 + 1_000 * client
        story.established(arrival, 50_000 + client)
        story.accept(3, 4 + client, arrival + 50, arrival + 70, 50_000 + client, ready=arrival)
    story.select(30_000, 30_010, [3, 4, 5, 6], [4, 5, 6], ready=20_000)
    for client in range(3):
        begin = 31_000.0 + 1_000 * client
        story.call("recvfrom", begin, begin + 300, MIB, ready=20_000 - 1_000 * client, copy=begin + 10,
                   fd=4 + client, a=MIB)  # fmt: skip
    return analyse(story.events(argv=["python3", "late.py"], evidence=list(EVIDENCE)))


def scale() -> Analysis:
    """poll takes a microsecond a descriptor, select one and six, epoll_wait three however many there are."""
    story = Story(4711)
    story.call("epoll_create1", 10, 11, 3)
    time, added = 100.0, 0
    for size in (2, 64, 1024):
        while added < size:
            story.epoll_add(3, 10 + added, time)
            time, added = time + 2, added + 1
        for _ in range(5):
            story.call("poll", time, time + size, 2, a=size, c=-1, watch=[10 | 1 << 32 | 1 << 48] * 2)
            story.epoll_wait(3, time + 2_000, time + 2_003, [10, 11])
            time += 3_000
        few = min(size, 512)
        for _ in range(5):
            end = time + few + (3 if size == 2 else 6 if size == 64 else 8)
            story.select(time, end, list(range(10, 10 + few)), [10, 11])
            time += 2_000
    return analyse(story.events(argv=["python3", "scale.py"], evidence=list(EVIDENCE)))


FIVE = ("blocking", "nonblocking", "chat", "signal_driven", "asynchronous")

MODELS: dict[str, Callable[[], Analysis]] = {
    **scenes.SCENES,
    "blocking_ptrace": lambda: scenes.blocking(accounted=True),
    "signal_driven": signal_driven,
    "at_once": at_once,
    "polling_ptrace": polling_ptrace,
    "own_thread": own_thread,
}
