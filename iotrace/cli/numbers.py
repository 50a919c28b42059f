"""Lists of numbers on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from iotrace.language import _


def numbers(text: str) -> frozenset[int]:
    """Return the numbers of ``5`` or ``5,6``: the type of an option."""
    try:
        return frozenset(int(part) for part in text.split(","))
    except ValueError:
        words = _("{word} is no list of numbers: give 5, or 5,6")
        raise argparse.ArgumentTypeError(words.format(word=repr(text))) from None


class Also(argparse.Action):
    """Of an option that is given again: its set and the one before are one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add to what is there."""
        setattr(
            namespace, self.dest, frozenset(getattr(namespace, self.dest) or ()) | frozenset(values or ())
        )
