"""Numbers for people: durations, bytes, shares and counts. Integers in nanoseconds come in, words go out."""

from __future__ import annotations

from iotrace.language import _, ngettext

_STEPS = (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000))
_SIZES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def duration(ns: int) -> str:
    """Write a duration: ``1.002 s``, ``50.1 ms``, ``31 µs``, ``240 ns``."""
    if ns < 0:
        return f"-{duration(-ns)}"
    for unit, size in _STEPS:
        if ns >= size - (size // 20_000 if unit == "s" else size // 2_000 if unit == "ms" else 0):
            value = ns / size
            if unit == "s":
                return f"{value:.3f} s" if value < 100 else f"{grouped(round(value))} s"
            if unit == "ms" or value < 10:
                return f"{value:.1f} {unit}"
            return f"{value:.0f} {unit}"
    return f"{ns} ns"


def brief(ns: int) -> str:
    """Write a duration with one decimal at most: ``3.2 s``."""
    return f"{ns / 1e9:.1f} s" if ns >= 99_950_000 else duration(ns)


def size(count: int) -> str:
    """Write bytes: ``1.0 MiB``, ``64 KiB``, ``23 B``."""
    for unit, step in _SIZES:
        if count >= step:
            value = count / step
            whole = value == int(value) and value >= 10
            return f"{value:.0f} {unit}" if whole or value >= 99.95 else f"{value:.1f} {unit}"
    return f"{count} B"


def share(value: float) -> str:
    """Write a share of 1 as per cent: what is not all is never 100 %, what is not nothing never 0 %."""
    if value >= 1.0:
        return "100 %"
    if value >= 0.9995:
        return ">99.9 %"
    if value <= 0.0:
        return "0 %"
    if value < 0.0005:
        return "<0.1 %"
    return f"{value * 100:.1f} %"


def grouped(count: int) -> str:
    """Write a count with its thousands apart: ``1 000 000``. The space is U+202F, narrow and unbreakable."""
    return f"{count:,}".replace(",", "\u202f") if abs(count) >= 10_000 else str(count)


def counted(count: int, one: str, many: str, **more: object) -> str:
    """Write a count within its words, ``{n} call`` and ``{n} calls``, in the language that is spoken."""
    return ngettext(one, many, count).format(n=grouped(count), **more)


def factor(value: float) -> str:
    """Write a magnification with two significant digits: ``20 000×``."""
    if value < 1:
        return _("{n}×").format(n=f"{value:.1g}")
    digits = len(str(int(value)))
    rounded = round(value, 2 - digits)
    return _("{n}×").format(n=grouped(round(rounded)) if digits > 1 else f"{rounded:g}")
