"""What programs do that show a lesson, or nearly: told in virtual time."""

from __future__ import annotations

from probes.events import Kind
from tests.story import Story, at

EDGE, ONESHOT = 1 << 31, 1 << 30
MS = 1_000


def connected(story: Story, *fds: int) -> Story:
    """Accept a connection on each descriptor; it takes until 1000."""
    story.server(3, 8801)
    for number, fd in enumerate(fds):
        begin = 100 + number * 100
        story.established(begin + 90, 5000 + fd).accept(3, fd, begin, begin + 95, 5000 + fd, asleep=85)
    return story


def received(story: Story, fd: int, time: float, got: int = 100, room: int = 4096, **kw: object) -> Story:
    """A receive that finds its data: they were ready 5 µs before."""
    return story.call("recvfrom", time, time + 3, got, ready=time - 5, copy=time + 1, fd=fd, a=room, **kw)  # type: ignore[arg-type]


def answered(story: Story, fd: int, time: float) -> Story:
    return story.call("sendto", time, time + 2, 8, fd=fd, a=8)


def leak(failures: int = 23) -> Story:
    story = Story().server(3, 8801)
    for fd in range(4, 64):
        story.accept(3, fd, fd * 100, fd * 100 + 90, 5000 + fd, asleep=85)
    story.call("close", 6_390, 6_391, 0, fd=4)
    for turn in range(failures):
        time = 6_400 + turn * 10
        story.select(time, time + 1, [3], [3])
        story.call("accept4", time + 2, time + 3, -24, fd=3)
    return story


def spin(turns: int = 23, answer_every: int = 0) -> Story:
    """select says that a client is there, and nobody accepts; or somebody does now and then."""
    story = Story().server(3, 8801).select(100, 1_000, [3], [3], asleep=880, ready=990)
    for turn in range(turns):
        story.select(1_010 + turn * 10, 1_011 + turn * 10, [3], [3])
        if answer_every and turn % answer_every == 0:
            story.call("accept4", 1_012 + turn * 10, 1_013 + turn * 10, 40 + turn, fd=3)
    return story


def writable_spin(sends: bool = False) -> Story:
    """A loop watches for room that it always has."""
    story = connected(Story(), 4)
    for turn in range(23):
        time = 2_000 + turn * 10
        story.call("select", time, time + 1, 1, a=5, c=-1, watch=[4 | 4 << 32 | 4 << 48])
        if sends:
            answered(story, 4, time + 3)
    return story


def pipe_left(drained: bool = False, mode: int = EDGE) -> Story:
    """1 KiB in a pipe; 512 bytes are read, then the thread sleeps in epoll_wait."""
    story = Story().call("pipe2", 10, 11, 0, a=0o4000, c=5 | 6 << 32).call("epoll_create1", 20, 21, 7)
    story.epoll_add(7, 5, 30, mode=mode)
    story.call("write", 100, 102, 1024, fd=6, a=1024)
    story.epoll_wait(7, 110, 111, [5])
    story.call("read", 120, 121, 512, copy=120.5, fd=5, a=512)
    if drained:
        story.call("read", 130, 131, 512, copy=130.5, fd=5, a=512)
        story.call("read", 140, 141, -11, fd=5, a=512)
    return story.epoll_wait(7, 200, 100_300, [], asleep=100_000, c=100_000_000)


def socket_left(ready: float | None = None, announced: bool = False) -> Story:
    """A receive fills its room, the thread sleeps in epoll_wait, and the next receive finds the rest."""
    story = connected(Story(), 4).call("epoll_create1", 500, 501, 7).epoll_add(7, 4, 510, mode=EDGE)
    story.epoll_wait(7, 600, 1_000, [4], asleep=390, ready=990)
    received(story, 4, 1_010, 512, 512)
    story.epoll_wait(7, 1_100, 51_200, [4] if announced else [], asleep=50_000, c=50_000_000)
    return story.call("recvfrom", 51_300, 51_303, 512, ready=ready, copy=51_301, fd=4, a=512)


