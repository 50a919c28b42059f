"""The pytest plugin: a fixture that records servers into the test's own folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from iotrace.api import Trace

#: record(server, clients, probe="auto"): see :func:`iotrace.testing.record`.
Record = Callable[..., "Trace"]


@pytest.fixture
def iotrace_record(tmp_path: Path) -> Record:
    """Return a function (server, clients, probe="auto") → :class:`iotrace.Trace`, its file in tmp_path."""

    def record(
        server: Callable[[int], object], clients: Callable[[int], object], probe: str = "auto"
    ) -> Trace:
        from iotrace import testing

        number = len(list(tmp_path.glob("*.iotrace")))
        return testing.record(server, clients, tmp_path / f"{server.__name__}.{number}.iotrace", probe)

    return record
