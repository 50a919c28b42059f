"""Numbers that no kernel gives are damage: one line, before anything is computed with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from iotrace.recording.layout import RecordingError
from iotrace.recording.reading import read
from iotrace.recording.writing import Writer
from probes.events import EVENT, Kind, batch


def written(folder: Path, **columns: int) -> Path:
    rows = np.zeros(3, EVENT)
    rows["kind"], rows["tid"], rows["tgid"] = Kind.CALL, 4711, 4711
    rows["enter_ns"], rows["exit_ns"] = 1_000, 1_023
    for name, value in columns.items():
        rows[name][1] = value
    path = folder / "x.iotrace"
    writer = Writer(path, {"argv": ["server"]}, force=True)
    writer.write(batch(rows))
    writer.close()
    return path


@pytest.mark.parametrize(
    ("column", "most", "beyond"),
    [
        ("tid", 1 << 22, (1 << 22) + 1),
        ("tgid", 1 << 22, (1 << 32) - 1),
        ("exit_ns", 1 << 62, (1 << 62) + 1),
        ("asleep_ns", 1 << 62, (1 << 63) - 1),
        ("kind", max(Kind), max(Kind) + 1),
    ],
)
def test_a_number_beyond_what_it_can_be_is_damage(
    tmp_path: Path, column: str, most: int, beyond: int
) -> None:
    assert read(written(tmp_path, **{column: most}))[column][1] == most
    with pytest.raises(RecordingError, match="is damaged"):
        read(written(tmp_path, **{column: beyond}))


def test_a_column_that_is_asked_for_later_is_looked_at_too(tmp_path: Path) -> None:
    events = read(written(tmp_path, waker=(1 << 22) + 1))
    with pytest.raises(RecordingError, match="waker beyond what it can be"):
        events["waker"]


def test_a_call_does_not_return_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="before it began"):
        read(written(tmp_path, exit_ns=999))
    assert len(read(written(tmp_path, exit_ns=999, kind=Kind.SIGNAL))) == 3
