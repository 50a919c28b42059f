"""Scenes as the pages of a PDF: vectors, and text that can be searched and copied, by fpdf2.

Its font is Noto Sans, embedded as far as it is used; what that lacks comes from this machine's font with
Chinese signs (:func:`iotrace.fonts.chinese`), where there is one with TrueType outlines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from iotrace.figures import metrics, outline
from iotrace.figures.scene import Anchor, Area, Brace, Dot, Item, Line, Point, Rect, Scene, Stroke, Text, walk
from iotrace.figures.scene import line_colour as colour_of
from iotrace.fonts import BOLD, REGULAR, chinese
from iotrace.theme import Theme

if TYPE_CHECKING:
    from fpdf import FPDF

#: How many straight pieces a Bézier curve is drawn with.
_PIECES = 12


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
    pdf.add_font("Noto Sans", "", REGULAR)
    pdf.add_font("Noto Sans", "B", BOLD)
    other = chinese(truetype=True)
    if other is not None and any(_foreign(scene) for scene in scenes):
        pdf.add_font("Chinese", "", other)
    else:
        other = None
    for scene in scenes:
        pdf.add_page(format=(scene.width, scene.height))
        for item in walk(scene.items):
            _draw(pdf, item, theme, other is not None)
    return bytes(pdf.output())


def _foreign(scene: Scene) -> bool:
    return any(not metrics.known(item.words) for item in walk(scene.items) if isinstance(item, Text))


def _draw(pdf: FPDF, item: Item, theme: Theme, foreign: bool) -> None:
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
            _stroke(pdf, item.points, swatch.edge, 1.5)
        case Brace():
            _stroke(pdf, list(_flat(outline.brace(item))), colour_of(theme, item.meaning), item.weight)
        case Dot():
            points = list(_flat(outline.dot(item)))
            _fill(pdf, points, theme[item.meaning].edge)
            _stroke(pdf, [*points, points[0]], theme.paper, 1.0)
        case Text():
            _text(pdf, item, theme, foreign)


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


def _text(pdf: FPDF, item: Text, theme: Theme, foreign: bool) -> None:
    pdf.set_text_color(theme[item.inside].ink if item.inside else theme[item.meaning].word)
    runs = []
    for own, signs in groupby(item.words, lambda sign: not foreign or metrics.known(sign)):
        words = "".join(signs)
        pdf.set_font(*(("Noto Sans", "B" if item.bold else "") if own else ("Chinese", "")), size=item.size)
        runs.append((own, words, pdf.get_string_width(words)))
    total = sum(length for _, _, length in runs)
    x = item.x - {Anchor.START: 0.0, Anchor.MIDDLE: total / 2, Anchor.END: total}[item.anchor]
    for own, words, length in runs:
        pdf.set_font(*(("Noto Sans", "B" if item.bold else "") if own else ("Chinese", "")), size=item.size)
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
