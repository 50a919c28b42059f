"""The views in Chinese: nothing is wider than the terminal, columns line up in cells, no word is English."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby, takewhile

import pytest
from rich.cells import cell_len
from rich.console import RenderableType

from iotrace import language, views
from iotrace.analysis.choosing import Choice
from iotrace.analysis.model import Analysis
from iotrace.capture.clients import shipped
from iotrace.views.calls import Calls
from iotrace.views.course import demo_line
from iotrace.views.report import asleep
from probes.table import CALLS
from tests.views import scenes
from tests.views.goldens import assert_golden
from tests.views.test_comparison import drawn as compared
from tests.views.test_goldens import drawn, lost

WIDTHS = (60, 80, 100, 120, 160)


@pytest.fixture(autouse=True)
def _chinese() -> None:
    language.use("zh")


def models(width: int) -> str:
    names = ("blocking", "nonblocking", "chat", "asynchronous")
    return compared([(name, scenes.SCENES[name]()) for name in names], width)


def unlike(width: int) -> str:
    both = {"chat": scenes.chat(), "chat_ptrace": scenes.chat(accounted=True)}
    return compared(list(both.items()), width)


def of(view: Callable[[], RenderableType]) -> Callable[[int], str]:
    return lambda width: drawn(view(), width=width)


def of_scene(view: Callable[[Analysis], RenderableType], name: str) -> Callable[[int], str]:
    return lambda width: drawn(view(scenes.SCENES[name]()), width=width)


VIEWS: dict[str, Callable[[int], str]] = {
    **{
        f"summary_{name}": of_scene(lambda a: views.summary(a, "run.iotrace"), name) for name in scenes.SCENES
    },
    **{f"report_{name}": of_scene(views.report, name) for name in scenes.SCENES},
    **{f"show_{name}": of_scene(views.show, name) for name in scenes.SCENES},
    "show_full_pipe": of(lambda: views.show(scenes.full_pipe())),
    "show_lost": of(lambda: views.show(lost())),
    "show_nothing": of(lambda: views.show(scenes.chat(), fd=99)),
    "report_full_pipe": of(lambda: views.report(scenes.full_pipe())),
    "asleep": of(lambda: asleep(scenes.chat())),
    "empty": of(lambda: views.report(scenes.empty())),
    "compare_models": models,
    "compare_probes": unlike,
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", VIEWS)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = VIEWS[name](width).splitlines()
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize(
    ("name", "width"), [("summary_chat", 80), ("report_chat", 100), ("compare_models", 100)]
)
def test_golden(name: str, width: int) -> None:
    assert_golden(f"{name}_zh", VIEWS[name](width))


def cells(line: str) -> list[str]:
    """Return what stands in each cell of a line: a wide character, then a "\\0" in its second cell."""
    return [each for char in line for each in (char, "\0")[: cell_len(char)]]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [name for name in VIEWS if name.startswith(("show_", "summary_"))])
def test_lanes_begin_under_the_axis(name: str, width: int) -> None:
    lines = VIEWS[name](width).splitlines()
    at = next((number for number, line in enumerate(lines) if re.match(r" +╷", line)), None)
    if at is None:
        assert name == "show_nothing" or "empty" in name
        return
    begin = cells(lines[at]).index("╷")
    lanes = []
    for line in lines[at + 1 :]:
        if not re.match(r"(线程|fd|内核|缓冲区) ?", line):
            break
        lanes.append(cells(line.ljust(width)))
    assert lanes
    assert all(lane[begin - 2 : begin] == [" ", " "] for lane in lanes)  # the margin, blank in each
    assert all(lane[begin] != "\0" and len(lane) <= max(width, len(lane)) for lane in lanes)
    assert {len(lane) for lane in lanes} <= set(range(width, width + 12))


#: The line of headings of each table, and what its columns are parted by.
TABLES = {r"调用 +次数": "  ", r"睡眠 +线程": "  ", r"fd +是什么": "  ", r" +(操作|调用) .*CPU": " "}


def tables(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield each table, its headings first, with what its columns are parted by."""
    for block in text.split("\n\n"):
        lines = block.splitlines()
        for heading, gap in TABLES.items():
            if lines and re.match(heading, lines[0]):
                yield list(takewhile(lambda line: not re.match(r"[每…]", line), lines)), gap


