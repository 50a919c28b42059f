"""One theme, defined by meaning: every colour and hatch of every medium comes from here.

A meaning is told by its colour **and** by its hatch, so that a picture without colours, and for every kind
of colour vision, means the same. The hues are Okabe and Ito's (jfly.uni-koeln.de/color). Of a swatch:
``ink`` stands off its ``fill`` and ``word`` off the paper by 4.5:1 or more, ``edge`` off the paper by 3:1
or more (WCAG 2.2, 1.4.3 and 1.4.11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum


class Meaning(StrEnum):
    """What a mark of a picture says."""

    WAIT = "wait"  # asleep in select, poll, epoll_wait, or waiting for a signal or a completion
    TRANSFER = "transfer"  # asleep in the receive or accept itself
    OTHER = "other"  # asleep in a send, a connect, a disk
    POLL = "poll"  # in a try that fails
    WAKE = "wake"  # woken, not yet on a CPU
    CALL = "call"  # on a CPU, in a call
    COPY = "copy"  # the kernel copies to the process
    FREE = "free"  # its own code
    NAP = "nap"  # asleep for a reason of its own
    EMPTY = "empty"  # of the kernel: an operation waits, and there are no data
    READY = "ready"  # of the kernel: data lie in the buffer
    IDLE = "idle"  # open, and nobody waits
    LOST = "lost"  # events were lost: nobody knows
    TEXT = "text"
    MUTED = "muted"
    RULE = "rule"  # axes and guides
    PANEL = "panel"  # a quiet ground
    PAPER = "paper"


class Hatch(Enum):
    """What is drawn over a fill, so that it needs no colour."""

    NONE = "none"
    RISING = "rising"  # ////
    FALLING = "falling"  # \\\\
    CROSS = "cross"  # both
    VERTICAL = "vertical"
    HORIZONTAL = "horizontal"
    GRID = "grid"  # the last two
    DOTS = "dots"
    SPARSE = "sparse"  # rising, far apart
    SPECKS = "specks"  # dots, far apart
    RULED = "ruled"  # horizontal, far apart


@dataclass(frozen=True)
class Swatch:
    """The look of one meaning; colours are ``#RRGGBB``.

    ``fill`` is hatched with ``stroke`` and outlined with ``edge``; ``ink`` is for words inside, ``word``
    for words in this meaning on the paper.
    """

    fill: str
    stroke: str
    edge: str
    ink: str
    word: str
    hatch: Hatch


@dataclass(frozen=True)
class Theme:
    """A swatch a meaning. ``dark``: the paper is dark. ``bold``: outlines are drawn thicker."""

    name: str
    swatches: Mapping[Meaning, Swatch]
    dark: bool = False
    bold: bool = False

    def __getitem__(self, meaning: Meaning) -> Swatch:
        return self.swatches[meaning]

    @property
    def paper(self) -> str:
        """The ground of everything."""
        return self.swatches[Meaning.PAPER].fill


#: The middle of the palette: stands off black and white. What is thin (a terminal's lines) is drawn in it.
HUES: Mapping[Meaning, str] = {
    Meaning.WAIT: "#E69F00",
    Meaning.TRANSFER: "#E69F00",
    Meaning.OTHER: "#D55E00",
    Meaning.POLL: "#B89B00",
    Meaning.WAKE: "#CC79A7",
    Meaning.CALL: "#56B4E9",
    Meaning.COPY: "#0072B2",
    Meaning.FREE: "#009E73",
    Meaning.NAP: "#009E73",
    Meaning.EMPTY: "#E69F00",
    Meaning.READY: "#56B4E9",
    Meaning.LOST: "#D55E00",
}

_HATCHES = {
    Meaning.WAIT: Hatch.RISING,
    Meaning.TRANSFER: Hatch.FALLING,
    Meaning.OTHER: Hatch.CROSS,
    Meaning.POLL: Hatch.VERTICAL,
    Meaning.WAKE: Hatch.DOTS,
    Meaning.CALL: Hatch.GRID,
    Meaning.NAP: Hatch.RULED,
    Meaning.EMPTY: Hatch.SPARSE,
    Meaning.READY: Hatch.HORIZONTAL,
    Meaning.IDLE: Hatch.SPECKS,
    Meaning.LOST: Hatch.CROSS,
}


def _theme(name: str, table: str, dark: bool = False, bold: bool = False) -> Theme:
    """Read a table: a line a meaning, with fill, stroke, edge, ink, word."""
    swatches = {}
    for line in table.strip().splitlines():
        key, *colours = line.split()
        meaning = Meaning(key)
        fill, stroke, edge, ink, word = (f"#{colour}" for colour in colours)
        swatches[meaning] = Swatch(fill, stroke, edge, ink, word, _HATCHES.get(meaning, Hatch.NONE))
    return Theme(name, swatches, dark, bold)


LIGHT = _theme(
    "light",
    """
    wait      E69F00  B97F00  8A5A00  1B1F24  8A5A00
    transfer  E69F00  B97F00  8A5A00  1B1F24  8A5A00
    other     B34700  8F3F00  8F3F00  FFFFFF  A34300
    poll      F0E442  6B6200  6B6200  1B1F24  6B6200
    wake      CC79A7  5E2A47  7A3560  1B1F24  8A3B68
    call      8CCBF0  3D86B5  1F6FA5  1B1F24  1B6494
    copy      0072B2  004B76  004B76  FFFFFF  00609A
    free      C4E8DA  2F7D63  2F7D63  0B4633  1F6B53
    nap       E4F4EE  7DB8A3  2F7D63  0B4633  1F6B53
    empty     FCF1DA  D9A640  9A6B10  4A3200  8A5A00
    ready     D3EAF9  56B4E9  1F6FA5  0B3C5C  1B6494
    idle      EEF0F2  C4CAD0  7A838C  3D444C  57606A
    lost      FFFFFF  D55E00  A34300  A34300  A34300
    text      1B1F24  1B1F24  1B1F24  FFFFFF  1B1F24
    muted     57606A  57606A  57606A  FFFFFF  57606A
    rule      C4CAD0  C4CAD0  7A838C  1B1F24  57606A
    panel     F4F6F8  E3E7EB  7A838C  1B1F24  57606A
    paper     FFFFFF  FFFFFF  1B1F24  1B1F24  1B1F24
    """,
)

DARK = _theme(
    "dark",
    """
    wait      D99300  A06A00  FFC247  12161B  FFC247
    transfer  D99300  A06A00  FFC247  12161B  FFC247
    other     EE7A2C  9A3F00  FF9A5C  12161B  FF9A5C
    poll      E5D93C  7A7000  EFE45A  12161B  EFE45A
    wake      A54C81  F0B8D8  F0A6CE  FFFFFF  F0A6CE
    call      2E6488  5FA9D6  8CC8F0  FFFFFF  8CC8F0
    copy      4FB0F5  1F6FA5  9BD4FF  12161B  7CC4F8
    free      1F4F3F  3E8B70  5FCFA4  DDF7EC  6FD9B0
    nap       17332A  3E8B70  5FCFA4  DDF7EC  6FD9B0
    empty     33290F  8A6A1E  D9AC4C  FFE7B3  FFC247
    ready     163A54  3F88B8  8CC8F0  D8EEFC  8CC8F0
    idle      232B33  3A444F  7C8894  C9D3DC  A9B4C0
    lost      12161B  EE7A2C  FF9A5C  FF9A5C  FF9A5C
    text      F0F3F6  F0F3F6  F0F3F6  12161B  F0F3F6
    muted     A9B4C0  A9B4C0  A9B4C0  12161B  A9B4C0
    rule      3A444F  3A444F  7C8894  F0F3F6  A9B4C0
    panel     1B2229  2A333C  7C8894  F0F3F6  A9B4C0
    paper     12161B  12161B  F0F3F6  F0F3F6  F0F3F6
    """,
    dark=True,
)

CONTRAST = _theme(
    "contrast",
    """
    wait      FFB000  000000  000000  000000  6B4200
    transfer  FFB000  000000  000000  000000  6B4200
    other     A03000  000000  000000  FFFFFF  8A2A00
    poll      FFF066  000000  000000  000000  4A4400
    wake      B83280  FFFFFF  000000  FFFFFF  7A0F4E
    call      9AD7FF  000000  000000  000000  00407A
    copy      003E75  003E75  000000  FFFFFF  003E75
    free      B5F0D5  000000  000000  000000  00492F
    nap       E6FFF4  000000  000000  000000  00492F
    empty     FFF4DB  000000  000000  000000  6B4200
    ready     D6EEFF  000000  000000  000000  00407A
    idle      FFFFFF  000000  000000  000000  000000
    lost      FFFFFF  A03000  000000  000000  8A2A00
    text      000000  000000  000000  FFFFFF  000000
    muted     2B2B2B  2B2B2B  2B2B2B  FFFFFF  2B2B2B
    rule      6B6B6B  6B6B6B  000000  FFFFFF  000000
    panel     F2F2F2  6B6B6B  000000  000000  000000
    paper     FFFFFF  FFFFFF  000000  000000  000000
    """,
    bold=True,
)

PRINT = _theme(
    "print",
    """
    wait      C9C9C9  5A5A5A  2B2B2B  000000  2B2B2B
    transfer  C9C9C9  5A5A5A  2B2B2B  000000  2B2B2B
    other     8F8F8F  2B2B2B  2B2B2B  000000  2B2B2B
    poll      F2F2F2  4A4A4A  2B2B2B  000000  2B2B2B
    wake      E0E0E0  3A3A3A  2B2B2B  000000  2B2B2B
    call      D6D6D6  7A7A7A  2B2B2B  000000  2B2B2B
    copy      333333  333333  000000  FFFFFF  000000
    free      FFFFFF  FFFFFF  3D3D3D  000000  2B2B2B
    nap       FFFFFF  9A9A9A  3D3D3D  000000  2B2B2B
    empty     FAFAFA  9A9A9A  4A4A4A  000000  2B2B2B
    ready     E8E8E8  6B6B6B  2B2B2B  000000  2B2B2B
    idle      F4F4F4  C9C9C9  6B6B6B  000000  4A4A4A
    lost      FFFFFF  2B2B2B  2B2B2B  000000  2B2B2B
    text      000000  000000  000000  FFFFFF  000000
    muted     4A4A4A  4A4A4A  4A4A4A  FFFFFF  4A4A4A
    rule      B0B0B0  B0B0B0  6B6B6B  000000  4A4A4A
    panel     F4F4F4  D6D6D6  6B6B6B  000000  4A4A4A
    paper     FFFFFF  FFFFFF  000000  000000  000000
    """,
)

THEMES: tuple[Theme, ...] = (LIGHT, DARK, CONTRAST, PRINT)
