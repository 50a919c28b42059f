"""Scenes as the pages of a PDF: vectors, and text that can be searched and copied, by fpdf2.

Its fonts are Noto Sans and Noto Sans SC, embedded as far as they are used; what they lack comes from this
machine's font with Chinese signs (:func:`iotrace.fonts.of_machine`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from iotrace.figures import metrics, outline
from iotrace.figures.scene import Anchor, Area, Brace, Dot, Item, Line, Point, Rect, Scene, Stroke, Text, walk
from iotrace.figures.scene import line_colour as colour_of
from iotrace.fonts import (
    BOLD,
    CHINESE,
    CHINESE_BOLD,
    FAMILIES,
    FAMILY_CHINESE,
    REGULAR,
    machine_has,
    of_machine,
)
from iotrace.theme import Theme

if TYPE_CHECKING:
    from fpdf import FPDF

#: How many straight pieces a Bézier curve is drawn with.
_PIECES = 12

_LATIN, _CHINESE, _OTHER = FAMILIES[0], FAMILY_CHINESE, "of this machine"


def export(scenes: Sequence[Scene], theme: Theme) -> bytes:
    """Return the file: a page a scene."""
    from fpdf import FPDF

    first = scenes[0]
    pdf = FPDF(unit="pt", format=(first.width, first.height))
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.c_margin = 0
    pdf.set_title(first.title)
    pdf.set_subject(first.description)
    pdf.set_creator("iotrace")
    _fonts(pdf, scenes)
    for scene in scenes:
        pdf.add_page(format=(scene.width, scene.height))
        for item in walk(scene.items):
            _draw(pdf, item, theme)
    return bytes(pdf.output())


def _fonts(pdf: FPDF, scenes: Sequence[Scene]) -> None:
    """Add the fonts that the scenes need."""
    texts = {item.words for scene in scenes for item in walk(scene.items) if isinstance(item, Text)}
    families = {_family(sign) for sign in set("".join(texts))}
    pdf.add_font(_LATIN, "", REGULAR)
    pdf.add_font(_LATIN, "B", BOLD)
    if _CHINESE in families:
        pdf.add_font(_CHINESE, "", CHINESE)
        pdf.add_font(_CHINESE, "B", CHINESE_BOLD)
    other = of_machine() if _OTHER in families else None
    if other is not None:
        pdf.add_font(_OTHER, "", other)
        pdf.add_font(_OTHER, "B", other)


def _family(sign: str) -> str:
    if metrics.latin(sign):
        return _LATIN
    return _CHINESE if metrics.chinese(sign) or not machine_has(sign) else _OTHER


def _draw(pdf: FPDF, item: Item, theme: Theme) -> None:
    match item:
        case Rect():
            _rect(pdf, item, theme)
        case Line():
            weight = item.weight * (1.4 if theme.bold else 1)
            colour = colour_of(theme, item.meaning)
            points, head = outline.arrow(item)
            _stroke(pdf, points, colour, weight, item.stroke)
            if head:
                _fill(pdf, head, colour)
        case Area():
            swatch = theme[item.meaning]
            whole = [(item.points[0][0], item.floor), *item.points, (item.points[-1][0], item.floor)]
            _fill(pdf, whole, swatch.fill)
            _colour(pdf, swatch.stroke, outline.HATCH_WEIGHT)
            for x1, y1, x2, y2 in outline.hatch_under(item, theme):
                pdf.line(x1, y1, x2, y2)
            _stroke(pdf, item.points, swatch.edge, 1.5)
        case Brace():
            _stroke(pdf, list(_flat(outline.brace(item))), colour_of(theme, item.meaning), item.weight)
        case Dot():
            points = list(_flat(outline.dot(item)))
            _fill(pdf, points, theme[item.meaning].edge)
            _stroke(pdf, [*points, points[0]], theme.paper, 1.0)
        case Text():
            _text(pdf, item, theme)


def _rect(pdf: FPDF, item: Rect, theme: Theme) -> None:
    swatch = theme[item.meaning]
    corners = bool(item.radius)
    pdf.set_fill_color(swatch.fill)
    pdf.rect(item.x, item.y, item.width, item.height, "F", round_corners=corners, corner_radius=item.radius)
    if not item.plain:
        _colour(pdf, swatch.stroke, outline.HATCH_WEIGHT)
        for x1, y1, x2, y2 in outline.hatch(item, theme):
            pdf.line(x1, y1, x2, y2)
    if item.outlined:
        weight = item.weight * (1.6 if theme.bold else 1)
        _colour(pdf, swatch.edge, weight)
        _dash(pdf, item.stroke, weight)
        pdf.rect(
            item.x, item.y, item.width, item.height, "D", round_corners=corners, corner_radius=item.radius
        )
        pdf.set_dash_pattern()


def _text(pdf: FPDF, item: Text, theme: Theme) -> None:
    pdf.set_text_color(theme[item.inside].ink if item.inside else theme[item.meaning].word)
    style = "B" if item.bold else ""
    runs = []
    for family, signs in groupby(item.words, _family):
        words = "".join(signs)
        pdf.set_font(family, style, size=item.size)
        runs.append((family, words, pdf.get_string_width(words)))
    total = sum(length for _, _, length in runs)
    x = item.x - {Anchor.START: 0.0, Anchor.MIDDLE: total / 2, Anchor.END: total}[item.anchor]
    for family, words, length in runs:
        pdf.set_font(family, style, size=item.size)
        pdf.text(x, item.y, words)
        x += length


def _stroke(
    pdf: FPDF, points: Sequence[Point], colour: str, weight: float, stroke: Stroke = Stroke.SOLID
) -> None:
    _colour(pdf, colour, weight)
    _dash(pdf, stroke, weight)
    pdf.polyline(list(points))
    pdf.set_dash_pattern()


def _fill(pdf: FPDF, points: Sequence[Point], colour: str) -> None:
    pdf.set_fill_color(colour)
    pdf.polygon(list(points), style="F")


def _colour(pdf: FPDF, colour: str, weight: float) -> None:
    pdf.set_draw_color(colour)
    pdf.set_line_width(weight)


def _dash(pdf: FPDF, stroke: Stroke, weight: float) -> None:
    if stroke is not Stroke.SOLID:
        on, off = (5.0, 4.0) if stroke is Stroke.DASHED else (1.5, 3.0)
        pdf.set_dash_pattern(dash=on * max(1, weight), gap=off * max(1, weight))


def _flat(way: outline.Way) -> Iterator[Point]:
    """Yield a way's points, its curves in straight pieces."""
    at = way[0][0]
    yield at
    for points in way[1:]:
        if len(points) == 1:
            at = points[0]
            yield at
            continue
        (x0, y0), ((x1, y1), (x2, y2), (x3, y3)) = at, points
        for piece in range(1, _PIECES + 1):
            t = piece / _PIECES
            s = 1 - t
            a, b, c, d = s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t
            yield a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3
        at = points[2]
