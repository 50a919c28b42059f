"""A scene as SVG 1.1 that looks the same in browsers, resvg, LibreOffice, Inkscape and slide programs.

Presentation attributes only: no style sheet, no script, no web font, no textLength, no pattern (hatches
are lines), no marker (arrow heads are paths), no transform. Lengths are points with two digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from iotrace.figures import metrics, outline
from iotrace.figures.page import legible
from iotrace.figures.scene import Anchor, Area, Brace, Dot, Group, Item, Line, Rect, Scene, Stroke, Text
from iotrace.figures.scene import line_colour as colour_of
from iotrace.fonts import FAMILIES, FAMILY_CHINESE
from iotrace.theme import Theme

#: CSS pixels (1/96 inch) a point.
_PIXELS = 96 / 72


def export(scenes: Sequence[Scene], theme: Theme) -> bytes:
    """Return the file of one scene."""
    return document(scenes[0], theme).encode()


def document(scene: Scene, theme: Theme, own_fonts: bool = False) -> str:
    """Return the document.

    ``own_fonts``: its reader has our fonts and no others, and is told which draws what: resvg falls back to
    another font sign by sign, but then takes no heed of its weight.
    """
    families = ", ".join(f"'{name}'" if " " in name else name for name in FAMILIES)
    box = f"0 0 {_number(scene.width)} {_number(scene.height)}"
    description = "\n".join(map(legible, scene.description.splitlines()))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}"'
        f' width="{_number(scene.width * _PIXELS)}" height="{_number(scene.height * _PIXELS)}" role="img"'
        f' font-family={quoteattr(families)} stroke-linecap="butt" stroke-linejoin="round">'
    )
    lines = [
        head,
        f"<title>{_words(scene.title)}</title>",
        f"<desc>{escape(description)}</desc>",
        *_all(scene.items, theme, own_fonts),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _all(items: Sequence[Item], theme: Theme, own_fonts: bool) -> Iterator[str]:
    for item in items:
        match item:
            case Group():
                yield "<g>"
                told = ". ".join(filter(None, (item.title, item.evidence)))
                if told:
                    yield f"<title>{_words(told)}</title>"
                yield from _all(item.items, theme, own_fonts)
                yield "</g>"
            case Rect():
                yield from _rect(item, theme)
            case Line():
                yield from _line(item, theme)
            case Area():
                yield _area(item, theme)
            case Brace():
                path = outline.brace(item)
                yield _path(path, colour_of(theme, item.meaning), item.weight)
            case Dot():
                swatch = theme[item.meaning]
                yield (
                    f'<path d="{_curve(outline.dot(item))}Z" fill="{swatch.edge}" stroke="{theme.paper}"'
                    ' stroke-width="1"/>'
                )
            case Text():
                yield _text(item, theme, own_fonts)


def _rect(item: Rect, theme: Theme) -> Iterator[str]:
    swatch = theme[item.meaning]
    at = (
        f'x="{_number(item.x)}" y="{_number(item.y)}" width="{_number(item.width)}"'
        f' height="{_number(item.height)}"' + (f' rx="{_number(item.radius)}"' if item.radius else "")
    )
    hatch = [] if item.plain else outline.hatch(item, theme)
    edge = ""
    if item.outlined:
        weight = item.weight * (1.6 if theme.bold else 1)
        edge = f' stroke="{swatch.edge}" stroke-width="{_number(weight)}"' + _dashes(item.stroke, weight)
    if not hatch or not edge:
        yield f'<rect {at} fill="{swatch.fill}"{edge}/>'
    else:
        yield f'<rect {at} fill="{swatch.fill}"/>'
    if hatch:
        yield _path(_segments(hatch), swatch.stroke, outline.HATCH_WEIGHT)
        if edge:
            yield f'<rect {at} fill="none"{edge}/>'


def _line(item: Line, theme: Theme) -> Iterator[str]:
    colour = colour_of(theme, item.meaning)
    weight = item.weight * (1.4 if theme.bold else 1)
    points, head = outline.arrow(item)
    yield _path(_polyline(points), colour, weight, _dashes(item.stroke, weight))
    if head:
        yield f'<path d="{_polyline(head)}Z" fill="{colour}"/>'


def _area(item: Area, theme: Theme) -> str:
    swatch = theme[item.meaning]
    first, last = item.points[0][0], item.points[-1][0]
    whole = [(first, item.floor), *item.points, (last, item.floor)]
    hatch = outline.hatch_under(item, theme)
    return (
        f'<path d="{_polyline(whole)}Z" fill="{swatch.fill}"/>'
        + (_path(_segments(hatch), swatch.stroke, outline.HATCH_WEIGHT) if hatch else "")
        + _path(_polyline(item.points), swatch.edge, 1.5)
    )


def _segments(lines: Sequence[tuple[float, float, float, float]]) -> str:
    return "".join(f"M{_number(x1)} {_number(y1)}L{_number(x2)} {_number(y2)}" for x1, y1, x2, y2 in lines)


def _text(item: Text, theme: Theme, own_fonts: bool) -> str:
    colour = theme[item.inside].ink if item.inside else theme[item.meaning].word
    anchor = "" if item.anchor is Anchor.START else f' text-anchor="{item.anchor.value}"'
    bold = ' font-weight="700"' if item.bold else ""
    words = _words(item.words)
    if own_fonts and not item.words.isascii():
        runs = ((chinese, "".join(signs)) for chinese, signs in groupby(legible(item.words), metrics.chinese))
        words = "".join(
            f'<tspan font-family="{FAMILY_CHINESE}">{escape(run)}</tspan>' if chinese else escape(run)
            for chinese, run in runs
        )
    return (
        f'<text x="{_number(item.x)}" y="{_number(item.y)}" font-size="{_number(item.size)}"'
        f' fill="{colour}"{anchor}{bold}>{words}</text>'
    )


def _path(way: str | outline.Way, colour: str, weight: float, dashes: str = "") -> str:
    drawn = way if isinstance(way, str) else _curve(way)
    return f'<path d="{drawn}" fill="none" stroke="{colour}" stroke-width="{_number(weight)}"{dashes}/>'


def _curve(way: outline.Way) -> str:
    first, *rest = way
    text = f"M{_number(first[0][0])} {_number(first[0][1])}"
    for points in rest:
        text += ("C" if len(points) == 3 else "L") + " ".join(f"{_number(x)} {_number(y)}" for x, y in points)
    return text


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points)


def _dashes(stroke: Stroke, weight: float) -> str:
    if stroke is Stroke.SOLID:
        return ""
    lengths = (5, 4) if stroke is Stroke.DASHED else (1.5, 3)
    return ' stroke-dasharray="' + " ".join(_number(length * max(1, weight)) for length in lengths) + '"'


def _words(text: str) -> str:
    return escape(legible(text))


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