def stall(asleep: float = 50 * MS, ready: float = 20 * MS, call: str = "clock_nanosleep") -> Story:
    """Two clients of an epoll loop; one's request makes it sleep, and the other's arrives meanwhile."""
    story = connected(Story(), 4, 5).call("epoll_create1", 500, 501, 7)
    story.epoll_add(7, 4, 510).epoll_add(7, 5, 520)
    for turn in range(7):
        begin = 1_000 + turn * 200 * MS
        story.epoll_wait(7, begin, begin + 900, [4], asleep=880, ready=begin + 890)
        received(story, 4, begin + 910)
        done = begin + 920 + asleep + 20
        story.call(call, begin + 920, done, 0, asleep=asleep, fd=9 if call == "read" else -1)
        arrival = begin + ready
        if ready < asleep:
            story.epoll_wait(7, done + 5, done + 6, [5])
            time = done + 10
        else:
            story.epoll_wait(7, done + 5, arrival + 30, [5], asleep=arrival - done - 10, ready=arrival)
            time = arrival + 40
        story.call("recvfrom", time, time + 3, 9, ready=arrival, copy=time + 1, fd=5, a=4096)
    return story


def batch(asleep: float = 200 * MS) -> Story:
    """select announces three at once, and the answer to each takes a while."""
    story = connected(Story(), 4, 5, 6)
    story.select(1_000, 2_000, [3, 4, 5, 6], [4, 5, 6], asleep=980, ready=1_990)
    for number, fd in enumerate((4, 5, 6)):
        time = 2_010 + number * (asleep + 100)
        story.call("recvfrom", time, time + 5, 9, ready=1_990, copy=time + 1, fd=fd, a=4096)
        story.call("clock_nanosleep", time + 10, time + 30 + asleep, 0, asleep=asleep)
        answered(story, fd, time + 40 + asleep)
    return story


def herd(connections: int = 23, exclusive: bool = False) -> Story:
    """Four processes wait for one listening socket; each connection wakes all, or one."""
    story = Story(100).server(3, 8801)
    for child in range(4):
        tgid = 101 + child
        story.row(Kind.TASK_NEW, enter_ns=at(50), tid=tgid, tgid=tgid, a=100, waker=100)
    for number in range(connections):
        begin = 1_000.0 + number * 1_000
        for child in range(4):
            tgid = 101 + child
            winner = child == number % 4
            if exclusive and not winner:
                continue
            who = {"tid": tgid, "tgid": tgid}
            late = 0 if winner else 20
            story.poll(begin, begin + 800 + late, [3], [3], asleep=790, ready=begin + 791, **who)
            if winner:
                story.accept(3, 10 + number, begin + 805, begin + 809, 5000 + number, nonblocking=True, **who)
            else:
                story.call("accept4", begin + 825, begin + 827, -11, fd=3, **who)
    return story


def merged(together: bool = True) -> Story:
    """Two descriptors become ready before the one signal is delivered; or each has its own."""
    story = connected(Story(), 4, 5)
    for fd in (4, 5):
        story.call("fcntl", 500 + fd, 500.5 + fd, 0, fd=fd, a=4, b=0o20000 | 0o4000)
    for turn in range(7):
        begin = 1_000.0 + turn * 1_000
        story.row(Kind.SIGNAL, enter_ns=at(begin + 100), exit_ns=at(begin + 200), a=29)
        story.call("recvfrom", begin + 210, begin + 213, 9, ready=begin + 99, copy=begin + 211, fd=4, a=99)
        if not together:
            story.row(Kind.SIGNAL, enter_ns=at(begin + 260), exit_ns=at(begin + 270), a=29)
        ready = begin + (150 if together else 259)
        story.call("recvfrom", begin + 280, begin + 283, 9, ready=ready, copy=begin + 281, fd=5, a=99)
    return story


def writer(asleep: float = 5 * MS, ret: int = 65536) -> Story:
    story = connected(Story(), 4)
    for turn in range(7):
        begin = 1_000 + turn * 20 * MS
        story.call("sendto", begin, begin + asleep + 20, ret, asleep=asleep, fd=4, a=65536)
    return story


def pieces(answers: int = 7, parts: int = 3, room: int = 4096) -> Story:
    """A message comes in parts, and is answered when it is whole."""
    story = connected(Story(), 4)
    for turn in range(answers):
        begin = 2_000.0 + turn * 1_000
        story.select(begin, begin + 100, [4], [4], asleep=90, ready=begin + 99)
        for part in range(parts):
            received(story, 4, begin + 110 + part * 100, 1000, room)
        answered(story, 4, begin + 900)
    return story


