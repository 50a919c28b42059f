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
    "accept": f"bold {BLUE}",
    "idle": "dim",
    "idle.ink": "dim",
    "absent": "none",
    "lost": f"bold #FFFFFF on {VERMILION}",
    # Words.
    "title": "bold",
    "muted": "dim",
    "verdict": "bold",
    "verdict.mark": f"bold #FFFFFF on {BLUE}",
    "heading": "bold",
    "number": "none",
    "basis.measured": "none",
    "basis.bounded": "italic",
    "basis.unseen": "dim italic",
    "share.blocked": f"bold {ORANGE}",
    "share.copy": f"bold {BLUE}",
    "share.polling": "bold",
    "share.free": f"bold {GREEN}",
    "warning": f"bold {VERMILION}",
    "lesson": f"bold {GREEN}",
    "command": "bold",
    "axis": "dim",
}

THEME = Theme(STYLES)
