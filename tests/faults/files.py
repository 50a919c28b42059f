"""Recordings as they must not be: bits flipped, pieces cut and overwritten, numbers that no kernel gives."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import numpy as np

from iotrace import views
from iotrace.analysis import analyse
from iotrace.analysis.report import report_json
from iotrace.columns import FIELDS
from iotrace.figures import KINDS, NothingToDraw, Request, draw
from iotrace.recording.layout import RecordingError
from iotrace.recording.reading import read
from iotrace.recording.writing import Writer
from probes.contract import EVIDENCE
from probes.events import EVENT, Kind, batch

REFUSED, READ = "refused in one line", "read"


def mutated(data: bytes, picked: random.Random) -> bytes:
    """Return the bytes of a recording with one to four faults."""
    made = bytearray(data)
    for _ in range(picked.randint(1, 4)):
        at = picked.randrange(max(1, len(made)))
        length = picked.choice((1, 2, 4, 8, 64, 512))
        match picked.randrange(7):
            case 0:
                made[at : at + 1] = bytes([made[at] ^ 1 << picked.randrange(8)]) if made else b""
            case 1:
                del made[at:]
            case 2:
                del made[at : at + length]
            case 3:
                made[at:at] = picked.randbytes(length)
            case 4:
                made[at : at + length] = picked.choice((b"\x00", b"\xff", b"\x7f")) * length
            case 5:
                other = picked.randrange(max(1, len(made)))
                made[at : at + length] = made[other : other + length]
            case _:
                made[at : at + 8] = picked.choice((0, 1, 1 << 31, 1 << 40, (1 << 63) - 1)).to_bytes(
                    8, "little"
                )
    return bytes(made)


def tried(path: Path) -> str:
    """Read a file whole and show it in every way; return what became of it. Raises whatever should not be."""
    said = ""
    try:
        events = read(path)
        for name in FIELDS:
            assert len(events[name]) == len(events)
        analysis = analyse(events)
    except RecordingError as error:
        said = str(error)
    if said:
        assert len(said.splitlines()) == 1
        return REFUSED
    console = views.console("never", file=io.StringIO())
    for view in (views.report(analysis), views.show(analysis), views.summary(analysis)):
        console.print(view)
    json.dumps(report_json(analysis))
    for kind in KINDS:
        if kind.most == 1:
            try:
                draw(kind.name, Request((("x", analysis),)))
            except NothingToDraw:
                continue
    return READ


def random_rows(path: Path, seed: int) -> None:
    """Write a recording, whole and with right checksums, whose columns hold anything or nearly anything."""
    picked = np.random.default_rng(seed)
    count = int(picked.integers(1, 60))
    rows = np.zeros(count, EVENT)
    for name in EVENT.names or ():
        limits = np.iinfo(EVENT[name])
        match int(picked.integers(4)):
            case 0:
                rows[name] = picked.integers(limits.min, limits.max, count, dtype=EVENT[name], endpoint=True)
            case 1:
                rows[name] = picked.choice(np.array([limits.min, limits.max, 0, 1], EVENT[name]), count)
            case 2:
                rows[name] = picked.integers(0, min(100, limits.max), count)
    if picked.integers(5):  # mostly such that it is read
        for name in ("tid", "tgid", "waker"):
            rows[name] %= 1 << 22
        for name in EVENT.names or ():
            if name.endswith("_ns"):
                rows[name] %= 1 << 61
        rows["kind"] = picked.choice([int(kind) for kind in Kind], count)
        rows["exit_ns"] = np.maximum(rows["enter_ns"], rows["exit_ns"])
    if picked.integers(2):
        rows["enter_ns"] = np.sort(picked.integers(10**9, 10**10, count))
        rows["exit_ns"] = rows["enter_ns"] + picked.integers(0, 10**8, count).astype(np.uint64)
        rows["code"], rows["fd"] = picked.integers(0, 80, count), picked.integers(-2, 8, count)
        rows["tid"], rows["tgid"] = picked.choice([1, 2, 3], count), 1
        rows["ret"] = picked.integers(-40, 50, count)
    lists = {
        int(at): [int(one) for one in picked.integers(0, 2**63, 3)] for at in picked.integers(0, count, 3)
    }
    blobs = {int(at): picked.bytes(int(picked.integers(0, 100))) for at in picked.integers(0, count, 4)}
    evidence = list(EVIDENCE)[: int(picked.integers(len(EVIDENCE) + 1))]
    writer = Writer(path, {"argv": ["server"], "evidence": evidence}, force=True)
    writer.write(batch(rows, lists, blobs))
    writer.close()
