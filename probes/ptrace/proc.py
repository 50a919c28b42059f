"""Small texts of /proc."""

from __future__ import annotations


def text(path: str, name: str = "") -> str:
    """Return the first line of a file, or the value of its line ``name:``; empty where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                if not name or key == name:
                    return (value if name else line).strip()
    except OSError:
        return ""
    return ""