def stripes(rows: list[str], width: int) -> int:
    """Return how many columns a table has: runs of cells that are not blank in all of its rows."""
    grids = [cells(row) for row in rows]
    used = [any(at < len(grid) and grid[at] != " " for grid in grids) for at in range(width)]
    return sum(1 for some, _ in groupby(used) if some)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("report_chat", 3),
        ("report_chat_ptrace", 3),
        ("report_full_pipe", 3),
        ("asleep", 1),
        ("compare_models", 1),
    ],
)
def test_columns_line_up(name: str, count: int, width: int) -> None:
    """Were a cell as wide as it has characters, headings would run into the columns beside them."""
    found = list(tables(VIEWS[name](width)))
    assert len(found) == count
    for rows, gap in found:
        headings = re.split(f"{gap} *", rows[0].strip())
        assert stripes(rows, width) >= len(headings) > 3, "\n".join(rows)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_magnified_pieces_line_up(width: int) -> None:
    lines = VIEWS["show_blocking"](width).splitlines()
    rows = [cells(line) for line in lines if re.match(r"  (▓▓|»»|══|██|  ) .*(实测|返回)", line)]
    assert len(rows) >= 4
    evidence = [row.index("调") if "调" in row else None for row in rows]
    assert evidence[0] is not None
    begin = evidence[0]
    assert all(row[begin - 2] == " " and row[begin] != " " for row in rows if len(row) > begin)


# -- no English

#: Names, of calls, signals, errors, kinds of descriptors, tracepoints, programs; units; the field's terms.
NAMES = {
    *(call.name for call in CALLS), "epoll", "io_uring", "iou",
    "fd", "pid", "tcp", "udp", "pipe", "listen", "file", "unix",
    "sk_data_ready", "sched_switch", "sched_waking", "skb_copy_datagram_iovec", "sock_recv_length",
    "sys_enter", "sys_exit", "io_uring_submit_req", "io_uring_complete", "schedstat",
    "ns", "ms", "s", "B", "KiB", "MiB", "CPU", "p", "I", "O", "eBPF", "ptrace", "POSIX", "python", "true",
    "EAGAIN", "EPOLLIN", "SIGIO", "O_ASYNC",
    "chat", "chat_ptrace", "blocking", "nonblocking", "asynchronous",  # what the recordings are called here
    "ls", "localhost", "w", "thread",
}  # fmt: skip


def english(text: str) -> set[str]:
    text = re.sub(r"\[?iotrace (\w+)( [a-z-]+\]| --[^ ]+| [\w.]+)*", "", text)  # commands
    text = re.sub(r"\b[\w./]+\.(py|iotrace)\b|--[a-z]+( [A-Z]+)?|\"[^\"]*\"", "", text)
    return set(re.findall(r"[A-Za-z][A-Za-z_]*", text)) - NAMES


@pytest.mark.parametrize("name", VIEWS)
def test_no_word_is_english(name: str) -> None:
    assert english(VIEWS[name](160)) == set()


def test_what_a_recording_says_in_english_is_told_in_chinese() -> None:
    """Why evidence is missing is the probe's sentence, and the recording's."""
    analysis = scenes.blocking()
    missing = {"ready": "this kernel has no tracepoint sock:sk_data_ready"}
    header = {**analysis.events.header, "missing": missing}
    text = drawn(views.show(replace(analysis, events=replace(analysis.events, header=header))))
    (line,) = (line for line in text.splitlines() if "跟踪点 sock:sk_data_ready" in line)
    assert english(line) <= {"sock"}


def test_a_claim_is_told_in_chinese() -> None:
    analysis = scenes.blocking()
    header = {**analysis.events.header, "options": {"claim": shipped()["blocking_echo"].claim}}
    events = replace(analysis.events, header=header)
    text = drawn(views.summary(replace(analysis, events=events, lessons=())))
    assert "一个调用在两个阶段都被阻塞" in text


def test_what_each_call_spent_is_chinese() -> None:
    analysis = scenes.chat()
    writer = Calls(analysis.begin_ns, analysis.events.header["evidence"], "x86_64", everything())
    lines = ["".join(words for words, _ in line) for line in writer.lines(analysis.events)]
    told = [line.rpartition(" = ")[2] for line in lines]
    assert any("等待 " in line and "唤醒 " in line for line in told)
    assert any("拷贝 " in line for line in told)
    assert english("\n".join(re.sub(r"\(.*?\)|<.*?>", "", line) for line in told)) <= {"in", "out"}


def everything() -> Choice:
    none: frozenset[int] = frozenset()
    return Choice(none, none, none, none, 0, False, None, None)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", scenes.SCENES)
def test_the_course_is_chinese(name: str, width: int) -> None:
    title = language._(shipped()["select_chat"].title)
    text = drawn(demo_line("demo", title, 12, scenes.SCENES[name]()), width=width).rstrip()
    assert cell_len(text) <= width
    assert english(re.sub(r"^demo|[a-z-]+: |\w+…$", "", text)) == set()


def test_the_search_for_english_finds_it() -> None:
    assert english("阻塞在 recvfrom 里 99 %, waiting [iotrace explain blocking]") == {"waiting"}
