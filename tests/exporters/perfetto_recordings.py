"""Recordings in virtual time that traces for Perfetto are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from iotrace.analysis import Analysis, analyse
from probes.contract import EVIDENCE
from probes.events import Kind
from tests.story import Story, at
from tests.views import scenes


def lossy() -> Analysis:
    """A call that failed, a gap on each of two CPUs, and a call in flight at the end."""
    story = Story(100)
    story.server(3, 8801, 1)
    story.call("recvfrom", 50, 51, -11, fd=4, a=64)
    story.row(Kind.GAP, enter_ns=at(60), exit_ns=at(70), a=23)
    story.row(Kind.GAP, enter_ns=at(65), exit_ns=at(75), a=1, cpu=1)
    story.call("recvfrom", 80, 90, 64, ready=85, copy=88, fd=4, a=64)
    story.row(Kind.PENDING, enter_ns=at(95), code=5, fd=4, a=64)
    return analyse(
        story.events(
            evidence=list(EVIDENCE), kernel="6.18.0", machine="x86_64", started_ns=at(0),
            started_wall_ns=1_700_000_000 * 10**9,
        )
    )  # fmt: skip


def pool() -> Analysis:
    """Two threads sleep on one listening socket, a third one wakes them: the operations overlap."""
    story = Story(100)
    story.server(3, 8801, 1)
    for tid, fd, end in ((101, 4, 500), (102, 5, 700)):
        story.established(end - 30, 50_000 + fd)
        story.accept(
            3, fd, 100, end, 50_000 + fd, asleep=end - 130, queued=20, ready=end - 30, tid=tid, waker=103
        )
    story.call("sendto", 460, 480, 64, fd=9, a=64, tid=103)
    story.call("sendto", 660, 680, 64, fd=9, a=64, tid=103)
    return analyse(story.events(evidence=list(EVIDENCE)))


def unseen() -> Analysis:
    """Nobody knows which descriptor was received from."""
    analysis = scenes.blocking()
    operations = analysis.operations[np.arange(len(analysis.operations))]
    operations["life"] = np.full(len(operations), -1)
    return replace(analysis, operations=operations)


def announced(count: int = 600) -> Analysis:
    """One epoll_wait announces more descriptors than slices may be nested."""
    story = Story(100)
    story.server(3, 8801, 1)
    story.call("epoll_create1", 10, 11, 9)
    for client in range(count):
        fd, time = 10 + client, 20.0 + 10 * client
        story.established(time, 2_000 + client)
        story.accept(3, fd, time, time + 2, 2_000 + client, ready=time)
        story.epoll_add(9, fd, time + 3)
    begin = 20.0 + 10 * count
    fds = list(range(10, 10 + count))
    story.epoll_wait(9, begin, begin + 1_000, fds, asleep=900, queued=10, ready=begin + 890)
    for client, fd in enumerate(fds):
        time = begin + 1_010 + 10 * client
        story.call("recvfrom", time, time + 5, 64, ready=begin + 890, copy=time + 1, fd=fd, a=64)
    return analyse(story.events(evidence=list(EVIDENCE)))