def relay(messages: int = 14) -> Story:
    """One thread receives and hands on; another answers, before or after it is asleep in the next receive."""
    story = connected(Story(), 4)
    for turn in range(messages):
        begin = 2_000.0 + turn * 1_000
        story.call(
            "recvfrom", begin, begin + 900, 15, asleep=880, ready=begin + 890, copy=begin + 895, fd=4, a=4096
        )
        story.call("sendto", begin + (950, 1_050)[turn % 2], begin + 1_060, 9, fd=4, a=9, tid=101)
    return story


def polled(tries: int = 40, announced: bool = False) -> Story:
    """accept is tried every millisecond; or tried once after each word of select."""
    story = Story().server(3, 8801, nonblocking=True)
    for turn in range(tries):
        begin = 1_000.0 + turn * MS
        if announced:
            story.select(begin - 500, begin - 400, [3], [3], asleep=90)
        story.call("accept4", begin, begin + 2, -11, fd=3)
    return story.accept(3, 4, 1_000 + tries * MS, 1_003 + tries * MS, 5004)


def looks(turns: int = 40, sleeps: bool = False, each: int = 1) -> Story:
    """select with timeout 0, again and again; or some between sleeps in the same wait."""
    story = connected(Story(), 4)
    for turn in range(turns):
        begin = 2_000.0 + turn * MS
        for look in range(each):
            story.select(begin + 5 * look, begin + 5 * look + 2, [4], [], c=0)
        if sleeps:
            story.select(begin + 300, begin + 900, [4], [], asleep=580, c=580_000)
    return story


def wide(widest: int = 1_024, beyond: int = 1_024) -> Story:
    story = Story().server(3, 8801)
    story.call("select", 100, 200, 0, a=widest, c=0, watch=[3 | 1 << 32])
    return story.accept(3, beyond, 300, 310, 5000)


def timeouts(timeout: int = 5_000_000_000) -> Story:
    story = connected(Story(), 4)
    for turn in range(7):
        begin = 2_000.0 + turn * 1_000
        story.poll(begin, begin + 600, [4], [4], asleep=580, ready=begin + 590, c=timeout)
        received(story, 4, begin + 610)
        answered(story, 4, begin + 620)
    return story


def requests(flags: int) -> Story:
    story = connected(Story(), 4).call("io_uring_setup", 901, 910, 7, a=8)
    for turn in range(7):
        begin = 2_000.0 + turn * 60 * MS
        story.call("io_uring_enter", begin, begin + 5, 1, fd=7, a=1)
        story.row(
            Kind.RING, enter_ns=at(begin), exit_ns=at(begin + 50_300), ready_ns=at(begin + 50_000),
            copy_ns=at(begin + 50_050), done_ns=at(begin + 50_290), a=27, ret=1 << 20, fd=4, flags=flags,
            waker=101 if flags else 100,
        )  # fmt: skip
    return story


def asleep_in_the_receive() -> Story:
    story = connected(Story(), 4)
    for turn in range(7):
        begin = 2_000.0 + turn * 1_000
        story.call("recvfrom", begin, begin + 600, 9, 580, ready=begin + 590, copy=begin + 595, fd=4, a=9)
        answered(story, 4, begin + 620)
    return story


def idle(asleep: float = 1_000 * MS) -> Story:
    story = connected(Story(), 4)
    story.select(2_000, 2_010 + asleep, [3, 4], [4], asleep=asleep, ready=2_001 + asleep)
    return received(story, 4, 2_020 + asleep)


def armed() -> Story:
    story = connected(Story(), 4).call("fcntl", 500, 501, 0, fd=4, a=4, b=0o20000 | 0o4000)
    for turn in range(7):
        begin = 1_000.0 + turn * 1_000
        story.row(Kind.SIGNAL, enter_ns=at(begin + 900), exit_ns=at(begin + 902), a=29)
        received(story, 4, begin + 904)
        story.call("recvfrom", begin + 910, begin + 911, -11, fd=4, a=4096)
    return story
