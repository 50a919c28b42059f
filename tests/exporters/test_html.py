"""The page in a real browser: it finds, says and draws what the recording holds, and fetches nothing."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iotrace.analysis import Analysis
from iotrace.analysis.calls import select
from iotrace.analysis.model import Act
from iotrace.numbers import duration, grouped
from iotrace.theme import DARK, LIGHT
from tests.exporters.asked import exported
from tests.exporters.browser import Browser
from tests.figures import recordings
from tests.views import scenes

WIDTH, HEIGHT = 1280, 1000
SHIFT, CTRL = 8, 2


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser"), WIDTH, HEIGHT) as started:
        yield started


@pytest.fixture(autouse=True)
def no_errors(browser: Browser) -> Iterator[None]:
    browser.errors.clear()
    browser.requests.clear()
    yield
    assert browser.errors == []
    assert [url[:5] for url in browser.requests if not url.startswith(("file:", "data:image/png"))] == []


@pytest.fixture
def analysis() -> Analysis:
    return recordings.MODELS["chat"]()


@pytest.fixture
def page(browser: Browser, analysis: Analysis, tmp_path: Path) -> Path:
    return opened(browser, analysis, tmp_path)


def opened(browser: Browser, analysis: Analysis, folder: Path, fragment: str = "") -> Path:
    path = folder / "page.html"
    path.write_bytes(exported(analysis, "html"))
    browser.open(path, fragment)
    return path


def found(browser: Browser, text: str) -> int:
    browser.value(f"document.getElementById('find').value = {text!r}")
    browser.value("document.getElementById('find').dispatchEvent(new Event('input'))")
    return int(re.sub(r"\D", "", browser.text("#matches")) or 0)


def window(browser: Browser) -> tuple[int, int]:
    """What the address says is seen; the whole run where it says nothing."""
    said = dict(part.split("=") for part in browser.value("location.hash.slice(1)").split("&") if "=" in part)
    return int(said.get("from", 0)), int(said.get("to", 0))


def plot(browser: Browser) -> tuple[float, float, float]:
    """Left and right of the plot, and the middle of the first lane."""
    box = browser.value(
        "(b => [b.left, b.top, b.width])(document.getElementById('lanes').getBoundingClientRect())"
    )
    left, top, width = box
    return left + min(260, max(90, width * 0.22)), left + width - 12, top + 26 + 15


@pytest.mark.parametrize(
    "model", ["chat", "blocking", "nonblocking", "asynchronous", "full_pipe", "blocking_ptrace"]
)
def test_every_search_finds_as_many_as_there_are(browser: Browser, tmp_path: Path, model: str) -> None:
    analysis = {**recordings.MODELS, "full_pipe": scenes.full_pipe}[model]()
    opened(browser, analysis, tmp_path)
    calls = select(analysis.events, analysis.end_ns)
    lasted = calls.exit_ns - calls.enter_ns
    for name in {call.name for call in analysis.calls}:
        alike = sum(call.count for call in analysis.calls if name in call.name)
        assert found(browser, name) == alike
    assert found(browser, "error") == np.count_nonzero(calls.ret < 0)
    assert found(browser, "EAGAIN") == np.count_nonzero(calls.ret == -11)
    assert found(browser, "asleep") == np.count_nonzero(calls.slept)
    assert found(browser, ">1ms") == np.count_nonzero(lasted > 1_000_000)
    assert found(browser, "<20us") == np.count_nonzero(lasted <= 20_000)
    assert found(browser, f"thread:{calls.tid[0]}") == np.count_nonzero(calls.tid == calls.tid[0])
    assert found(browser, "fd:4 >1us") == np.count_nonzero((calls.fd == 4) & (lasted > 1_000))
    assert found(browser, "no-such-thing") == 0


def test_a_call_tells_its_evidence(browser: Browser, analysis: Analysis, tmp_path: Path) -> None:
    calls = select(analysis.events, analysis.end_ns)
    copied = np.flatnonzero((analysis.events["copy_ns"][calls.row] > 0) & (calls.ret > 0))
    for number in copied[:3].tolist():
        opened(browser, analysis, tmp_path, f"call={number}")
        said = browser.text("#details")
        row = calls.row[number]
        copy_ns = int(calls.exit_ns[number] - analysis.events["copy_ns"][row])
        assert said.startswith("recvfrom")
        assert f"copying\n{duration(copy_ns)}" in said
        assert f"{(calls.enter_ns[number] - analysis.begin_ns) / 1e9:.9f} s" in said
        assert f"length\n{duration(int(calls.exit_ns[number] - calls.enter_ns[number]))}" in said
        assert f"\n{calls.ret[number]} (" in said


@pytest.mark.parametrize("model", ["chat", "blocking", "blocking_ptrace", "asynchronous"])
def test_an_operation_tells_its_phases_with_their_basis(browser: Browser, tmp_path: Path, model: str) -> None:
    analysis = recordings.MODELS[model]()
    op = analysis.operations
    order = np.lexsort((op["end_ns"], op["life"]))
    order = order[op["life"][order] >= 0]
    number = next(
        at for at, each in enumerate(order) if op["act"][each] == Act.RECEIVE and not op["at_once"][each]
    )
    one = op[int(order[number])]
    opened(browser, analysis, tmp_path, f"operation={number}")
    said = browser.text("#details")
    mark = {2: "", 1: "≈ "}
    phase1 = mark[min(one["begin_basis"], one["ready_basis"])] + duration(
        int(one["ready_ns"] - one["begin_ns"])
    )
    phase2 = mark[min(one["copy_basis"], one["end_basis"])] + duration(int(one["end_ns"] - one["copy_ns"]))
    assert f"phase 1, waiting for data\n{phase1}" in said
    assert f"phase 2, copying\n{phase2}" in said
    assert ("a kernel thread" in said) == bool(one["by_worker"])
    for place in ("in_wait_ns", "in_transfer_ns", "free_ns"):
        share = f"\n{mark[min(one['begin_basis'], one['ready_basis'])]}{duration(int(one[place]))} ("
        assert (share in said) == (one[place] > 0)


def test_the_keyboard_goes_everywhere(browser: Browser, page: Path, analysis: Analysis) -> None:
    browser.value("document.getElementById('lanes').focus()")
    browser.press("+")
    from_ns, to_ns = window(browser)
    span = analysis.end_ns - analysis.begin_ns
    assert 0.4 * span < to_ns - from_ns < 0.6 * span
    browser.press("ArrowRight")
    assert window(browser)[0] == pytest.approx(from_ns + 0.2 * (to_ns - from_ns), abs=2)
    browser.press("0")
    assert window(browser) == (0, 0)
    browser.press("]")
    browser.press("]")
    first = browser.text("#details")
    assert browser.value("location.hash") == "#call=1"
    browser.press("[")
    assert browser.value("location.hash") == "#call=0"
    assert browser.text("#details") != first
    assert browser.text("#said").split(",")[0] in first + browser.text("#details")
    browser.press("Enter")
    assert window(browser)[1] > 0  # zoomed to the call
    browser.press("0")
    browser.press("ArrowDown")
    assert browser.text("#said").startswith("fd ")
    browser.press("]")
    assert "operation=" in browser.value("location.hash")
    browser.press("/")
    assert browser.value("document.activeElement.id") == "find"
    browser.press("Escape")
    assert browser.value("document.activeElement.id") == "lanes"


def test_found_calls_are_gone_through_in_time(browser: Browser, page: Path, analysis: Analysis) -> None:
    count = found(browser, "recvfrom")
    browser.value("document.getElementById('lanes').focus()")
    calls = select(analysis.events, analysis.end_ns)
    received = [at for at in range(len(calls)) if analysis.events["code"][calls.row[at]] == received_code()]
    assert count == len(received) > 1
    seen = []
    for _ in range(count):
        browser.press("n", "n")
        seen.append(int(re.search(r"call=(\d+)", browser.value("location.hash"))[1]))  # type: ignore[index]
    assert seen == received
    browser.press("N", "N")
    assert f"call={received[-2]}&" in browser.value("location.hash")


def received_code() -> int:
    from iotrace.analysis.calls import code

    return code("recvfrom")


def test_the_mouse_points_moves_and_zooms(browser: Browser, page: Path, analysis: Analysis) -> None:
    left, right, y = plot(browser)
    calls = select(analysis.events, analysis.end_ns)
    longest = int(np.argmax(calls.exit_ns - calls.enter_ns))
    middle = (calls.enter_ns[longest] + calls.exit_ns[longest]) / 2 - analysis.begin_ns
    x = left + (right - left) * middle / (analysis.end_ns - analysis.begin_ns)
    browser.mouse("mouseMoved", x, y)
    browser.settle()
    assert browser.value("document.getElementById('tip').hidden") is False
    assert duration(int(calls.exit_ns[longest] - calls.enter_ns[longest])) in browser.text("#tip")
    browser.drag(x, y, x + 0.1)
    assert f"call={longest}" in browser.value("location.hash")
    browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-120, modifiers=CTRL)
    browser.settle()
    zoomed = window(browser)
    assert zoomed[0] < middle < zoomed[1] < analysis.end_ns - analysis.begin_ns
    browser.drag(left + 100, y, left + 200)
    moved = window(browser)
    assert moved[0] < zoomed[0]
    assert moved[1] - moved[0] == pytest.approx(zoomed[1] - zoomed[0], abs=3)
    browser.drag(left + 100, y, left + 200, SHIFT)
    part = window(browser)
    assert part[1] - part[0] == pytest.approx((moved[1] - moved[0]) * 100 / (right - left), rel=0.02)


def test_a_link_leads_back_to_what_was_seen(browser: Browser, page: Path) -> None:
    browser.value("document.getElementById('lanes').focus()")
    found(browser, "recvfrom")
    browser.press("n", "n")
    browser.press("Enter")
    fragment, said, seen = browser.value("location.hash.slice(1)"), browser.text("#details"), browser.shot()
    browser.open(page.with_name("page.html"), "theme=light")
    assert browser.text("#details") != said
    browser.open(page, fragment)
    browser.value("document.getElementById('lanes').focus()")
    browser.settle()
    assert browser.value("location.hash.slice(1)") == fragment
    assert browser.text("#details") == said
    before, after = (np.asarray(Image.open(io.BytesIO(shot))) for shot in (seen, browser.shot()))
    assert np.array_equal(before, after)


def test_the_bars_have_the_colours_of_their_time(browser: Browser, page: Path, analysis: Analysis) -> None:
    """The share of the thread's lane that is blocked in select is that of the recording's time."""
    left, right, y = plot(browser)
    picture = np.asarray(Image.open(io.BytesIO(browser.shot())).convert("RGB"), int)
    wait = np.array([int(LIGHT_WAIT[at : at + 2], 16) for at in (1, 3, 5)])
    lane = picture[round(y) - 9 : round(y) + 10, round(left) : round(right)]
    near = (np.abs(lane - wait).sum(axis=2) < 90).any(axis=0)  # the hatch is darker, the name is on white
    slept = sum(call.wait_ns for call in analysis.calls if "select" in call.name)
    assert near.mean() == pytest.approx(slept / (analysis.end_ns - analysis.begin_ns), abs=0.06)


LIGHT_WAIT = next(swatch.fill for meaning, swatch in LIGHT.swatches.items() if meaning == "wait")


def test_it_is_light_or_dark_as_the_system_is(browser: Browser, page: Path) -> None:
    for scheme, theme in (("dark", DARK), ("light", LIGHT)):
        browser.prefer(scheme)
        browser.settle()
        corner = Image.open(io.BytesIO(browser.shot())).convert("RGB").getpixel((4, 4))
        assert "#{:02X}{:02X}{:02X}".format(*corner) == theme.paper  # type: ignore[misc]


def test_names_from_outside_stay_words(browser: Browser, tmp_path: Path) -> None:
    """Mark-up, ends of scripts, template fields, directions and very long names: shown, not obeyed."""
    for name in (
        "</script><script>document.title='taken'</script>",
        "<img src=x onerror=document.title='taken'>$columns ${title} $$",
        "\u202egnp.exe\x1b[31m\ud800\x00",
        "n" * 10_000,
    ):
        analysis = recordings.renamed(recordings.MODELS["chat"](), name)
        opened(browser, analysis, tmp_path)
        assert browser.value("document.title").startswith("Where ")
        assert browser.value("document.querySelectorAll('h1 *, td *:not(button)').length") == 0
        browser.value("document.getElementById('lanes').focus()")
        browser.press("ArrowDown")
        browser.press("]")
        assert len(browser.text("#details")) < 2_000
        wide = browser.value("document.documentElement.scrollWidth")
        assert wide <= WIDTH


def test_it_can_be_read_without_a_script_and_without_seeing(
    browser: Browser, page: Path, analysis: Analysis
) -> None:
    told = browser.accessible()
    roles = {role for role, _ in told}
    assert {"heading", "table", "columnheader", "search", "application", "button", "status"} <= roles
    assert all(name for role, name in told if role in ("button", "searchbox", "combobox", "application"))
    static = page.read_text()
    for call in analysis.calls:
        assert f"<td>{call.name}</td>" in static
        assert f">{grouped(call.count)}</td>" in static
    for verdict in analysis.verdicts.values():
        assert verdict.because in static


def test_lost_events_are_said_and_drawn(browser: Browser, tmp_path: Path) -> None:
    from dataclasses import replace

    whole = recordings.MODELS["chat"]()
    third = (whole.end_ns - whole.begin_ns) // 3
    gap = (whole.begin_ns + third, whole.begin_ns + 2 * third, 4_711)
    opened(browser, replace(whole, lost=4_711, gaps=[gap]), tmp_path)
    assert "4711 events were lost" in browser.text("header")
    left, right, y = plot(browser)
    picture = np.asarray(Image.open(io.BytesIO(browser.shot())).convert("RGB"), int)
    lane = picture[
        round(y) - 6 : round(y) + 6, round(left + (right - left) * 0.4) : round(left + (right - left) * 0.6)
    ]
    paper = (lane.min(axis=2) > 240).mean()
    assert paper > 0.4  # hatched paper, whatever was on the lane


def test_every_browser_gets_one_file_that_asks_for_nothing(page: Path) -> None:
    text = page.read_text()
    assert "default-src 'none'" in text
    assert "http://" not in text
    assert "https://" not in text
    assert not re.search(r"<(link|img|iframe|script src)", text)


def test_lanes_are_told_apart_on_a_telephone(tmp_path: Path) -> None:
    """Of a name that has no room its end is kept too, where the thread's number or the port is."""
    page = tmp_path / "page.html"
    page.write_bytes(exported(recordings.crowd(), "html"))
    with Browser(tmp_path, 390, 844) as browser:
        browser.open(page)
        browser.value(
            "window.told = []; const write = CanvasRenderingContext2D.prototype.fillText;"
            " CanvasRenderingContext2D.prototype.fillText = function (words, ...at) {"
            " told.push(words); return write.call(this, words, ...at); }; 0"
        )
        browser.value("document.getElementById('lanes').focus()")
        browser.press("+", "+")
        told = " ".join(browser.value("told"))
        for client in range(5):
            assert str(5_000 + client) in told
        assert browser.errors == []


def test_the_pages_legend_has_all_that_is_drawn(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(exported(scenes.chat(), "html"))
    with Browser(tmp_path) as browser:
        browser.open(page)
        told = browser.text("#legend").splitlines()
    assert {"open, nobody waits", "accepted"} <= {line.strip() for line in told}
