"""Styles by meaning. The hues are Okabe and Ito's, told apart by every kind of colour vision.

Filled segments bring their own background and dark ink, so they read the same on light and dark
terminals; thin ones use the middle of the palette, which stands off both. Words keep the terminal's
own colour, and grey is ``dim`` of it.
"""

from __future__ import annotations

from rich.theme import Theme

ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

STYLES = {
    # Lanes: the fill, and the ink of words inside it (".ink").
    "phase.wait": f"#B97F00 on {ORANGE}",
    "phase.wait.ink": f"bold #1B1F24 on {ORANGE}",
    "phase.transfer": f"#B97F00 on {ORANGE}",
    "phase.transfer.ink": f"bold #1B1F24 on {ORANGE}",
    "phase.other": f"#8F3F00 on {VERMILION}",
    "phase.other.ink": f"bold #FFFFFF on {VERMILION}",
    "phase.poll": f"#6B6200 on {YELLOW}",
    "phase.poll.ink": f"bold #1B1F24 on {YELLOW}",
    "poll.mark": "bold #B89B00",
    "phase.wake": f"#5E2A47 on {PURPLE}",
    "phase.wake.ink": f"bold #1B1F24 on {PURPLE}",
    "phase.copy": f"bold {BLUE}",
    "phase.copy.bounded": f"bold #FFFFFF on {BLUE}",
    "phase.copy.ink": f"bold #FFFFFF on {BLUE}",
    "call": f"{SKY}",
    "call.ink": f"bold {SKY}",
    "free": f"{GREEN}",
    "free.ink": f"{GREEN}",
    "free.nap": f"{GREEN}",
    "free.nap.ink": f"{GREEN}",
    "waiting": f"{ORANGE}",
    "waiting.ink": "default",
    "unread": f"{SKY}",
    "unread.ink": "default",
    "level": f"{SKY}",
    "level.ink": f"bold #1B1F24 on {SKY}",
    "accept": f"bold {BLUE}",
    "idle": "dim",
    "idle.ink": "dim",
    "absent": "none",
    "lost": f"bold #FFFFFF on {VERMILION}",
    # Words: their hues a little darker or lighter than the palette, to stand off white and black alike.
    "title": "bold",
    "muted": "dim",
    "verdict": "bold",
    "verdict.mark": f"bold #FFFFFF on {BLUE}",
    "heading": "bold",
    "number": "none",
    "basis.measured": "none",
    "basis.bounded": "italic",
    "basis.unseen": "dim italic",
    "share.blocked": "bold #B87A00",
    "share.copy": "bold #1F82C0",
    "share.polling": "bold",
    "share.free": f"bold {GREEN}",
    "warning": f"bold {VERMILION}",
    "signal": f"bold {PURPLE}",
    "lesson": f"bold {GREEN}",
    "command": "bold",
    "axis": "dim",
}

#: The same signs in a list: in the colour of the fill, but unfilled, so that they do not join the picture.
STYLES |= {
    f"{name}.swatch": style.partition(" on ")[2] or style
    for name, style in STYLES.items()
    if not name.endswith(".ink")
}

#: A rare thing drawn in a cell that another fills: the sign in its own colour, on the other's fill.
_SIGNS = {"phase.copy": BLUE, "accept": BLUE, "poll.mark": "#6B6200"}
_FILLS = {
    "phase.wait": ORANGE,
    "phase.transfer": ORANGE,
    "phase.other": VERMILION,
    "phase.poll": YELLOW,
    "phase.wake": PURPLE,
}
STYLES |= {
    f"{sign}@{fill}": f"bold {ink} on {ground}"
    for sign, ink in _SIGNS.items()
    for fill, ground in _FILLS.items()
}

THEME = Theme(STYLES)
