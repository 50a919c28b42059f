"""Perfetto's own user interface, in a real browser and without a network, opens a trace and shows it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.exporters.asked import exported
from tests.exporters.browser import Browser
from tests.exporters.trace_processor import web_ui
from tests.views import scenes

#: What has been unfolded when this is called again and again; how much there was to unfold this time.
UNFOLD = """(() => {
    const folded = [...document.querySelectorAll(".pf-track__collapse-button")]
        .filter(each => /expand_more|chevron_right/.test(each.textContent));
    folded.forEach(each => each.click());
    return folded.length;
})()"""


class Handler(SimpleHTTPRequestHandler):
    """Serves the user interface, and one trace."""

    trace = b""

    def do_GET(self) -> None:
        """Answer."""
        if self.path != "/x.perfetto-trace":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.trace)))
        self.end_headers()
        self.wfile.write(self.trace)

    def log_message(self, format: str, *words: Any) -> None:
        """Say nothing."""


@contextmanager
def served(trace: bytes) -> Iterator[str]:
    """Serve on a port of this machine; the value is the address of the trace, opened."""
    handler = type("Served", (Handler,), {"trace": trace})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=web_ui().parent)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            root = f"http://127.0.0.1:{server.server_port}"
            yield f"{root}/#!/?url={root}/x.perfetto-trace"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.slow
def test_the_user_interface_shows_processes_threads_and_descriptors(tmp_path: Path) -> None:
    with served(exported(scenes.chat(), "perfetto")) as address, Browser(tmp_path, 1600, 1000) as page:
        page.visit(address)
        page.wait("document.body?.innerText.includes('select_chat.py 4711')")
        for words in ("descriptors", "fd 4 tcp 127.0.0.1:8801", "iotrace: this recording", "main thread"):
            page.value(UNFOLD)
            page.wait(f"document.body.innerText.includes({json.dumps(words)})")
        exceptions = [each for each in page.errors if not each.startswith("{'source'")]
        assert exceptions == []
        (tmp_path / "perfetto.png").write_bytes(page.shot())
