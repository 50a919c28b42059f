"""A server at full speed for some seconds: nothing is lost unsaid, the tracer's memory is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.workload import traced
from iotrace.analysis import analyse
from iotrace.analysis.model import Act, Model
from iotrace.recording.reading import read
from tests.live import require

SECONDS = 4.0


@pytest.mark.parametrize("service", load.SERVICES, ids=lambda service: str(service.name))
def test_full_speed(service: load.Service, tmp_path: Path) -> None:
    require("bpf")
    if service.missing():
        pytest.skip(f"{service.name} or its load generator is not installed")
    recording = tmp_path / "load.iotrace"
    tmp_path.chmod(0o755)
    loaded = load.under(service, tmp_path, traced("bpf", recording), SECONDS)
    assert max(loaded.tracer) < 600e6
    analysis = analyse(read(recording))
    verdict = analysis.verdicts[Act.RECEIVE]
    assert (verdict.model, verdict.multiplexer) == (Model.MULTIPLEXING, "epoll")
    assert analysis.lost == sum(rows for _, _, rows in analysis.gaps)
    answered = loaded.per_second * SECONDS
    assert verdict.operations + analysis.lost > 0.9 * answered
    if not analysis.lost:
        assert verdict.contradicting == 0
