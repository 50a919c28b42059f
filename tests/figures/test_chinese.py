"""Every figure in Chinese: all its words are, each has its room, and the language is asked for anew."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from iotrace import language
from iotrace.analysis.matrix import spoken
from iotrace.figures import HEIGHTS, KINDS, Request, Scene, draw
from iotrace.figures.metrics import known
from iotrace.figures.overlap import problems
from iotrace.figures.scene import Text, groups, walk
from probes.table import CALLS
from tests.figures.drawing import drawn, words
from tests.figures.test_scenes import DRAWN

#: What has no other name in Chinese: of the kernel, of units, of programs and recordings, of our own.
NAMES = (
    set(
        "fd tcp udp unix listen pipe eventpoll socket io_uring epoll iotrace Linux eBPF ptrace UTC POSIX "
        "MiB KiB GiB ms s ns µs recording story test p50 p99 CPU I O B OK poll select io uring".split()
    )
    | {spoken(code) for code in range(len(CALLS))}
    | {call.name for call in CALLS}
)
EVENTS = set(
    "sys_enter sys_exit sched_switch sched_waking sk_data_ready skb_copy_datagram_iovec sock_recv_length "
    "signal_generate signal_deliver io_uring_submit_req io_uring_complete schedstat O_ASYNC".split()
)


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    language.use("zh")
    yield
    language.use("en")


def made(name: str, aspect: str = "16:9") -> Scene:
    kind, makers = DRAWN[name]
    return drawn(kind, *(make() for make in makers), aspect=aspect)


def english(words: str, also: frozenset[str] | set[str] = frozenset()) -> list[str]:
    """Return the English words in a label."""
    plain = re.sub(r"[\w./-]+\.py\b|\b[A-Z][A-Z0-9]+\b|\d+\.\d[\w.+-]*", "", words)
    return [word for word in re.findall(r"[A-Za-z_µ][A-Za-z_0-9]*", plain) if word not in NAMES | also]


def test_the_search_for_english_finds_it() -> None:
    assert english("waiting for data") == ["waiting", "for", "data"]
    assert english("阻塞在 recvfrom 里：EAGAIN，blocking_echo.py，1.0 MiB") == []


@pytest.mark.parametrize("aspect", HEIGHTS)
@pytest.mark.parametrize("name", DRAWN)
def test_nothing_clips_and_nothing_overlaps(name: str, aspect: str) -> None:
    scene = made(name, aspect)
    assert problems(scene) == []
    for step in range(scene.steps):
        assert problems(scene.until(step)) == []


@pytest.mark.parametrize("name", DRAWN)
def test_every_word_is_chinese(name: str) -> None:
    scene = made(name)
    assert {line: found for line in words(scene) if (found := english(line))} == {}
    assert english(scene.title) == []
    told = [scene.description, *(f"{group.title} {group.evidence}" for group in groups(scene.items))]
    assert {line: found for line in told if (found := english(line, EVENTS))} == {}
    assert any("\u4e00" <= sign <= "\u9fff" for sign in scene.title)


@pytest.mark.parametrize("name", DRAWN)
def test_every_sign_is_drawn_with_our_fonts(name: str) -> None:
    assert [
        item.words for item in walk(made(name).items) if isinstance(item, Text) and not known(item.words)
    ] == []


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_the_language_is_that_of_the_moment(kind: str) -> None:
    """What was drawn in one language before does not stay in it."""
    makers = next(makers for each, makers in DRAWN.values() if each == kind)

    def titled() -> str:
        scene = draw(kind, Request(tuple((f"recording {n}", make()) for n, make in enumerate(makers))))
        return scene.title + scene.description

    told = titled()
    language.use("en")
    spoken_english = titled()
    assert not any("\u4e00" <= sign <= "\u9fff" for sign in spoken_english)
    language.use("zh")
    assert titled() == told
