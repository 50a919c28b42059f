"""Lists of numbers on the command line."""

from __future__ import annotations

import argparse

from iotrace.language import _


def numbers(text: str) -> frozenset[int]:
    """Return the numbers of ``5`` or ``5,6``: the type of an option."""
    try:
        return frozenset(int(part) for part in text.split(","))
    except ValueError:
        words = _("{word} is no list of numbers: give 5, or 5,6")
        raise argparse.ArgumentTypeError(words.format(word=repr(text))) from None
