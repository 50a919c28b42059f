"""The facts of a recording that are JSON, header and notes: of the kinds that a tracer writes, or none.

A file is data from anywhere. What is checked here the rest of iotrace need not doubt: kinds, ranges of
numbers, depth. Keys that are not known here are kept as they are, for newer writers have more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from iotrace.recording.framing import Damaged

#: Numbers are times and counts: below 146 years, below the number of atoms on a disk.
_MOST = 1 << 62

Kind = Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, int) and -_MOST < value < _MOST


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _list_of(kind: Kind) -> Kind:
    return lambda value: isinstance(value, list) and all(map(kind, value))


def _map_of(kind: Kind) -> Kind:
    return lambda value: isinstance(value, dict) and all(map(kind, value.values()))


def _anything(value: Any) -> bool:
    return True


_HEADER: Mapping[str, Kind] = {
    **dict.fromkeys(("iotrace", "folder", "kernel", "machine", "remark", "probe", "lost_means"), _text),
    **dict.fromkeys(("pid", "host_cpus", "started_ns", "started_wall_ns", "stop_cost_ns"), _number),
    **dict.fromkeys(("traced_call_ns", "buffer_bytes", "format"), _number),
    **dict.fromkeys(("argv", "evidence"), _list_of(_text)),
    "attached": _list_of(_number),
    "missing": _map_of(_text),
    "options": _map_of(_anything),
}

_NOTE: Mapping[str, Kind] = {
    **dict.fromkeys(("wait_status", "exit_status", "signal", "produced", "lost", "ended_ns"), _number),
    **dict.fromkeys(("left_over_bytes", "left_out_rows"), _number),
    "ended_by": _text,
    "clients": _list_of(_number),
    "probe_notes": _map_of(_anything),
    "memory": _map_of(_number),
    "set_user_id": _list_of(_text),
}


def header(text: bytes) -> dict[str, Any]:
    """Return the header without what is null. Raises :class:`Damaged`."""
    facts = _parsed(text)
    if facts is None:
        raise Damaged("header")
    return _known(facts, _HEADER)


def note(text: bytes) -> dict[str, Any] | None:
    """Return a note; None where it is none: the row is kept, only its reading as facts fails."""
    facts = _parsed(text)
    try:
        return None if facts is None else {**facts, **_known(facts, _NOTE)}
    except Damaged:
        return None


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        facts = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):  # numbers of thousands of digits, and nests without end, too
        return None
    return facts if isinstance(facts, dict) else None


def _refuse(name: str) -> None:
    raise ValueError(name)


def _known(facts: dict[str, Any], kinds: Mapping[str, Kind]) -> dict[str, Any]:
    for name, value in facts.items():
        if value is not None and not kinds.get(name, _anything)(value):
            raise Damaged(f"{name[:40]!r} in its header")
    return {name: value for name, value in facts.items() if value is not None or name not in kinds}
