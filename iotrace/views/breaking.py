"""Where a line may end: at a blank, and in Chinese between any two characters.

But no line begins with a closing mark or ends with an opening one. After the Unicode line breaking
algorithm (UAX #14), of which this is what the texts here need.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

CLOSING = set("，。：；、！？）」』”’》.,:;!?)")
OPENING = set("（「『“‘《(")


def is_wide(char: str) -> bool:
    """Tell whether a character fills two cells; none does not."""
    return char != "" and unicodedata.east_asian_width(char) in "WF"


def breaks(before: str, after: str) -> bool:
    """Tell whether a line may end between two characters that are no blanks."""
    if not is_wide(before) and not is_wide(after):
        return False
    return after not in CLOSING and before not in OPENING


def pieces(word: str) -> Iterator[str]:
    """Yield what of a word without blanks is never broken: all of it, where it has no wide character."""
    if word.isascii():
        yield word
        return
    start = 0
    for at in range(1, len(word)):
        if breaks(word[at - 1], word[at]):
            yield word[start:at]
            start = at
    yield word[start:]
