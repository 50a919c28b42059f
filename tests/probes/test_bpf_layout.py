"""The structures of the programs and their numpy twins: the same fields at the same places."""

from __future__ import annotations

import re

import numpy as np
import pytest

from probes.ebpf.mapped import ACCOUNT, AUX, PLACES, RUN
from probes.ebpf.metadata import CALL_META, EXIT_MEMORY, EXIT_SETS, NO_ARGUMENT, NO_FD, call_metadata
from probes.ebpf.programs import SOURCES
from probes.ebpf.states import RECEIVE, SIGNAL_SENT, TASK
from probes.events import ADDRESSES, EVENT, Flag, Kind
from probes.table import BY_NAME, Decode, Role

HEADER = re.sub(r"/\*.*?\*/", "", (SOURCES / "event.h").read_text(), flags=re.S)
CONSTANTS = {"RECEIVES": 4}


def _dtype(tag: str) -> np.dtype[np.void]:
    """Return a C structure of event.h as the compiler lays it out: every field on its own boundary."""
    body = re.search(rf"struct {tag} \{{(.*?)\n\}};", HEADER, re.S)
    assert body is not None, tag
    fields: list[tuple[str, object, tuple[int, ...]]] = []
    for struct, kind, names in re.findall(r"(struct )?(\w+) ([^;]+);", body[1]):
        for name, length in re.findall(r"(\w+)(?:\[(\w+)\])?", names):
            base: object = _dtype(kind) if struct else {"u": "u", "s": "i"}[kind[0]] + str(int(kind[1:]) // 8)
            shape = (CONSTANTS[length] if length in CONSTANTS else int(length),) if length else ()
            fields.append((name, base, shape))
    return np.dtype(fields, align=True)


@pytest.mark.parametrize(
    ("tag", "twin"),
    [
        ("event", EVENT),
        ("aux", AUX),
        ("call_meta", CALL_META),
        ("receive", RECEIVE),
        ("task", TASK),
        ("places", PLACES),
        ("account", ACCOUNT),
        ("run", RUN),
        ("signal_sent", SIGNAL_SENT),
        ("addresses", ADDRESSES),
    ],
)
def test_structures_agree(tag: str, twin: np.dtype[np.void]) -> None:
    ours = _dtype(tag)
    assert ours.names == twin.names
    assert ours.itemsize == twin.itemsize
    assert ours.fields is not None
    assert twin.fields is not None
    for name in twin.names or ():
        assert ours.fields[name][1] == twin.fields[name][1], name
        assert ours.fields[name][0].itemsize == twin.fields[name][0].itemsize, name


def test_an_aux_record_is_as_long_as_a_row() -> None:
    assert AUX.itemsize == EVENT.itemsize == 152
    assert AUX.fields is not None
    assert EVENT.fields is not None
    for name in ("enter_ns", "tid", "tgid", "cpu", "kind"):
        assert AUX.fields[name][1] == EVENT.fields[name][1]


def _enum(first: str) -> dict[str, int]:
    body = re.search(rf"enum \{{\s*({first}\b.*?)\}}", HEADER, re.S)
    assert body is not None
    values, value = {}, -1
    for name, given in re.findall(r"(\w+)(?: = (\d+))?", body[1]):
        value = int(given) if given else value + 1
        values[name] = value
    return values


def test_constants_agree() -> None:
    kinds = _enum("CALL")
    assert kinds.pop("AUX") == 255
    assert {name.removesuffix("_REQUEST"): value for name, value in kinds.items()} == {
        kind.name: kind.value for kind in Kind if kind.value <= Kind.GAP
    }
    for name, value in _enum("WATCH_CUT").items():
        assert Flag[name] == value
    for name, value in _enum("RECEIVE").items():
        assert Role[name.removesuffix("_CALL")] == value
    for name, value in _enum("NONE").items():
        assert Decode[name] == value


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 45), ("aarch64", 207)])
def test_metadata_follows_the_table(machine: str, number: int) -> None:
    table = call_metadata(machine)
    row = table[number]
    assert row["known"] == 1
    assert row["code"] == BY_NAME["recvfrom"].code
    assert (row["fd"], row["a"], row["b"], row["c"]) == (0, 2, 3, NO_ARGUMENT)
    assert (row["decode_argument"], row["at_exit"], row["at_entry"]) == (4, EXIT_MEMORY, 0)
    poll = table[getattr(BY_NAME["ppoll"], machine)]
    assert (poll["fd"], poll["at_exit"], poll["at_entry"]) == (NO_FD, EXIT_SETS, 1)
    assert (table["known"] == 2).sum() == 2
