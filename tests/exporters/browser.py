"""A real headless Chromium, spoken to over a pipe in the DevTools protocol: no library, no port."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 60

#: No name is found: there is no network but this machine's.
RESOLVES = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


def chromium() -> str:
    """Return the browser's path; skip where it is missing, fail in continuous integration."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None and os.environ.get("IOTRACE_REQUIRE_PROBES") == "1":
        pytest.fail("chromium is required here")
    if found is None:
        pytest.skip("chromium is not installed")
    return found


class Browser:
    """One page in one browser. ``errors`` are the exceptions and refusals that the page met."""

    def __init__(self, folder: Path, width: int = 1280, height: int = 900) -> None:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        shuffle = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        options = (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-pipe",
            "--no-first-run",
        )
        self._process = subprocess.Popen(
            ["bash", "-c", shuffle, "chromium", chromium(), *options, f"--user-data-dir={folder}/profile",
             f"--window-size={width},{height}", f"--host-resolver-rules={RESOLVES}", "about:blank"],
            pass_fds=(to_read, to_write), env={**os.environ, "HOME": str(folder)},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.errors: list[str] = []
        self.requests: list[str] = []
        pages = self._call("Target.getTargets")["targetInfos"]
        page = next(each["targetId"] for each in pages if each["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        try:
            self._session = None
            self._call("Browser.close")
            self._process.wait(10)
        except (OSError, subprocess.TimeoutExpired, TimeoutError):
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def open(self, page: Path, fragment: str = "") -> None:
        """Open a file afresh and wait until the page says that it is ready."""
        self._call("Page.navigate", url="about:blank")
        self._call("Page.navigate", url=f"{page.as_uri()}{fragment and '#' + fragment}")
        self.wait("document.documentElement?.dataset.ready === 'yes'")

    def visit(self, address: str) -> None:
        """Go to an address of this machine."""
        self._call("Page.navigate", url=address)

    def wait(self, condition: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.value(condition):
            assert time.monotonic() < deadline, f"never true: {condition}; {self.errors}"
            time.sleep(0.02)

    def value(self, expression: str) -> Any:
        """Return the value of an expression of the page."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """Return what an element says."""
        return str(self.value(f"document.querySelector({json.dumps(selector)}).innerText"))

    def press(self, key: str, text: str = "") -> None:
        """Press and release a key; it has been obeyed, and drawn, when this returns."""
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, text=text if kind == "keyDown" else "")
        self.settle()

    def settle(self) -> None:
        """Wait for the next two frames: what was changed has been drawn."""
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Let the mouse do something: mouseMoved, mousePressed, mouseReleased, mouseWheel."""
        self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, x: float, y: float, to_x: float, modifiers: int = 0) -> None:
        """Drag from left to right, or back."""
        button = {"button": "left", "modifiers": modifiers, "clickCount": 1}
        self.mouse("mousePressed", x, y, buttons=1, **button)
        for part in (0.3, 0.7, 1.0):
            self.mouse("mouseMoved", x + (to_x - x) * part, y, buttons=1, **button)
        self.mouse("mouseReleased", to_x, y, **button)
        self.settle()

    def prefer(self, scheme: str) -> None:
        """Say which scheme of colours the system has."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def shot(self) -> bytes:
        """Return a PNG of what is seen."""
        return base64.b64decode(self._call("Page.captureScreenshot")["data"])

    def accessible(self) -> list[tuple[str, str]]:
        """Return (role, name) of all that assistive technology is told of."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [
            (str(each["role"]["value"]), str(each.get("name", {}).get("value", "")))
            for each in nodes
            if not each.get("ignored") and "role" in each
        ]

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._from], [], [], PATIENCE_S)[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self._from, 1 << 20)
            if not part:
                raise OSError("the browser is gone")
            self._rest += part
        whole, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(whole)
        return answer

    def _note(self, event: dict[str, Any]) -> None:
        kind, facts = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.errors.append(str(facts["exceptionDetails"].get("exception", facts)))
        elif kind == "Log.entryAdded" and facts["entry"]["level"] == "error":
            self.errors.append(str(facts["entry"]))
        elif kind == "Network.requestWillBeSent":
            self.requests.append(str(facts["request"]["url"]))
